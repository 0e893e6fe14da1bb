"""Reports: net worth, cash flow and spending, by month and currency. No currency is converted."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, and_, bindparam, case, extract, func, or_, select

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.tables import accounts, carried_amounts, categories, in_org, transactions
from nestegg_core.database.types import exact_sum
from nestegg_core.ledger.accounts import LIABILITIES
from nestegg_core.ledger.money import format_amount

_T = transactions.c
_YEAR = extract("year", _T.date)
_MONTH = extract("month", _T.date)

_ZERO = Decimal()

Month = tuple[int, int]


def _by_month(*columns: Any) -> Select[Any]:
    """Select from transactions with their account and category, one group for each month."""
    return (
        select(_YEAR.label("year"), _MONTH.label("month"), *columns)
        .select_from(transactions)
        .join(accounts, and_(accounts.c.org_id == _T.org_id, accounts.c.id == _T.account_id))
        .outerjoin(
            categories, and_(categories.c.org_id == _T.org_id, categories.c.id == _T.category_id)
        )
        .where(in_org(transactions), _T.date <= bindparam("until"))
        .group_by(_YEAR, _MONTH)
        .order_by(_YEAR, _MONTH)
    )


_NO_TRANSFER = or_(categories.c.kind.is_(None), categories.c.kind != "transfer")

_MOVEMENTS = _by_month(_T.account_id, exact_sum(_T.amount).label("total")).group_by(_T.account_id)

_FLOWS = (
    _by_month(
        accounts.c.currency,
        exact_sum(case((_T.amount > _ZERO, _T.amount))).label("income"),
        exact_sum(case((_T.amount < _ZERO, _T.amount))).label("expenses"),
    )
    .where(_T.date >= bindparam("since"), _NO_TRANSFER)
    .group_by(accounts.c.currency)
    .order_by(accounts.c.currency)
)

_SPENDING = (
    _by_month(
        accounts.c.currency,
        _T.category_id,
        categories.c.name,
        exact_sum(_T.amount).label("total"),
        func.count().label("count"),
    )
    .where(
        _T.date >= bindparam("since"),
        or_(categories.c.kind == "expense", and_(_NO_TRANSFER, _T.amount < _ZERO)),
    )
    .group_by(accounts.c.currency, _T.category_id, categories.c.name)
    .order_by(accounts.c.currency, categories.c.name, _T.category_id)
)


class Reports:
    def net_worth(self, tx: Transaction, since: date, until: date) -> dict[str, Any]:
        """Assets, liabilities and their sum at the end of each month; the last ends at `until`. An
        account counts from its opening date on.
        """
        own = tx.execute(select(accounts).where(in_org(accounts)).order_by(accounts.c.id)).all()
        moved: dict[Any, dict[Month, Decimal]] = defaultdict(dict)
        for row in tx.execute(_MOVEMENTS, {"until": until}):
            moved[row.account_id][int(row.year), int(row.month)] = row.total
        carried: dict[Any, dict[date, Decimal]] = defaultdict(dict)
        for row in tx.execute(select(carried_amounts).where(in_org(carried_amounts))):
            carried[row.account_id][row.day] = row.amount
        months = list(_months(since, until))
        totals: dict[Month, dict[str, dict[str, Decimal]]] = {month: {} for month in months}
        for account in own:
            side = "liabilities" if account.type in LIABILITIES else "assets"
            for month, balance in _balances(
                account, moved[account.id], carried[account.id], months, until
            ):
                sides = totals[month].setdefault(
                    account.currency, {"assets": Decimal(), "liabilities": Decimal()}
                )
                sides[side] += balance
        return {"months": [_worth(month, totals[month]) for month in months]}

    def cash_flow(self, tx: Transaction, since: date, until: date) -> dict[str, Any]:
        """Income, expenses (negative) and net of each month; transfers do not count."""
        by_month: dict[Month, list[dict[str, Any]]] = defaultdict(list)
        for row in tx.execute(_FLOWS, {"since": since, "until": until}):
            income, expenses = row.income or Decimal(), row.expenses or Decimal()
            by_month[int(row.year), int(row.month)].append(
                {
                    "currency": row.currency,
                    "income": format_amount(income, row.currency),
                    "expenses": format_amount(expenses, row.currency),
                    "net": format_amount(income + expenses, row.currency),
                }
            )
        return _listed(by_month, since, until)

    def spending(self, tx: Transaction, since: date, until: date) -> dict[str, Any]:
        """What was spent (positive) in each month by category; refunds in a category of expenses
        reduce it, transfers do not count.
        """
        by_month: dict[Month, list[dict[str, Any]]] = defaultdict(list)
        for row in tx.execute(_SPENDING, {"since": since, "until": until}):
            by_month[int(row.year), int(row.month)].append(
                {
                    "currency": row.currency,
                    "category_id": row.category_id,
                    "category": row.name,
                    "spent": format_amount(-row.total, row.currency),
                    "transactions": row.count,
                }
            )
        return _listed(by_month, since, until)


def _months(since: date, until: date) -> Iterable[Month]:
    year, month = since.year, since.month
    while (year, month) <= (until.year, until.month):
        yield year, month
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)  # noqa: PLR2004 - December


def _balances(
    account: Any,
    moved: Mapping[Month, Decimal],
    carried: Mapping[date, Decimal],
    months: list[Month],
    until: date,
) -> Iterable[tuple[Month, Decimal]]:
    """The account's balance at the end of each month in which it was open. `carried` is what the
    opening balance holds only from a day on.
    """
    before = [total for month, total in moved.items() if month < months[0]] if months else []
    balance = account.opening_balance + sum(before, Decimal())
    for month in months:
        balance += moved.get(month, Decimal())
        end = min(_last_day(month), until)
        if account.opening_date is None or account.opening_date <= end:
            later = (amount for day, amount in carried.items() if day > end)
            yield month, balance - sum(later, Decimal())


def _last_day(month: Month) -> date:
    year, number = month
    if (year, number) == (date.max.year, date.max.month):
        return date.max
    following = date(year + number // 12, number % 12 + 1, 1)
    return following - timedelta(days=1)


def _worth(month: Month, currencies: Mapping[str, Mapping[str, Decimal]]) -> dict[str, Any]:
    return {
        "month": _name(month),
        "entries": [
            {
                "currency": currency,
                "assets": format_amount(sides["assets"], currency),
                "liabilities": format_amount(sides["liabilities"], currency),
                "net_worth": format_amount(sides["assets"] + sides["liabilities"], currency),
            }
            for currency, sides in sorted(currencies.items())
        ],
    }


def _listed(
    by_month: Mapping[Month, list[dict[str, Any]]], since: date, until: date
) -> dict[str, Any]:
    return {
        "months": [
            {"month": _name(month), "entries": by_month.get(month, [])}
            for month in _months(since, until)
        ]
    }


def _name(month: Month) -> str:
    return f"{month[0]:04d}-{month[1]:02d}"
