"""Who may register: everyone, whoever is invited, or nobody (`REGISTRATION`)."""

from dataclasses import dataclass
from typing import Literal

from nestegg_core.auth.builtin.sessions import Device
from nestegg_core.errors import Conflict, NotAdmitted
from nestegg_core.rate_limits import RateLimits
from nestegg_core.users.invitations import Invitations
from nestegg_core.users.users import NewUser, Users

_TAKEN = "emails found taken from an address"
_UNINVITED = "registrations from an address"

Mode = Literal["open", "invite", "closed"]


@dataclass(frozen=True, slots=True)
class Registration:
    """Registers users with a password, as far as the operator lets them.

    Who registers has to be told that an email has an account. So that nobody goes through a list
    of them, it is told to one address only so often.
    """

    mode: Mode
    users: Users
    invitations: Invitations
    limits: RateLimits

    def register(
        self, email: str, password: str, name: str | None, invitation: str | None, device: Device
    ) -> NewUser:
        self._refuse(invitation)
        self.limits.require(_TAKEN, device.network)
        if invitation is None:  # else each new user could invite as many as one may
            self.limits.hit(_UNINVITED, device.network)
        try:
            return self._make(email, password, name, invitation)
        except Conflict:
            self.limits.hit(_TAKEN, device.network)
            raise

    def _refuse(self, invitation: str | None) -> None:
        if self.mode == "closed":
            raise NotAdmitted(
                "registration-closed", "Nobody can register here. Ask an administrator."
            )
        if invitation is None and self.mode == "invite":
            raise NotAdmitted(
                "invitation-required",
                "Only who is invited can register here. Ask a member, or an administrator.",
            )
        if invitation is not None:  # before the slow work anyone could ask for
            self.invitations.require_open(invitation)

    def _make(self, email: str, password: str, name: str | None, invitation: str | None) -> NewUser:
        if invitation is None:
            return self.users.register(email, password, name)
        return self.users.register_member(
            email,
            password,
            name,
            lambda tx, user_id: self.invitations.join(tx, invitation, user_id),
        )
