"""Registering, signing in and out: the built-in identity provider's endpoints."""

from typing import Any

from nestegg_core.people.persons import Persons
from nestegg_core.people.registration import Registration
from nestegg_core.people.sessions import Sessions, TokenPair
from nestegg_core.people.sign_in import SignIn
from nestegg_core.web.client_address import ClientAddresses
from nestegg_core.web.models import people as models
from nestegg_core.web.models import sign_in as sign_in_models
from nestegg_core.web.operation import PREFIX, Answer, Call, operation


class Auth:
    """`/auth`."""

    def __init__(
        self,
        registration: Registration,
        persons: Persons,
        sessions: Sessions,
        sign_in: SignIn,
        addresses: ClientAddresses,
    ) -> None:
        self._registration = registration
        self._persons = persons
        self._sessions = sessions
        self._sign_in = sign_in
        self._addresses = addresses

    @operation(
        "POST",
        PREFIX + "/auth/register",
        public=True,
        body=models.Registration,
        answer=models.Registered,
        status=201,
        refusals=(403,),
    )
    def register(self, call: Call) -> Answer:
        """Register a person, and sign them in.

        They get an organization of their own, or with an invitation join the one that invites
        them. Where the server asks for an invitation, or lets nobody register, the answer is 403
        with the type `invitation-required`, `invitation-invalid` or `registration-closed`.
        """
        body = call.body
        device = self._addresses.device(call.request)
        new = self._registration.register(
            body.email, body.password, body.name, body.invitation, device
        )
        pair = self._sessions.open(new.person_id, device)
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
        body=sign_in_models.SignIn,
        answer=sign_in_models.SignedIn,
    )
    def login(self, call: Call) -> Answer:
        """Sign in with email and password, and a code where a second factor is on.

        Without that code the answer is 401 with the type `second-factor-required`.
        """
        body, device = call.body, self._addresses.device(call.request)
        signed_in = self._sign_in.with_password(body.email, body.password, body.code, device)
        content = _tokens(signed_in.tokens)
        if signed_in.recovery_codes_left is not None:
            content["recovery_codes_left"] = signed_in.recovery_codes_left
        return Answer(content, cacheable=False)

    @operation(
        "POST",
        PREFIX + "/auth/refresh",
        public=True,
        body=models.RefreshRequest,
        answer=models.Tokens,
    )
    def refresh(self, call: Call) -> Answer:
        """Spend a refresh token for a new pair; a second use ends the session."""
        device = self._addresses.device(call.request)
        pair = self._sessions.refresh(call.body.refresh_token, device)
        return Answer(_tokens(pair), cacheable=False)


class SignOut:
    """`/auth/logout`, for the tokens of every provider."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @operation("POST", PREFIX + "/auth/logout", answer=None, status=204, checks_standing=False)
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
