"""Who may register: everyone, whoever is invited, or nobody (`REGISTRATION`)."""

from typing import Literal

from nestegg_core.errors import NotAdmitted
from nestegg_core.people.invitations import Invitations
from nestegg_core.people.persons import NewPerson, Persons

Mode = Literal["open", "invite", "closed"]


class Registration:
    """Registers persons with a password, as far as the operator lets them."""

    def __init__(self, mode: Mode, persons: Persons, invitations: Invitations) -> None:
        self._mode = mode
        self._persons = persons
        self._invitations = invitations

    def register(
        self, email: str, password: str, name: str | None, invitation: str | None
    ) -> NewPerson:
        """Make a person: with an organization of their own, or in the one that invites them.

        Args:
            invitation: the token of an invitation's link.

        Raises:
            NotAdmitted: nobody can register, or an invitation is needed, or it is not good.
            Conflict: the email already has an account.
        """
        if self._mode == "closed":
            raise NotAdmitted(
                "registration-closed", "Nobody can register here. Ask an administrator."
            )
        if invitation is None and self._mode == "invite":
            raise NotAdmitted(
                "invitation-required",
                "Only who is invited can register here. Ask a member, or an administrator.",
            )
        if invitation is None:
            return self._persons.register(email, password, name)
        self._invitations.require_open(invitation)  # before the slow work anyone could ask for
        return self._persons.register_member(
            email,
            password,
            name,
            lambda tx, person_id: self._invitations.join(tx, invitation, person_id),
        )
