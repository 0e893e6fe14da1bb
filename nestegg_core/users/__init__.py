"""Users, organizations, memberships, permissions and sessions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nestegg_core.application import Background, Sealed
    from nestegg_core.auth import ProviderServices
    from nestegg_core.ledger import LedgerServices
    from nestegg_core.users.access import Access
    from nestegg_core.users.emails import EmailReindexing, Emails
    from nestegg_core.users.invitations import Invitations
    from nestegg_core.users.organizations import Members, Organizations
    from nestegg_core.users.users import Administration, Users


@dataclass(frozen=True)
class AddressServices:
    emails: "Emails"
    email_reindexing: "EmailReindexing"
    invitations: "Invitations"


@dataclass(frozen=True)
class UserServices:
    access: "Access"
    users: "Users"
    organizations: "Organizations"
    members: "Members"
    administration: "Administration"


def wire_addresses(kernel: "Sealed") -> AddressServices:
    from nestegg_core.mail.messages import Messages
    from nestegg_core.users.emails import EmailReindexing, Emails
    from nestegg_core.users.invitations import Invitations, Quotas

    emails = Emails(kernel.index, kernel.rows)
    return AddressServices(
        emails=emails,
        email_reindexing=EmailReindexing(kernel.storage, kernel.rows, emails),
        invitations=Invitations(
            storage=kernel.storage,
            rows=kernel.rows,
            emails=emails,
            messages=Messages(kernel.settings.app_base_url),
            clock=kernel.clock,
            quotas=Quotas(
                open=kernel.quota("MAX_INVITATIONS_PER_ORGANIZATION"),
                members=kernel.quota("MAX_MEMBERS_PER_ORGANIZATION"),
                organizations=kernel.quota("MAX_ORGANIZATIONS_PER_USER"),
            ),
        ),
    )


def wire(
    background: "Background", providers: "ProviderServices", ledger: "LedgerServices"
) -> UserServices:
    from nestegg_core.users.access import Access
    from nestegg_core.users.organizations import Members, Organizations
    from nestegg_core.users.users import Administration, Users

    storage, rows, clock = background.storage, background.rows, background.clock
    organizations = Organizations(
        storage, ledger.categories.prepare, clock, background.quota("MAX_ORGANIZATIONS_PER_USER")
    )
    return UserServices(
        access=Access(storage),
        users=Users(
            storage=storage,
            rows=rows,
            emails=background.emails,
            passwords=background.passwords,
            create_organization=organizations.create_in,
            clock=clock,
        ),
        organizations=organizations,
        members=Members(rows, providers.chain.names_by_issuer, clock),
        administration=Administration(storage, rows, clock),
    )
