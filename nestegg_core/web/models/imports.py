"""Imports of statements."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, create_model

from nestegg_core.web.fields import Code, OptionalName, PageQuery, RequestModel
from nestegg_core.web.models.common import AnswerModel, Money, Next, Row

RowStatus = Literal["new", "duplicate", "error", "pending", "reverted"]


class ImportQuery(RequestModel):
    """Where a statement goes, and how to read it."""

    account_id: UUID
    importer: Annotated[
        Code | None,
        Field(description="Name of an importer; without, the one that recognises the file."),
    ] = None

    def options(self) -> dict[str, str]:
        """Return the importer's own options that were given."""
        given = self.model_dump(exclude={"account_id", "importer"}, exclude_none=True)
        return {name: str(value) for name, value in given.items()}


def import_query(options: Mapping[str, str]) -> type[ImportQuery]:
    """Return the query with the options of every importer that is installed.

    Args:
        options: a line of explanation by name.
    """
    fields: dict[str, Any] = {
        name: (Annotated[OptionalName | None, Field(description=explanation)], None)
        for name, explanation in sorted(options.items())
    }
    return create_model("ImportOptions", __base__=ImportQuery, **fields)


class ImportRowQuery(PageQuery):
    """Which rows of an import."""

    status: RowStatus | None = None


class Counts(AnswerModel):
    """How many rows are what."""

    new: int
    duplicate: int
    error: int
    pending: int
    reverted: int


class Question(AnswerModel):
    """What the file leaves open; nothing is booked until it is answered."""

    decision: Annotated[
        str, Field(description="The option that answers it, when the file is uploaded again.")
    ]
    choices: Annotated[
        dict[str, str],
        Field(description="What the option can be, each with what it would mean."),
    ]
    evidence: str
    rows: Annotated[list[int], Field(description="Lines of the first rows that it is about.")]


class Reconciliation(AnswerModel):
    """What the statement itself says the balance is, and how far ours is from it."""

    statement_balance: Money
    difference: Money


class Import(Row):
    """An import: a preview until it is committed."""

    account_id: UUID
    status: Literal["previewed", "committed", "reverted"]
    importer: str
    file_name: str
    decisions: Annotated[
        dict[str, Any],
        Field(description="What was decided for the file; the same names override it."),
    ]
    warnings: list[str]
    questions: list[Question]
    counts: Counts
    currency: str
    balance_after: Money
    reconciliation: Reconciliation | None


class ImportPage(AnswerModel):
    """Imports, newest first."""

    items: list[Import]
    next: Next


class RowProblem(AnswerModel):
    """Why a row cannot be taken."""

    code: str
    detail: str
    field: str


class ImportRow(AnswerModel):
    """One row of a statement."""

    line: int
    status: RowStatus
    problems: list[RowProblem]
    date: date | None
    amount: Money | None
    currency: str
    payee: str
    description: str
    category: str
    external_id: str
    has_notes: bool


class ImportRowPage(AnswerModel):
    """Rows in the file's order."""

    items: list[ImportRow]
    next: Next
