"""The jobs that send mail. Each makes its link when it runs, so that no job's row holds one.

Trying again makes a new link, and only the newest is good. The exception is a link that an
administrator has asked for and seen: administrators are who can read the arguments of jobs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.people.invitations import Invitations
from nestegg_core.people.letters import Letter
from nestegg_core.people.mail import Mailer
from nestegg_core.people.own_addresses import OwnAddresses

RESET = "mail_reset_link"
SHOWN_RESET = "mail_shown_reset_link"
VERIFICATION = "mail_verification"
INVITATION = "mail_invitation"


def mail_jobs(
    mailer: Mailer, addresses: OwnAddresses, invitations: Invitations
) -> Sequence[JobRegistration]:
    """Return the jobs of a server that can send mail.

    - `RESET` takes `email`, and sends nothing where nobody signs in with it.
    - `VERIFICATION` takes `person_id`, and sends nothing where the address is proved.
    - `INVITATION` takes `invitation_id`, and sends nothing where it is withdrawn.
    - `SHOWN_RESET` takes `person_id`, and the `token` that an administrator was shown.
    """

    def job(name: str, write: Callable[[Mapping[str, Any]], Letter | None]) -> JobRegistration:
        def run(arguments: Mapping[str, Any]) -> None:
            letter = write(arguments)
            if letter is not None:
                mailer.send(letter.to, letter.subject, letter.text)

        return JobRegistration(name, run)

    return [
        job(RESET, lambda given: addresses.reset_letter(given["email"])),
        job(
            SHOWN_RESET,
            lambda given: addresses.shown_reset_letter(UUID(given["person_id"]), given["token"]),
        ),
        job(VERIFICATION, lambda given: addresses.verification_letter(UUID(given["person_id"]))),
        job(INVITATION, lambda given: invitations.letter(UUID(given["invitation_id"]))),
    ]
