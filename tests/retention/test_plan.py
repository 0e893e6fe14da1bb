"""What several policies decide, put together."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from nestegg_core import Expire, Hold
from nestegg_core.errors import PluginFault
from nestegg_core.retention.policy import Cutoff, Plan, TransactionAge, make_plan

ORG, CASH, CARD, ROW = (UUID(int=n) for n in range(4))
TODAY = date(2026, 3, 31)


class Says:
    """Answers the same to everybody."""

    def __init__(self, *decisions: Any) -> None:
        self._decisions = decisions

    def decide(self, org_id: UUID, today: date) -> Sequence[Any]:
        del org_id, today
        return self._decisions


def expire(year: int, *accounts: UUID) -> Expire:
    return Expire("transaction", date(year, 1, 1), frozenset(accounts) or None)


def planned(**policies: Any) -> Plan:
    return make_plan(list(policies.items()), ORG, TODAY)


def test_without_policies_everything_stays() -> None:
    assert planned().cutoff(CASH) is None
    assert planned(age=TransactionAge(None)).days == []


def test_an_age_counts_back_from_the_day() -> None:
    assert planned(age=TransactionAge(30)).cutoff(CASH) == Cutoff(date(2026, 3, 1), ("age",))


def test_the_latest_cutoff_counts_and_everyone_who_named_it_is_told() -> None:
    made = planned(a=Says(expire(2020)), b=Says(expire(2022)), c=Says(expire(2022)))

    assert made.cutoff(CASH) == Cutoff(date(2022, 1, 1), ("b", "c"))


def test_an_account_may_lose_more_than_the_others_but_not_less() -> None:
    made = planned(a=Says(expire(2020)), b=Says(expire(2022, CASH), expire(2018, CARD)))

    assert made.cutoff(CASH) == Cutoff(date(2022, 1, 1), ("b",))
    assert made.cutoff(CARD) == Cutoff(date(2020, 1, 1), ("a",))
    assert made.days == [date(2020, 1, 1), date(2022, 1, 1)]


def test_a_decision_on_accounts_leaves_the_others_alone() -> None:
    made = planned(a=Says(expire(2020, CASH)))

    assert made.cutoff(CASH) == Cutoff(date(2020, 1, 1), ("a",))
    assert made.cutoff(CARD) is None


def test_one_hold_on_everything_stops_all_policies() -> None:
    made = planned(a=Says(expire(2020), expire(2022, CASH)), b=Says(Hold("transaction", "lawsuit")))

    assert (made.cutoff(CASH), made.cutoff(CARD)) == (None, None)
    assert made.reasons == ("lawsuit",)


def test_holds_on_rows_add_up() -> None:
    holds = [Hold("transaction", "x", frozenset({one})) for one in (CASH, ROW)]
    made = planned(a=Says(holds[0]), b=Says(holds[1], expire(2020)))

    assert made.held == {CASH, ROW}
    assert made.cutoff(CARD) is not None


@pytest.mark.parametrize(
    ("decision", "why"),
    [
        (Expire("session", date(2020, 1, 1)), "a kind of record that does not exist"),
        (Hold("account", "lawsuit"), "a kind of record that does not exist"),
        (Expire("transaction", TODAY), "every row"),
        (Expire("transaction", TODAY + timedelta(days=1)), "every row"),
        (Expire("transaction", date.max), "every row"),
        (Expire("transaction", datetime(2020, 1, 1, tzinfo=UTC)), "no date"),
        (Expire("transaction", "2020-01-01"), "no date"),  # type: ignore[arg-type]
        ("2020-01-01", "other than Expire and Hold"),
        (None, "other than Expire and Hold"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_policy_s_name(decision: Any, why: str) -> None:
    with pytest.raises(PluginFault, match=rf"'wrong'.*{why}"):
        planned(good=Says(expire(2020)), wrong=Says(decision))
