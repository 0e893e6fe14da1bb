"""Types for the fields of settings classes, the core's and the plugins'."""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, SecretStr
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
