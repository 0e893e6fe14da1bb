"""One batch of the purge: rows go, and every balance on the days that remain stays what it was.

Rows go oldest first. What they add up to moves into the opening balance, and the account opens on
the day of its oldest row that is left, or on the cut-off. So a batch in the middle leaves books
that are as true as those at the end.

A row that is held keeps the account open from its own day on. What is purged behind it belongs
to the opening balance only from its own day on, which `carried_amounts` remembers: one sum for
each day, and nothing else of the rows. It is forgotten when the account opens later.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, delete, exists, func, insert, or_, select, tuple_, update

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.tables import (
    accounts,
    carried_amounts,
    import_rows,
    imports,
    in_org,
    transactions,
)
from nestegg_core.database.types import exact_sum
from nestegg_core.errors import Conflict

PREVIEWED = "previewed"  # status of an import that has not been committed

Position = tuple[date, UUID]  # where a row stands in its account: its day and its id
START: Position = (date.min, UUID(int=0))
_LAST_ID = UUID(int=2**128 - 1)

# What certainly fits its column, and the difference of two of which does too.
LARGEST_OPENING = Decimal(4) * 10**14

_T = transactions.c
_place = tuple_(_T.date, _T.id)


def _position(name: str) -> Any:
    return tuple_(
        bindparam(f"{name}_date", type_=_T.date.type), bindparam(f"{name}_id", type_=_T.id.type)
    )


_OWN = (in_org(transactions), _T.account_id == bindparam("account"))
_BATCH = (
    *_OWN,
    _place > _position("after"),
    _place <= _position("end"),
    _T.id.not_in(bindparam("kept", expanding=True)),
)
_ACCOUNT = (in_org(accounts), accounts.c.id == bindparam("account"))
_LOCK = select(accounts).where(*_ACCOUNT).with_for_update()
_END = (
    select(_T.date, _T.id)
    .where(*_OWN, _place > _position("after"), _T.date < bindparam("before"))
    .order_by(_T.date, _T.id)
    .offset(bindparam("skipped"))
    .limit(1)
)
_IDS = select(_T.id).where(*_BATCH)
_DAYS = (
    select(
        _T.date,
        func.count().label("rows"),
        exact_sum(_T.amount).label("amount"),
        func.count(_T.import_key).label("imported"),
    )
    .where(*_BATCH)
    .group_by(_T.date)
    .order_by(_T.date)
)
_DELETE = delete(transactions).where(*_BATCH)
_OLDEST = (
    select(_T.date).where(*_OWN, _place > _position("after")).order_by(_T.date, _T.id).limit(1)
)

_other = transactions.alias("other")
_STAYS = exists().where(
    in_org(_other),  # type: ignore[arg-type]  # an alias has the table's columns
    _other.c.account_id == bindparam("account"),
    _other.c.import_key == import_rows.c.import_key,
    or_(
        tuple_(_other.c.date, _other.c.id) <= _position("after"),
        tuple_(_other.c.date, _other.c.id) > _position("end"),
        # Not `kept` again: an empty list is written as the operator wants it, once for each name.
        _other.c.id.in_(bindparam("staying", expanding=True)),
    ),
)
_IMPORTS = select(imports.c.id).where(
    in_org(imports),
    imports.c.account_id == bindparam("account"),
    imports.c.status != PREVIEWED,  # to commit one, all of its rows are looked at
)
_DELETE_IMPORT_ROWS = delete(import_rows).where(
    in_org(import_rows),
    import_rows.c.import_key.in_(select(_T.import_key).where(*_BATCH, _T.import_key.is_not(None))),
    import_rows.c.import_id.in_(_IMPORTS),
    ~_STAYS,
)

_LEFT_OVER = (
    select(import_rows.c.import_id, import_rows.c.position)
    .where(
        in_org(import_rows),
        import_rows.c.import_id.in_(_IMPORTS),
        import_rows.c.date < bindparam("before"),
        ~exists().where(*_OWN, _T.import_key == import_rows.c.import_key),
    )
    .limit(bindparam("size"))
)
_DELETE_LEFT_OVER = delete(import_rows).where(
    in_org(import_rows),
    tuple_(import_rows.c.import_id, import_rows.c.position).in_(_LEFT_OVER),
)

_FOLD = (
    update(accounts)
    .where(*_ACCOUNT)
    .values(
        opening_balance=bindparam("opening", type_=accounts.c.opening_balance.type),
        opening_date=bindparam("opened"),
        purged_until=bindparam("purged"),
        updated_at=bindparam("now", type_=accounts.c.updated_at.type),
        version=accounts.c.version + 1,
    )
)
_CARRIED = (in_org(carried_amounts), carried_amounts.c.account_id == bindparam("account"))
_FORGET = delete(carried_amounts).where(*_CARRIED, carried_amounts.c.day <= bindparam("opened"))
_CARRY_MORE = (
    update(carried_amounts)
    .where(*_CARRIED, carried_amounts.c.day == bindparam("on"))
    .values(
        amount=carried_amounts.c.amount + bindparam("more", type_=carried_amounts.c.amount.type)
    )
)


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch took: transactions, their sum, the rows of statements that went with them, and
    how many were old enough and stay. The next begins at `end`; `None` when the account is done.
    """

    count: int
    amount: Decimal
    import_rows: int
    held: int
    end: Position | None


