"""Reports."""

from collections.abc import Callable
from datetime import date, datetime

from nestegg_core.errors import InvalidInput
from nestegg_core.ledger.reports import Reports
from nestegg_core.web.models import reports as models
from nestegg_core.web.operation import ORGANIZATION, Answer, Call, operation

MAX_MONTHS = 600


class ReportResource:
    """`/reports`."""

    def __init__(self, reports: Reports, clock: Callable[[], datetime]) -> None:
        self._reports = reports
        self._clock = clock

    @operation(
        "GET",
        ORGANIZATION + "/reports/net-worth",
        permission="reports:read",
        query=models.ReportQuery,
        answer=models.NetWorth,
    )
    def net_worth(self, call: Call) -> Answer:
        """Read net worth at the end of each month, per currency."""
        return Answer(self._reports.net_worth(call.tx, *self._range(call)))

    @operation(
        "GET",
        ORGANIZATION + "/reports/cash-flow",
        permission="reports:read",
        query=models.ReportQuery,
        answer=models.CashFlow,
    )
    def cash_flow(self, call: Call) -> Answer:
        """Read income and expenses of each month, per currency, without transfers."""
        return Answer(self._reports.cash_flow(call.tx, *self._range(call)))

    @operation(
        "GET",
        ORGANIZATION + "/reports/spending",
        permission="reports:read",
        query=models.ReportQuery,
        answer=models.Spending,
    )
    def spending(self, call: Call) -> Answer:
        """Read spending of each month by category, per currency."""
        return Answer(self._reports.spending(call.tx, *self._range(call)))

    def _range(self, call: Call) -> tuple[date, date]:
        """Return the days asked for; the last twelve months without any."""
        until: date = call.query.until or self._clock().date()
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
