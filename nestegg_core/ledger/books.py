"""The check of the books: balance = opening balance + sum, for every account."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import and_, select

from nestegg_core.contracts.storage import Storage
from nestegg_core.database.tables import accounts, in_org, organizations, transactions
from nestegg_core.database.types import exact_sum


@dataclass(frozen=True, slots=True)
class Difference:
    """An account whose balance is not what its rows add up to."""

    org_id: UUID
    account_id: UUID
    name: str
    currency: str
    balance: Decimal
    expected: Decimal


@dataclass(frozen=True, slots=True)
class Books:
    """What a check found."""

    accounts: int
    differences: Sequence[Difference]


_SUMS = (
    select(
        accounts.c.id,
        accounts.c.name,
        accounts.c.currency,
        accounts.c.balance,
        accounts.c.opening_balance,
        exact_sum(transactions.c.amount).label("moved"),
    )
    .outerjoin(
        transactions,
        and_(
            transactions.c.org_id == accounts.c.org_id,
            transactions.c.account_id == accounts.c.id,
        ),
    )
    .where(in_org(accounts))
    .group_by(
        accounts.c.id,
        accounts.c.name,
        accounts.c.currency,
        accounts.c.balance,
        accounts.c.opening_balance,
    )
    .order_by(accounts.c.id)
)


def check_books(storage: Storage) -> Books:
    """Add up every account, organization by organization (row-level security allows no other
    way), each in one reading transaction.
    """
    with storage.system_transaction(write=False) as tx:
        org_ids = list(
            tx.execute(select(organizations.c.id).order_by(organizations.c.id)).scalars()
        )
    count = 0
    differences: list[Difference] = []
    for org_id in org_ids:
        with storage.transaction(org_id, write=False) as tx:
            for row in tx.execute(_SUMS):
                count += 1
                expected = row.opening_balance + (row.moved or Decimal())
                if expected != row.balance:
                    differences.append(
                        Difference(org_id, row.id, row.name, row.currency, row.balance, expected)
                    )
    return Books(count, differences)
