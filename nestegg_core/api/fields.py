"""The types of request fields, and what answers have in common."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from nestegg_core.ledger.money import AMOUNT_PATTERN, AmountError, is_currency, parse_amount
from nestegg_core.users.emails import MAX_LENGTH, can_get_mail

MAX_PAGE = 200

MAX_PROBLEMS = 100
"""How many wrong fields an answer names; it says how many more there are."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
# Ends of lines, and what turns the letters around it: a name that is shown as another one.
_UNLIKE_A_NAME = re.compile("[\t\n\r\x85\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class RequestModel(BaseModel):
    """Base of every request: an unknown field is an error, and no message repeats an input."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    def changes(self) -> dict[str, Any]:
        """Return the fields that the caller sent, for a change of some."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)}


def _amount(value: object) -> Decimal:
    try:
        return parse_amount(value)
    except AmountError as error:
        raise PydanticCustomError(error.code, "{why}", {"why": str(error)}) from None


def _day(value: object) -> date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise PydanticCustomError("malformed", "must be a day such as 2026-01-31")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("no_such_day", "is no day of the calendar") from None


def _currency(value: str) -> str:
    if not is_currency(value):
        raise PydanticCustomError("unknown_currency", "must be a code of ISO 4217, such as EUR")
    return value


def _email(value: str) -> str:
    if not can_get_mail(value):
        raise PydanticCustomError("no_email", "must be an address that mail can be sent to")
    return value


def _no_control_characters(value: str) -> str:
    if _CONTROL.search(value):
        raise PydanticCustomError("control_character", "must not hold control characters")
    return value


def _one_line_as_it_is_written(value: str) -> str:
    if _UNLIKE_A_NAME.search(value):
        raise PydanticCustomError(
            "control_character", "must be one line, without marks that turn its direction"
        )
    return value


def _typed(check: Callable[..., Any], schema: dict[str, Any]) -> tuple[Any, Any]:
    return BeforeValidator(check), WithJsonSchema(schema)


Amount = Annotated[
    Decimal, *_typed(_amount, {"type": "string", "pattern": AMOUNT_PATTERN, "examples": ["-12.50"]})
]
"""Signed, at most four decimals, within ±10^14; a string in JSON."""

Day = Annotated[date, *_typed(_day, {"type": "string", "format": "date"})]
"""A calendar day, ISO 8601."""

CurrencyCode = Annotated[
    str,
    AfterValidator(_currency),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["EUR"]}),
]
"""A code of ISO 4217."""

Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MAX_LENGTH),
    AfterValidator(_email),
    WithJsonSchema(
        {"type": "string", "maxLength": MAX_LENGTH, "pattern": r"^[^@\s]+@[^@\s]+\.[^@\s]+$"}
    ),
]
"""An address that mail can be sent to; only a mail that arrives verifies more."""


_CLEAN = AfterValidator(_no_control_characters)
_NAME = AfterValidator(_one_line_as_it_is_written)


def _name(least: int, most: int) -> Any:
    return StringConstraints(strip_whitespace=True, min_length=least, max_length=most)


Code = Annotated[str, _name(1, 64), _CLEAN, _NAME]
Label = Annotated[str, _name(1, 100), _CLEAN, _NAME]
Name = Annotated[str, _name(1, 200), _CLEAN, _NAME]
OptionalName = Annotated[str, _name(0, 200), _CLEAN, _NAME]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), _CLEAN]
Notes = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5_000), _CLEAN
]
"""Trimmed texts without control characters, of growing length."""


class PageQuery(RequestModel):
    """Query of every list."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="Items of a page.")] = 50
    cursor: Annotated[
        str | None, Field(min_length=1, max_length=1_000, description="`next` of the page before.")
    ] = None


Money = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["-12.50"])]
"""An exact amount as a string, in the currency that stands beside it."""

Next = Annotated[str | None, Field(description="`cursor` of the next page; null at the end.")]


class AnswerModel(BaseModel):
    """Base of every answer."""

    model_config = ConfigDict(extra="forbid")


class Sealed(AnswerModel):
    """What shows values that are stored encrypted."""

    damaged: Annotated[
        list[str],
        Field(
            description="Fields that are null because their stored value does not open: it was "
            "altered or moved. Absent where there are none. Such a value stays as it is until a "
            "new one is given."
        ),
    ] = []


class Row(AnswerModel):
    """What every stored row shows."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    version: Annotated[int, Field(description="Counts changes; also the answer's ETag.")]


class FieldProblem(AnswerModel):
    """One wrong value."""

    pointer: Annotated[str, Field(description="JSON pointer into the body, or a parameter.")]
    code: str
    detail: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: Annotated[list[FieldProblem], Field(max_length=MAX_PROBLEMS)] = []
    more_errors: Annotated[
        int | None,
        Field(ge=1, description="Wrong values beyond those of `errors`; left out where none."),
    ] = None
