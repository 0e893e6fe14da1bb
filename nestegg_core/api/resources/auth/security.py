"""What users do for the safety of their own sign-in: sessions, password, second factor."""

from dataclasses import dataclass

from nestegg_core.api.fields import PageQuery
from nestegg_core.api.operation import PREFIX, Answer, Call, operation, page_answer
from nestegg_core.api.resources.auth import sign_in as models
from nestegg_core.auth.builtin.password_change import Ended, PasswordChange
from nestegg_core.auth.builtin.second_factor import SecondFactors
from nestegg_core.auth.builtin.sessions import SessionList

SESSIONS = PREFIX + "/me/sessions"
SECOND_FACTOR = PREFIX + "/me/second-factor"


@dataclass(frozen=True, slots=True)
class OwnSessions:
    session_list: SessionList

    @operation("GET", SESSIONS, query=PageQuery, answer=models.SessionPage)
    def sessions(self, call: Call) -> Answer:
        """List where one is signed in."""
        return page_answer(
            self.session_list.page(call.caller, limit=call.query.limit, after=call.after)
        )

    @operation("DELETE", SESSIONS + "/{session_id:uuid}", answer=None, status=204)
    def end_session(self, call: Call) -> Answer:
        """End one session: its tokens are worth nothing from now on."""
        self.session_list.end(call.caller, call.params["session_id"])
        return Answer(None, status=204)

    @operation("DELETE", SESSIONS, answer=None, status=204)
    def end_other_sessions(self, call: Call) -> Answer:
        """End every session but the one of this request."""
        self.session_list.end_others(call.caller)
        return Answer(None, status=204)


@dataclass(frozen=True, slots=True)
class OwnPasswordResource:
    password_change: PasswordChange

    @operation(
        "POST", PREFIX + "/me/password", body=models.PasswordChange, answer=models.NewPasswordSet
    )
    def change_password(self, call: Call) -> Answer:
        """Change one's password.

        Every other session ends, and every personal access token unless one keeps them.
        """
        body = call.body
        ended = self.password_change.change(
            call.caller, body.old_password, body.new_password, keep_tokens=body.keep_personal_tokens
        )
        return told(ended)


def told(ended: Ended) -> Answer:
    """Tell what has ended with an old password."""
    return Answer(
        {"sessions_ended": ended.sessions, "personal_tokens_ended": ended.personal_tokens},
        cacheable=False,
    )


@dataclass(frozen=True, slots=True)
class OwnSecondFactor:
    second_factors: SecondFactors

    @operation("GET", SECOND_FACTOR, answer=models.SecondFactor)
    def second_factor(self, call: Call) -> Answer:
        """Read whether a sign-in asks for a code, and how many recovery codes are left."""
        return Answer(self.second_factors.state(call.caller.user_id))

    @operation("POST", SECOND_FACTOR, body=models.PasswordProof, answer=models.SecondFactorSetup)
    def begin_second_factor(self, call: Call) -> Answer:
        """Begin a second factor, in place of one that was not confirmed; it is off until then."""
        setup = self.second_factors.begin(call.caller.user_id, call.body.password)
        return Answer({"secret": setup.secret, "uri": setup.uri}, cacheable=False)

    @operation(
        "POST", SECOND_FACTOR + "/confirm", body=models.CodeProof, answer=models.RecoveryCodes
    )
    def confirm_second_factor(self, call: Call) -> Answer:
        """Switch the begun second factor on with its first code; gives the recovery codes."""
        codes = self.second_factors.confirm(call.caller.user_id, call.body.code)
        return Answer({"recovery_codes": codes}, cacheable=False)

    @operation(
        "POST", SECOND_FACTOR + "/remove", body=models.PasswordAndCode, answer=None, status=204
    )
    def remove_second_factor(self, call: Call) -> Answer:
        """Switch the second factor off."""
        body = call.body
        self.second_factors.remove(call.caller.user_id, body.password, body.code)
        return Answer(None, status=204)
