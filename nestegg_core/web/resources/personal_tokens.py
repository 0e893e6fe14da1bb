"""One's own personal access tokens."""

from datetime import timedelta

from nestegg_core.people.personal_tokens import PersonalTokens
from nestegg_core.people.recent_proof import RecentProof
from nestegg_core.web.fields import PageQuery
from nestegg_core.web.models import personal_tokens as models
from nestegg_core.web.operation import PREFIX, Answer, Call, operation
from nestegg_core.web.resources.rows import GONE

COLLECTION = PREFIX + "/me/tokens"
ONE = COLLECTION + "/{token_id:uuid}"


class PersonalTokenResource:
    """`/me/tokens`."""

    def __init__(self, tokens: PersonalTokens, proof: RecentProof) -> None:
        self._tokens = tokens
        self._proof = proof

    @operation("GET", COLLECTION, query=PageQuery, answer=models.PersonalTokenPage)
    def tokens(self, call: Call) -> Answer:
        """List one's personal access tokens, those that the operator made included."""
        items, after = self._tokens.page(
            call.caller.person_id, limit=call.query.limit, after=call.after
        )
        return Answer({"items": items}, after=after)

    @operation(
        "POST",
        COLLECTION,
        body=models.NewPersonalToken,
        answer=models.MadePersonalToken,
        status=201,
    )
    def create_token(self, call: Call) -> Answer:
        """Make a personal access token; the answer shows it this once.

        More than ten minutes after signing in one's password or a code is needed too: without, the
        answer is 401 with the type `recent-sign-in-required`.
        """
        body = call.body
        self._proof.require(call.caller, body.password, body.code)
        lifetime = timedelta(days=body.expires_in_days)
        issued = self._tokens.grant(call.caller, body.name, body.scopes, lifetime)
        return Answer({**issued.row, "token": issued.token}, status=201, cacheable=False)

    @operation("DELETE", ONE, answer=None, status=204)
    def delete_token(self, call: Call) -> Answer:
        """Revoke a personal access token, which is worth nothing from now on."""
        self._tokens.revoke(call.caller.person_id, call.params["token_id"])
        return GONE
