"""`IDENTITY_GROUP_ROLES`: which group of which provider gives which role in which organization."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import unquote
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, ValidationInfo
from pydantic_settings import NoDecode

from nestegg_core.settings.types import checked, invalid

ROLES = ("viewer", "member", "admin", "owner")
_FORM = "write provider:group:role:organization, e.g. keycloak:family:member:<organization id>"


@dataclass(frozen=True, slots=True)
class GroupRole:
    provider: str
    group: str
    role: str
    org_id: UUID


def parse(entry: str, number: int = 1) -> GroupRole:
    """Read `provider:group:role:organization`.

    The provider ends at the first colon, role and organization stand behind the last two: a group's
    name may have colons. A comma or a space at its end is written `%2C`, `%20`, a percent sign
    `%25`.

    Example:
        >>> parse("okta:Family%2C large:member:0192f0c1-2f6b-7c3e-8000-2a5b7d9e4f10").group
        'Family, large'
    """
    provider, _, rest = entry.partition(":")
    rest, _, organization = rest.rpartition(":")
    group, _, role = rest.rpartition(":")
    if not (provider and group and role and organization):
        raise invalid(f"has no four parts in entry {number}", _FORM)
    if role not in ROLES:
        raise invalid(
            f"names an unknown role in entry {number}", f"write one of {', '.join(ROLES)}"
        )
    try:
        org_id = UUID(organization)
    except ValueError:
        raise invalid(
            f"ends in no id of an organization in entry {number}",
            "copy the id from GET /api/v1/organizations",
        ) from None
    return GroupRole(provider, unquote(group), role, org_id)


def _parse_all(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    entries = [item for part in value.split(",") if (item := part.strip())]
    return checked(entries, parse)


def _known_providers(value: tuple[GroupRole, ...], info: ValidationInfo) -> tuple[GroupRole, ...]:
    chain = info.data.get("identity_provider_chain")
    for number, rule in enumerate(value, 1):
        if rule.provider == "builtin":
            raise invalid(
                f"names builtin in entry {number}, which has no groups",
                "invite members of its users instead",
            )
        if chain is not None and rule.provider not in chain:
            raise invalid(
                f"names a provider in entry {number} that is not in IDENTITY_PROVIDER_CHAIN",
                "name one that is, or add it to the chain",
            )
    return value


GroupRoleList = Annotated[
    tuple[GroupRole, ...], NoDecode, BeforeValidator(_parse_all), AfterValidator(_known_providers)
]
"""A field's type for such entries with commas between; it comes after `identity_provider_chain`."""
