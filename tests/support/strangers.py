"""Tries every operation below an organization as somebody of another one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from falcon.testing import Result

from support.household import Household
from support.staff import invite, join

ROOT = "/api/v1/organizations/{org_id}"
MARK = "quokka"
"""Stands in every text of the belongings."""


def statement(mark: str, amount: str) -> bytes:
    """Return a statement of one row."""
    row = f"2026-01-05,{mark} shop,{mark},{amount},{mark}"
    return f"Date,Payee,Category,Amount,Notes\n{row}\n".encode()


@dataclass(frozen=True)
class Belongings:
    """Ids of one row of each kind, by the name that paths have for them."""

    ids: Mapping[str, str]
    committed: str = ""

    @classmethod
    def absent(cls, org_id: str) -> "Belongings":
        """Return ids that nobody has, below an organization."""
        rows = ("account", "transaction", "category", "import", "user", "invitation")
        names = [f"{row}_id" for row in rows]
        return cls({"org_id": org_id, **{name: str(uuid4()) for name in names}}, str(uuid4()))

    def below(self, org_id: str) -> "Belongings":
        """Return the same rows, called below another organization."""
        return Belongings({**self.ids, "org_id": org_id}, self.committed)


def furnish(household: Household, mark: str = MARK) -> Belongings:
    """Give a household a row of each kind."""
    account = household.call(
        "POST",
        "accounts",
        json={**_NEW_ACCOUNT, "name": mark, "institution": mark, "number": f"{mark}12345678"},
        headers=_SAME_KEY,
    ).json
    category = household.post("categories", name=mark).json
    transaction = household.transaction(
        account, "-12.50", payee=mark, notes=mark, category_id=category["id"]
    )
    committed = household.upload(account, statement(mark, "-3.00")).json
    assert household.post(f"imports/{committed['id']}/commit").status_code == 200
    previewed = household.upload(account, statement(mark, "-4.00")).json
    return Belongings(
        {
            "org_id": household.org_id,
            "account_id": account["id"],
            "transaction_id": transaction["id"],
            "category_id": category["id"],
            "import_id": previewed["id"],
            "user_id": join(household)["user"]["id"],
            "invitation_id": invite(household, f"{mark}@example.org")["id"],
        },
        committed["id"],
    )


@dataclass(frozen=True)
class Attempt:
    """One call.

    Attributes:
        template: the path as the OpenAPI document has it.
        path: the path with ids.
        foreign: whether it names a row (and not only the organization): it must be refused.
    """

    method: str
    template: str
    path: str
    foreign: bool
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def run(self, caller: Household) -> Result:
        return caller.call(self.method, self.path, **self.arguments)

    def __str__(self) -> str:
        return f"{self.method} {self.template} {dict(self.arguments)}"


def attempts(theirs: Belongings) -> Iterator[Attempt]:
    """Return calls of every operation below an organization, with ids of `theirs`."""
    account, category = theirs.ids["account_id"], theirs.ids["category_id"]
    csv = {"body": statement(MARK, "-5.00"), "headers": {"Content-Type": "text/csv"}}
    for filters in ({}, {"account_id": account}, {"category_id": category}, {"q": MARK}):
        yield _attempt("GET", "/transactions", theirs, params=filters)
    for path in ("", "/accounts", "/categories", "/imports", "/retention-receipts"):
        yield _attempt("GET", path, theirs)
    for path in ("/members", "/invitations"):
        yield _attempt("GET", path, theirs)
    guest = {"email": "guest@example.org", "role": "owner"}
    yield _attempt("POST", "/invitations", theirs, json=guest)
    yield _attempt("GET", "/invitations/{invitation_id}", theirs)
    for report in ("net-worth", "cash-flow", "spending"):
        days = {"from": "2026-01-01", "to": "2026-12-31"}
        yield _attempt("GET", f"/reports/{report}", theirs, params=days)
    yield _attempt("POST", "/accounts", theirs, json=_NEW_ACCOUNT)
    yield _attempt("POST", "/accounts", theirs, json=_NEW_ACCOUNT, headers=_SAME_KEY)
    yield _attempt("POST", "/categories", theirs, json={"name": "Pets"})
    yield _attempt("PATCH", "", theirs, json={"name": "Taken over"}, headers=_ANY_VERSION)
    booked = {"account_id": account, "date": "2026-02-01", "amount": "-1.00", "payee": "x"}
    yield _attempt("POST", "/transactions", theirs, names_row=True, json=booked)
    yield _attempt(
        "POST", "/imports", theirs, names_row=True, params={"account_id": account}, **csv
    )
    yield _attempt("GET", "/imports/{import_id}/rows", theirs)
    yield _attempt("POST", "/imports/{import_id}/commit", theirs)
    reverting = Belongings({**theirs.ids, "import_id": theirs.committed})
    yield _attempt("POST", "/imports/{import_id}/revert", reverting)
    for path, changes in _CHANGES:
        yield _attempt("GET", path, theirs)
        for version in ('"1"', '"2"', '"3"'):
            headers = {"If-Match": version}
            yield _attempt("PATCH", path, theirs, json=changes, headers=headers)
    for path in (*_DELETED, *(path for path, _ in reversed(_CHANGES))):
        for version in ('"1"', '"2"', '"3"'):
            yield _attempt("DELETE", path, theirs, headers={"If-Match": version})
    yield _attempt("GET", "/imports/{import_id}", theirs)


_NEW_ACCOUNT = {"name": "Own", "type": "cash", "currency": "EUR"}
_SAME_KEY = {"Idempotency-Key": "the-key-that-everyone-uses"}
_ANY_VERSION = {"If-Match": '"1"'}
_DELETED = ("/imports/{import_id}", "/invitations/{invitation_id}")
_CHANGES: tuple[tuple[str, dict[str, str]], ...] = (
    ("/accounts/{account_id}", {"name": "Taken over"}),
    ("/categories/{category_id}", {"name": "Taken over"}),
    ("/transactions/{transaction_id}", {"payee": "Taken over"}),
    ("/members/{user_id}", {"role": "owner"}),
)


def _attempt(
    method: str, path: str, theirs: Belongings, *, names_row: bool = False, **arguments: Any
) -> Attempt:
    template = ROOT + path
    foreign = names_row or path.count("{") > 0
    return Attempt(method, template, template.format(**theirs.ids), foreign, arguments)


def snapshot(household: Household) -> dict[str, Any]:
    """Return everything that a household sees of its own."""

    def read(path: str, **params: Any) -> Any:
        answer = household.get(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json

    lists = {
        kind: read(kind, limit=200)["items"]
        for kind in ("accounts", "transactions", "categories", "imports")
    }
    details = {
        f"{kind}/{row['id']}": read(f"{kind}/{row['id']}")
        for kind, rows in lists.items()
        for row in rows
    }
    rows = {row["id"]: read(f"imports/{row['id']}/rows") for row in lists["imports"]}
    organization = read(f"/api/v1/organizations/{household.org_id}")
    lists |= {kind: read(kind, limit=200)["items"] for kind in ("members", "invitations")}
    return {"lists": lists, "details": details, "rows": rows, "organization": organization}
