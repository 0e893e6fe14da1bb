"""A good request for every operation, so that tests can try all of them, new ones included."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

from falcon.testing import Result

from nestegg_core.api.operation import Operation
from nestegg_core.api.resources import admin as admin_users
from nestegg_core.api.resources import jobs, members
from nestegg_core.api.resources import me as users
from nestegg_core.api.resources.auth import email as own_addresses
from nestegg_core.api.resources.auth import identities, personal_tokens, sign_in
from nestegg_core.api.resources.ledger import accounts, categories, transactions
from support.authenticator import authenticator
from support.household import PASSWORD, Household, register
from support.staff import invite, join, token_of

_numbers = count(1)
_FIELD = r"\{(\w+)(?::\w+)?\}"


@dataclass
class Request:
    """One call: its path's fields, and what is sent.

    Attributes:
        fields: of the path, without the organization.
        version: of the row that is changed.
    """

    op: Operation
    fields: dict[str, str] = field(default_factory=dict)
    json: Any = None
    upload: bytes | None = None
    params: dict[str, str] = field(default_factory=dict)
    version: int = 1

    def path(self, org_id: str) -> str:
        """Return the path in an organization."""
        values = {"org_id": org_id, **self.fields}
        return re.sub(_FIELD, lambda found: values[found[1]], self.op.path)

    def send(self, user: Household, **headers: str) -> Result:
        """Send it as somebody, in their organization."""
        if self.op.method in {"PATCH", "DELETE"}:
            headers.setdefault("If_Match", f'"{self.version}"')
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.upload is not None:
            named["Content-Type"] = "text/csv"
        return user.call(
            self.op.method,
            self.path(user.org_id),
            headers=named,
            params=self.params,
            **({"body": self.upload} if self.upload is not None else {}),
            **({"json": self.json} if self.json is not None else {}),
        )


def request_for(op: Operation, owner: Household) -> Request:
    """Return a request that the owner's organization would grant, on rows made for it.

    An operation that is not known here fails the test: say below what it needs.
    """
    request = Request(op)
    for name in re.findall(_FIELD, op.path):
        if name != "org_id":
            row = (_ROWS.get(op.path) or _ROWS[name])(owner)
            if op.path.endswith("/revert"):
                row = owner.post(f"imports/{row['id']}/commit").json
            request.fields[name], request.version = row["id"], row["version"]
    if op.body is not None:
        request.json = _BODIES[op.body](owner)
    elif op.upload:
        request.upload, request.params = statement(), {"account_id": owner.account()["id"]}
    if op.method == "PATCH" and not request.fields:  # the organization itself
        request.version = owner.get(f"/api/v1/organizations/{owner.org_id}").json["version"]
    return request


def statement() -> bytes:
    """Return a statement with two rows that no other has."""
    first, second = next(_numbers), next(_numbers)
    return (
        "Date,Amount,Payee,Description\n"
        f"2026-01-01,-1.00,Bakery {first},Bread\n2026-01-02,-2.00,Shop {second},Food\n"
    ).encode()


def email() -> str:
    """Return an address that nobody has."""
    return f"applicant{next(_numbers)}@example.org"


def _import(owner: Household) -> dict[str, Any]:
    return dict(owner.upload(owner.account(), statement()).json)


def _category(owner: Household) -> dict[str, Any]:
    return dict(owner.post("categories", name=f"Hobby {next(_numbers)}").json)


def _failed_job(owner: Household) -> dict[str, Any]:
    """Only an administrator can make one; nobody else gets as far as to its id."""
    asked = owner.post("/api/v1/admin/jobs", name="forget_jobs", arguments={"unheard of": 1})
    return {"id": asked.json.get("id", "none"), "version": 1}


def _personal_token(owner: Household) -> dict[str, Any]:
    # Whoever signed in a while ago is asked for the password again.
    body = {"name": "Sample", "scopes": ["accounts:read"], "password": PASSWORD}
    return {**owner.post("/api/v1/me/tokens", **body).json, "version": 1}


def _other_session(owner: Household) -> dict[str, Any]:
    login = {"email": owner.email, "password": PASSWORD}
    assert owner.client.simulate_post("/api/v1/auth/login", json=login).status_code == 200
    listed = owner.get("/api/v1/me/sessions").json["items"]
    return {**next(one for one in listed if not one["current"]), "version": 1}


def _user(owner: Household) -> dict[str, Any]:
    return {**register(owner.client).signed_in["user"], "version": 1}


# By the field of the path, or by the whole path where a field means something else there.
def _member(owner: Household) -> dict[str, Any]:
    return {"id": join(owner)["user"]["id"], "version": 1}


_ROWS: dict[str, Callable[[Household], dict[str, Any]]] = {
    "account_id": lambda owner: owner.account(),
    "transaction_id": lambda owner: owner.transaction(owner.account(), "-1.00"),
    "category_id": _category,
    "import_id": _import,
    "job_id": _failed_job,
    "token_id": _personal_token,
    "user_id": _member,
    "invitation_id": lambda owner: invite(owner, email()),
    "session_id": _other_session,
    "identity_id": lambda _: {"id": str(uuid4()), "version": 1},  # of the password there is none
    "/api/v1/admin/users/{user_id:uuid}": _user,
    "/api/v1/admin/users/{user_id:uuid}/reset-link": _user,
}

_BODIES: dict[Any, Callable[[Household], dict[str, Any]]] = {
    accounts.NewAccount: lambda _: {"name": "Cash", "type": "cash", "currency": "EUR"},
    accounts.AccountChange: lambda _: {"name": "Purse"},
    categories.NewCategory: lambda _: {"name": f"Pets {next(_numbers)}"},
    categories.CategoryChange: lambda _: {"kind": "income"},
    transactions.NewTransaction: lambda owner: {
        "account_id": owner.account()["id"],
        "date": "2026-03-15",
        "amount": "-1.00",
        "payee": "Bakery",
    },
    transactions.TransactionChange: lambda _: {"payee": "Grocer"},
    jobs.NewJob: lambda _: {"name": "forget_jobs"},
    personal_tokens.NewPersonalToken: lambda owner: {
        "name": "Script",
        "scopes": ["accounts:read"],
        **({"password": PASSWORD} if owner.email else {}),
    },
    admin_users.UserChange: lambda _: {"disabled": True},
    users.OrganizationChange: lambda _: {"name": "Family"},
    users.NewOrganization: lambda _: {"name": "Company"},
    members.MemberChange: lambda _: {"role": "member"},
    members.NewInvitation: lambda _: {"email": email(), "role": "viewer"},
    members.Acceptance: lambda owner: {
        "token": token_of(invite(register(owner.client), email())["link"])
    },
    own_addresses.LostPassword: lambda owner: {"email": owner.email},
    own_addresses.PasswordReset: lambda _: {"token": "unknown", "password": PASSWORD},
    identities.NewIdentity: lambda _: {"token": "unknown", "password": PASSWORD},
    own_addresses.AddressProof: lambda _: {"token": "unknown"},
    users.Registration: lambda _: {"email": email(), "password": PASSWORD},
    sign_in.SignIn: lambda owner: {"email": owner.email, "password": PASSWORD},
    sign_in.PasswordChange: lambda _: {"old_password": PASSWORD, "new_password": PASSWORD},
    sign_in.PasswordProof: lambda _: {"password": PASSWORD},
    sign_in.CodeProof: lambda owner: {"code": authenticator(owner).code()},
    sign_in.PasswordAndCode: lambda _: {"password": PASSWORD, "code": "123456"},
    users.RefreshRequest: lambda owner: {
        "refresh_token": owner.client.simulate_post(
            "/api/v1/auth/login", json={"email": owner.email, "password": PASSWORD}
        ).json["refresh_token"]
    },
}
