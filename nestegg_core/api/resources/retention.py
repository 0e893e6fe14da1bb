"""Receipts of the retention policies."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from nestegg_core.api.fields import PageQuery
from nestegg_core.api.operation import ORGANIZATION, Answer, Call, operation
from nestegg_core.api.resources.common import AnswerModel, Money, Next
from nestegg_core.retention.receipts import Receipts


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
            description="Who started the run: `schedule`, `command` or `user`.",
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


class RetentionResource:
    """`/retention-receipts`."""

    def __init__(self, receipts: Receipts) -> None:
        self._receipts = receipts

    @operation(
        "GET",
        ORGANIZATION + "/retention-receipts",
        permission="organization:read",
        query=PageQuery,
        answer=ReceiptPage,
    )
    def list(self, call: Call) -> Answer:
        """List what retention policies have deleted, newest first."""
        items, after = self._receipts.page(call.tx, limit=call.query.limit, after=call.after)
        return Answer({"items": items}, after=after)
