"""Registering, signing in and out: the built-in identity provider's endpoints."""

from typing import Any

from nestegg_core.people.persons import Persons
from nestegg_core.people.sessions import Sessions, TokenPair
from nestegg_core.web.models import people as models
from nestegg_core.web.operation import PREFIX, Answer, Call, operation


class Auth:
    """`/auth`."""

    def __init__(self, persons: Persons, sessions: Sessions) -> None:
        self._persons = persons
        self._sessions = sessions

    @operation(
        "POST",
        PREFIX + "/auth/register",
        public=True,
        body=models.Registration,
        answer=models.Registered,
        status=201,
    )
    def register(self, call: Call) -> Answer:
        """Register a person, with an organization of their own, and sign them in."""
        new = self._persons.register(call.body.email, call.body.password, call.body.name)
        pair = self._sessions.open(new.person_id)
        user = self._persons.read(new.person_id)
        content = {
            "user": user,
            "organization": user["memberships"][0]["organization"],
            **_tokens(pair),
        }
        return Answer(content, status=201, cacheable=False)

    @operation(
        "POST",
        PREFIX + "/auth/login",
        public=True,
        body=models.SignIn,
        answer=models.Tokens,
    )
    def login(self, call: Call) -> Answer:
        """Sign in with email and password."""
        _, pair = self._sessions.sign_in(call.body.email, call.body.password)
        return Answer(_tokens(pair), cacheable=False)

    @operation(
        "POST",
        PREFIX + "/auth/refresh",
        public=True,
        body=models.RefreshRequest,
        answer=models.Tokens,
    )
    def refresh(self, call: Call) -> Answer:
        """Spend a refresh token for a new pair; a second use ends the session."""
        return Answer(_tokens(self._sessions.refresh(call.body.refresh_token)), cacheable=False)


class SignOut:
    """`/auth/logout`, for the tokens of every provider."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @operation("POST", PREFIX + "/auth/logout", answer=None, status=204)
    def logout(self, call: Call) -> Answer:
        """Sign out: the token, and its session, are worth nothing from now on."""
        self._sessions.sign_out(call.caller, call.request.context.expires_at)
        return Answer(None, status=204)


def _tokens(pair: TokenPair) -> dict[str, Any]:
    return {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
    }
