"""Receipts of the retention policies."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from nestegg_core.web.models.common import AnswerModel, Money, Next


class PurgedAccount(AnswerModel):
    """What was deleted of one account."""

    account_id: UUID
    currency: str
    before: Annotated[date, Field(description="Rows dated earlier were deleted.")]
    policies: Annotated[list[str], Field(description="The retention policies that said so.")]
    transactions: int
    import_rows: Annotated[int, Field(description="Rows of statements that went with them.")]
    amount: Annotated[Money, Field(description="What the deleted transactions add up to.")]


class Receipt(AnswerModel):
    """What one run deleted."""

    id: UUID
    day: Annotated[date, Field(description="The day that the policies were asked about, in UTC.")]
    started_by: Annotated[
        str,
        Field(
            description="Who started the run: `schedule`, `command` or `person`.",
            examples=["schedule"],
        ),
    ]
    started_at: datetime
    updated_at: Annotated[datetime, Field(description="When the last rows were deleted.")]
    transactions: int
    import_rows: int
    accounts: list[PurgedAccount]


class ReceiptPage(AnswerModel):
    """Receipts, the newest first."""

    items: list[Receipt]
    next: Next
