"""Who calls the API with which token: the questions that every provider's tests ask."""

from dataclasses import dataclass
from typing import Any

from falcon.testing import Result, TestClient


@dataclass(frozen=True)
class ApiCaller:
    """Calls the API of a server with tokens that others issued."""

    client: TestClient

    def answer(self, token: str, path: str = "/api/v1/me", method: str = "GET") -> Result:
        """Return what the API answers to a token."""
        headers = {"Authorization": f"Bearer {token}"}
        return self.client.simulate_request(method, path, headers=headers)

    def me(self, token: str) -> dict[str, Any]:
        """Return whom the API takes the token's bearer for; the token must be good."""
        answer = self.answer(token)
        assert answer.status_code == 200, answer.text
        user: dict[str, Any] = answer.json
        return user

    def status(self, token: str) -> int:
        """Return the status of `/me`; refusals must be as RFC 6750, 3 wants them."""
        answer = self.answer(token)
        if answer.status_code == 401:
            assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        if answer.status_code == 400:
            assert 'error="invalid_request"' in answer.headers["WWW-Authenticate"]
        return int(answer.status_code)

    def may_administer(self, token: str) -> bool:
        """Tell whether an endpoint for administrators of the instance lets the token in."""
        status = self.answer(token, "/api/v1/admin/plugins").status_code
        assert status in (200, 403)
        return bool(status == 200)

    def sign_out(self, token: str) -> None:
        """Sign out, and see that the very token is refused afterwards."""
        assert self.answer(token, "/api/v1/auth/logout", "POST").status_code == 204
        assert self.status(token) == 401
