"""Versions of rows: ETag out, If-Match in (RFC 9110, 8.8.3, 13.1.1 and 13.1.2)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from falcon.testing import Result

from nestegg_core.api.app import operations
from nestegg_core.api.operation import Operation
from nestegg_core.application import Runtime
from support.household import Household
from support.samples import request_for
from support.staff import promote


@pytest.fixture
def changing(runtime: Runtime, household: Household) -> list[Operation]:
    promote(runtime, household)
    return [op for op in operations(runtime) if op.asks_version]


@pytest.fixture
def reading(runtime: Runtime) -> list[Operation]:
    return [op for op in operations(runtime) if op.method == "GET" and not op.public]


def test_a_change_without_a_version_is_428(changing: list[Operation], household: Household) -> None:
    for op in changing:
        request = request_for(op, household)
        answer = household.call(op.method, request.path(household.org_id), json=request.json)
        assert answer.status_code == 428, op.path
        assert request.send(household).status_code == op.status, "the refused change was made"


@pytest.mark.parametrize(
    "stale",
    [
        *('"0"', '"2"', '"99999999999999"', '"x"', "1", 'W/"1"', "*", "²", '"01"', '"1" "1"'),
        *('"0", "x"', '"1", x', '"x"1"', '*, "1"', ", ".join(['"1"'] * 9)),
    ],
)
def test_a_change_of_another_version_is_412_and_changes_nothing(
    changing: list[Operation], household: Household, stale: str
) -> None:
    for op in changing:
        request = request_for(op, household)
        if stale == '"2"':
            stale = f'"{request.version + 1}"'
        answer = request.send(household, If_Match=stale)
        assert answer.status_code == 412, op.path
        assert request.send(household).status_code == op.status, "the stale change was made"


@pytest.mark.parametrize("listed", ['"0", {0}', '{0} , W/"2","x,y"', '"7","8","9",{0}'])
def test_a_change_is_made_where_one_of_several_versions_is_the_present_one(
    changing: list[Operation], household: Household, listed: str
) -> None:
    for op in changing:
        request = request_for(op, household)
        answer = request.send(household, If_Match=listed.format(f'"{request.version}"'))
        assert answer.status_code == op.status, op.path


def test_a_change_counts_the_version_up(changing: list[Operation], household: Household) -> None:
    for op in (op for op in changing if op.method == "PATCH"):
        request = request_for(op, household)
        answer = request.send(household)
        assert answer.json["version"] == request.version + 1, op.path
        assert answer.headers["ETag"] == f'"{request.version + 1}"'
        assert request.send(household).status_code == 412, "the old version still counts"


def test_a_row_that_is_made_has_its_version_and_its_place(household: Household) -> None:
    answer = household.post("accounts", name="Cash", type="cash", currency="EUR")

    assert answer.headers["ETag"] == '"1"'
    read = household.get(answer.headers["Location"])
    assert read.json == answer.json
    assert read.headers["ETag"] == '"1"'


def test_what_has_not_changed_is_304(
    runtime: Runtime, reading: list[Operation], household: Household
) -> None:
    promote(runtime, household)
    for op in reading:
        path = request_for(op, household).path(household.org_id)
        first = household.get(path)
        if "ETag" not in first.headers:
            assert op.administrators, op.path  # what changes by itself, such as a running job
            continue
        again = unchanged(household, path, first.headers["ETag"])
        assert again.status_code == 304, op.path
        assert again.headers["ETag"] == first.headers["ETag"]
        assert unchanged(household, path, '"other"').status_code == 200
        many = f'"other", {first.headers["ETag"]}'
        assert unchanged(household, path, many).status_code == 304


def test_a_list_has_a_weak_tag_that_a_new_row_changes(household: Household) -> None:
    path = f"/api/v1/organizations/{household.org_id}/accounts"
    before = household.get(path).headers["ETag"]
    household.account()

    assert before.startswith('W/"')
    assert unchanged(household, path, before).status_code == 200


def test_a_booking_changes_its_accounts_version(household: Household) -> None:
    account = household.account()
    path = f"/api/v1/organizations/{household.org_id}/accounts/{account['id']}"
    household.transaction(account, "-12.50")

    answer = unchanged(household, path, '"1"')

    assert (answer.status_code, answer.json["balance"]) == (200, "-12.50")


def test_a_renamed_organization_shows_in_the_users_own_page(household: Household) -> None:
    before = household.get("/api/v1/me")
    household.patch(f"/api/v1/organizations/{household.org_id}", 1, name="The Hive")

    after = unchanged(household, "/api/v1/me", before.headers["ETag"])

    assert after.status_code == 200
    assert after.json["memberships"][0]["organization"]["name"] == "The Hive"


def test_a_deleted_category_counts_its_transactions_up(household: Household) -> None:
    category = household.post("categories", name="Pets").json
    booked = household.transaction(household.account(), "-1.00", category_id=category["id"])

    assert household.delete(f"categories/{category['id']}", 1).status_code == 204

    assert household.patch(f"transactions/{booked['id']}", 1, payee="Vet").status_code == 412
    read = household.get(f"transactions/{booked['id']}").json
    assert (read["category_id"], read["version"]) == (None, 2)


def test_of_concurrent_changes_of_one_version_exactly_one_wins(household: Household) -> None:
    account = household.account()
    booked = household.transaction(account, "-1.00")

    def change(number: int) -> Result:
        return household.patch(f"transactions/{booked['id']}", 1, amount=f"-{number}.00")

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(change, range(10, 16)))

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200, 412, 412, 412, 412, 412]
    winner = next(answer for answer in answers if answer.status_code == 200)
    assert household.get(f"transactions/{booked['id']}").json == winner.json
    assert household.balance(account) == winner.json["amount"]


def test_concurrent_bookings_all_count(household: Household) -> None:
    account = household.account()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: household.transaction(account, "-1.50"), range(12)))

    assert household.balance(account) == "-18.00"


def unchanged(user: Household, path: str, tag: str) -> Result:
    """Read a path unless it still has this tag."""
    return user.call("GET", path, headers={"If-None-Match": tag})
