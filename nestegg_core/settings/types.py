"""Types for the fields of settings classes, the core's and the plugins'."""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

T = TypeVar("T")
FERNET_KEY_BYTES = 32
_WORDS = ("what", "fix")


@dataclass(frozen=True, slots=True)
class Numbered:
    """Marks a `dict[int, ...]` field that collects the variables `<prefix>1`, `<prefix>2`, ..."""

    prefix: str


def invalid(what: str, fix: str) -> PydanticCustomError:
    """Return the error for a validator to raise; `what` must not repeat the value."""
    return PydanticCustomError("invalid_setting", "{what}", {"what": what, "fix": fix})


def checked(entries: Iterable[str], check: Callable[[str, int], T]) -> tuple[T, ...]:
    """Check every entry of a list with its number from 1; one error says all that is wrong."""
    good: list[T] = []
    wrong: list[dict[str, Any]] = []
    for number, entry in enumerate(entries, 1):
        try:
            good.append(check(entry, number))
        except PydanticCustomError as error:
            wrong.append(error.context or {})
    if wrong:
        raise invalid(*("; ".join(dict.fromkeys(one[key] for one in wrong)) for key in _WORDS))
    return tuple(good)


def _split(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(item for part in value.split(",") if (item := part.strip()))


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""A list as operators write it: `a, b,c`. Items are trimmed and empty ones dropped.

Example:
    >>> from pydantic import TypeAdapter
    >>> TypeAdapter(CommaList).validate_python("a, b,,c ")
    ('a', 'b', 'c')
"""


def _fernet_key(value: SecretStr) -> SecretStr:
    try:
        key = base64.b64decode(value.get_secret_value(), altchars=b"-_", validate=True)
    except ValueError:
        key = b""
    if len(key) != FERNET_KEY_BYTES:
        raise invalid(
            "is no Fernet key",
            "give 32 bytes in url-safe base64, 44 characters, as `python -c 'from "
            "cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'` makes",
        )
    return value


FernetKey = Annotated[SecretStr, AfterValidator(_fernet_key)]
"""A key of 32 bytes in url-safe base64 (the Fernet specification, "Key Format")."""


_FIELDS = 5


def _cron(value: str) -> str:
    from croniter import croniter  # noqa: PLC0415 - no command shall wait for it that needs it not

    fields = value.split()
    if len(fields) != _FIELDS or not croniter.is_valid(value):
        raise invalid("is no schedule", "write five cron fields, e.g. 0 2 * * * for 02:00 daily")
    return " ".join(fields)


CronSchedule = Annotated[str, AfterValidator(_cron)]
"""Five cron fields: minute, hour, day of the month, month, day of the week (0 is Sunday)."""


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
