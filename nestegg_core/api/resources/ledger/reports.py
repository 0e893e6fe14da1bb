"""Reports, and the receipts of what retention policies deleted."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from nestegg_core.api.fields import AnswerModel, Day, Money, Next, PageQuery, RequestModel
from nestegg_core.api.operation import ORGANIZATION, Answer, Call, operation, page_answer
from nestegg_core.errors import InvalidInput
from nestegg_core.ledger.reports import Reports
from nestegg_core.retention.receipts import Receipts

Month = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}$", examples=["2026-01"])]


class ReportQuery(RequestModel):
    """Which months; the last twelve without both."""

    since: Annotated[Day | None, Field(alias="from", description="From this day on.")] = None
    until: Annotated[Day | None, Field(alias="to", description="Up to and with this day.")] = None


class Worth(AnswerModel):
    """What one owns and owes in a currency."""

    currency: str
    assets: Money
    liabilities: Money
    net_worth: Money


class WorthMonth(AnswerModel):
    """The end of a month."""

    month: Month
    entries: list[Worth]


class NetWorth(AnswerModel):
    """Net worth at the end of each month."""

    months: list[WorthMonth]


class Flow(AnswerModel):
    """What came in and went out in a currency."""

    currency: str
    income: Money
    expenses: Money
    net: Money


class FlowMonth(AnswerModel):
    """A month."""

    month: Month
    entries: list[Flow]


class CashFlow(AnswerModel):
    """Cash flow of each month."""

    months: list[FlowMonth]


class Spent(AnswerModel):
    """What was spent on a category in a currency."""

    currency: str
    category_id: UUID | None
    category: str | None
    spent: Money
    transactions: int


class SpentMonth(AnswerModel):
    """A month."""

    month: Month
    entries: list[Spent]


class Spending(AnswerModel):
    """Spending of each month by category."""

    months: list[SpentMonth]


MAX_MONTHS = 600


@dataclass(frozen=True, slots=True)
class ReportResource:
    reports: Reports
    clock: Callable[[], datetime]

    @operation(
        "GET",
        ORGANIZATION + "/reports/net-worth",
        permission="reports:read",
        query=ReportQuery,
        answer=NetWorth,
    )
    def net_worth(self, call: Call) -> Answer:
        """Read net worth at the end of each month, per currency."""
        return Answer(self.reports.net_worth(call.tx, *self._range(call)))

    @operation(
        "GET",
        ORGANIZATION + "/reports/cash-flow",
        permission="reports:read",
        query=ReportQuery,
        answer=CashFlow,
    )
    def cash_flow(self, call: Call) -> Answer:
        """Read income and expenses of each month, per currency, without transfers."""
        return Answer(self.reports.cash_flow(call.tx, *self._range(call)))

    @operation(
        "GET",
        ORGANIZATION + "/reports/spending",
        permission="reports:read",
        query=ReportQuery,
        answer=Spending,
    )
    def spending(self, call: Call) -> Answer:
        """Read spending of each month by category, per currency."""
        return Answer(self.reports.spending(call.tx, *self._range(call)))

    def _range(self, call: Call) -> tuple[date, date]:
        """Return the days asked for; the last twelve months without any."""
        until: date = call.query.until or self.clock().date()
        since: date = call.query.since or date(
            until.year - 1 if until.year > 1 else 1, until.month, 1
        )
        if since > until:
            raise InvalidInput.one("from", "after_end", "must not be after `to`")
        if (until.year - since.year) * 12 + until.month - since.month >= MAX_MONTHS:
            raise InvalidInput.one(
                "from", "too_long", f"must be within {MAX_MONTHS} months of `to`"
            )
        return since, until


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


@dataclass(frozen=True, slots=True)
class RetentionResource:
    receipts: Receipts

    @operation(
        "GET",
        ORGANIZATION + "/retention-receipts",
        permission="organization:read",
        query=PageQuery,
        answer=ReceiptPage,
    )
    def list(self, call: Call) -> Answer:
        """List what retention policies have deleted, newest first."""
        return page_answer(self.receipts.page(call.tx, limit=call.query.limit, after=call.after))
