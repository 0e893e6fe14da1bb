"""Reports."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from nestegg_core.web.fields import Day, RequestModel
from nestegg_core.web.models.common import AnswerModel, Money

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