NOTHING = Batch(0, Decimal(), 0, 0, None)


def lock(tx: Transaction, account_id: UUID) -> Row[Any] | None:
    """Lock an account, as everyone does before its rows; `None` when it has gone."""
    return tx.execute(_LOCK, {"account": account_id}).first()


def purge_batch(
    tx: Transaction,
    account_id: UUID,
    before: date,
    held: frozenset[UUID],
    *,
    after: Position,
    size: int,
    now: datetime,
) -> Batch:
    """Delete the oldest rows of an account dated before a day, and fold them into its opening
    balance. Looks at `size` rows. Raises `Conflict`, with nothing deleted, when the opening balance
    would leave what its column holds.
    """
    account = lock(tx, account_id)
    if account is None:
        return NOTHING
    end, last = _end(tx, account_id, before, after, size)
    scope: dict[str, Any] = {
        "account": account_id,
        **dict(zip(("after_date", "after_id"), after, strict=True)),
        **dict(zip(("end_date", "end_id"), end, strict=True)),
    }
    ids = tx.execute(_IDS, {**scope, "kept": []}).scalars() if held else ()
    scope["kept"] = scope["staying"] = [key for key in ids if key in held]
    days = {row.date: row for row in tx.execute(_DAYS, scope)}
    if not days:
        return Batch(0, Decimal(), 0, len(scope["kept"]), None if last else end)
    taken = sum(row.imported for row in days.values())
    with_them = tx.execute(_DELETE_IMPORT_ROWS, scope).rowcount if taken else 0
    tx.execute(_DELETE, scope)
    amounts = {day: row.amount for day, row in days.items()}
    # What is not held has gone up to `end`: no need to look among what was just deleted.
    oldest = _oldest(tx, account_id, START if held else end)
    opened = before if oldest is None else min(before, oldest)
    _fold(tx, account, amounts, opened=opened, before=before, now=now)
    return Batch(
        sum(row.rows for row in days.values()),
        sum(amounts.values(), Decimal()),
        with_them,
        len(scope["kept"]),
        None if last else end,
    )


def purge_left_over(tx: Transaction, account_id: UUID, before: date, *, size: int) -> int:
    """Delete old rows of statements that belong to no transaction: duplicates, rows that were
    refused, and those of imports that were reverted. A preview's rows stay until it is cleaned.
    Carried amounts that count on no day any more are forgotten, too. Returns how many rows went;
    fewer than `size` when it was the last batch.
    """
    account = lock(tx, account_id)
    if account is None:
        return 0
    tx.execute(_FORGET, {"account": account_id, "opened": account.opening_date})
    parameters = {"account": account_id, "before": before, "size": size}
    return tx.execute(_DELETE_LEFT_OVER, parameters).rowcount


def _end(
    tx: Transaction, account_id: UUID, before: date, after: Position, size: int
) -> tuple[Position, bool]:
    """The last position of a batch, and whether no further one is needed."""
    parameters = {
        "account": account_id,
        "before": before,
        "after_date": after[0],
        "after_id": after[1],
        "skipped": size - 1,
    }
    row = tx.execute(_END, parameters).first()
    if row is not None:
        return (row.date, row.id), False
    return (before - timedelta(days=1), _LAST_ID), True


def _oldest(tx: Transaction, account_id: UUID, after: Position) -> date | None:
    """The day of the oldest row that is left behind a position."""
    parameters = {"account": account_id, "after_date": after[0], "after_id": after[1]}
    return tx.execute(_OLDEST, parameters).scalar()


def _fold(
    tx: Transaction,
    account: Row[Any],
    amounts: Mapping[date, Decimal],
    *,
    opened: date,
    before: date,
    now: datetime,
) -> None:
    """Move what was deleted into the opening balance, and open the account later."""
    opening = account.opening_balance + sum(amounts.values(), Decimal())
    if abs(opening) > LARGEST_OPENING:
        raise Conflict(
            "opening-out-of-range",
            f"The rows of account {account.id} cannot be purged: its opening balance would leave "
            "the range that is kept exactly.",
        )
    purged = before - timedelta(days=1)
    tx.execute(
        _FOLD,
        {
            "account": account.id,
            "opening": opening,
            "opened": opened,
            "purged": max(purged, account.purged_until or purged),
            "now": now,
        },
    )
    for day, amount in amounts.items():
        if day > opened:
            _carry(tx, account, day, amount)


def _carry(tx: Transaction, account: Row[Any], day: date, amount: Decimal) -> None:
    if tx.execute(_CARRY_MORE, {"account": account.id, "on": day, "more": amount}).rowcount == 0:
        row = {"org_id": account.org_id, "account_id": account.id, "day": day, "amount": amount}
        tx.execute(insert(carried_amounts), row)
