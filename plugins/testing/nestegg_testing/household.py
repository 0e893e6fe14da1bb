"""A signed-in user with an organization of their own, and the calls that tests make."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from falcon.testing import Result, TestClient

PASSWORD = "correct horse battery staple"  # noqa: S105 - of users who exist in tests only

_numbers = count(1)


@dataclass
class Household:
    """Calls the API as one user, in one organization.

    Attributes:
        client: talks to the application.
        email: the user's.
        signed_in: the answer to registering, with both tokens.
    """

    client: TestClient
    email: str
    signed_in: dict[str, Any] = field(repr=False)

    @property
    def org_id(self) -> str:
        """The organization's id."""
        return str(self.signed_in["organization"]["id"])

    @property
    def token(self) -> str:
        """The access token that the calls carry."""
        return str(self.signed_in["access_token"])

    def call(self, method: str, path: str, **arguments: Any) -> Result:
        """Call a path: below the organization, or from the root when it begins with `/api`.

        Args:
            method: `GET` and the like.
            path: e.g. `accounts`, or `/api/v1/me`.
            arguments: what `falcon.testing.simulate_request` takes: `json`, `params`, `headers`.
        """
        if not path.startswith("/api"):
            path = f"/api/v1/organizations/{self.org_id}/{path}"
        headers = {"Authorization": f"Bearer {self.token}", **arguments.pop("headers", {})}
        return self.client.simulate_request(method, path, headers=headers, **arguments)

    def get(self, path: str, **params: Any) -> Result:
        """Read, with query parameters."""
        return self.call("GET", path, params=params)

    def post(self, path: str, **json: Any) -> Result:
        """Send the members of a JSON body, if there are any."""
        return self.call("POST", path, json=json) if json else self.call("POST", path)

    def patch(self, path: str, version: int, **json: Any) -> Result:
        """Change the version of a row that was read."""
        return self.call("PATCH", path, json=json, headers={"If-Match": f'"{version}"'})

    def delete(self, path: str, version: int, **params: Any) -> Result:
        """Delete the version of a row that was read."""
        return self.call("DELETE", path, params=params, headers={"If-Match": f'"{version}"'})

    def account(self, **values: Any) -> dict[str, Any]:
        """Open an account and return it."""
        values = {"name": "Checking", "type": "checking", "currency": "EUR", **values}
        return _created(self.post("accounts", **values))

    def transaction(self, account: dict[str, Any], amount: str, **values: Any) -> dict[str, Any]:
        """Book a transaction and return it."""
        values = {"date": "2026-03-15", "payee": "Bakery", **values}
        return _created(
            self.post("transactions", account_id=account["id"], amount=amount, **values)
        )

    def balance(self, account: dict[str, Any]) -> str:
        """Return an account's present balance."""
        return str(self.get(f"accounts/{account['id']}").json["balance"])

    def upload(self, account: dict[str, Any], content: bytes, **params: Any) -> Result:
        """Upload a statement as `text/csv`."""
        return self.call(
            "POST",
            "imports",
            params={"account_id": account["id"], **params},
            body=content,
            headers={"Content-Type": "text/csv"},
        )


def register(client: TestClient, **values: Any) -> Household:
    """Register somebody new.

    Args:
        client: talks to an application whose identity provider chain has `builtin`.
        values: members of the body, where the defaults will not do: `email`, `name`.
    """
    email = values.pop("email", f"user{next(_numbers)}@example.org")
    answer = client.simulate_post(
        "/api/v1/auth/register", json={"email": email, "password": PASSWORD, **values}
    )
    return Household(client, email, _created(answer))


def _created(answer: Result) -> dict[str, Any]:
    if answer.status_code != 201:  # noqa: PLR2004 - Created
        raise AssertionError(f"{answer.status}: {answer.text}")
    return dict(answer.json)
