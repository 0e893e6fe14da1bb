"""What answers have in common."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from nestegg_core.api.operation import Answer, Call
from nestegg_core.api.problems import MAX_PROBLEMS
from nestegg_core.database.paging import Page

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


def page_answer(page: Page[dict[str, Any]]) -> Answer:
    """Answer a page."""
    return Answer({"items": page.items}, after=page.after)


def made_answer(call: Call, row: dict[str, Any]) -> Answer:
    """Answer 201 with a row that was made in the collection which was called."""
    return Answer(row, status=201, location=f"{call.request.path}/{row['id']}")


GONE = Answer(None, status=204)
