"""Databases with enough in them to be worth a backup."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import insert

from nestegg_core.application import Runtime
from nestegg_core.backups.service import Backup
from nestegg_core.database.tables import accounts, organizations, transactions
from nestegg_core.database.types import new_id

CURRENCIES = ("EUR", "JPY", "USD")
START = date(2026, 1, 1)


@dataclass(frozen=True)
class BackedUp:
    """A populated database that has been backed up.

    Attributes:
        variables: its settings.
        org_ids: its organizations.
        made: the backup.
    """

    variables: dict[str, str]
    runtime: Runtime
    org_ids: list[UUID]
    made: Backup


def populate(
    runtime: Runtime, *, households: int = 3, transactions_each: int = 900
) -> Sequence[UUID]:
    """Make organizations with an account in each currency, notes and all; the books balance.

    Returns:
        the organizations' ids.
    """
    runtime.storage.upgrade()
    runtime.check_keys()
    return [_household(runtime, number, transactions_each) for number in range(households)]


def _household(runtime: Runtime, number: int, count: int) -> UUID:
    org_id, moment = new_id(), runtime.clock()
    stamps = {"created_at": moment, "updated_at": moment, "version": 1}
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(insert(organizations), {"id": org_id, "name": f"Household {number}", **stamps})
    for currency in CURRENCIES:
        _account(runtime, org_id, currency, count // len(CURRENCIES))
    return org_id


def _account(runtime: Runtime, org_id: UUID, currency: str, count: int) -> None:
    moment = runtime.clock()
    stamps = {"created_at": moment, "updated_at": moment, "version": 1}
    account_id, opening = new_id(), Decimal("1000.5")
    amounts = [Decimal(n * 37 % 1999 - 1000) / 100 for n in range(count)]
    account = {
        "org_id": org_id,
        "id": account_id,
        "name": f"Account in {currency}",
        "type": "checking",
        "currency": currency,
        "opening_balance": opening,
        "opening_date": START,
        "purged_until": None,
        "balance": opening + sum(amounts),
        "institution": "",
        "number": "DE02 1203 0000 0000 2020 51",
        "number_last4": "2051",
        **stamps,
    }
    rows = [
        runtime.rows.seal(
            transactions,
            {
                "org_id": org_id,
                "id": new_id(),
                "account_id": account_id,
                "date": START + timedelta(days=n % 300),
                "amount": amount,
                "payee": f"Payee {n}",
                "description": "",
                "search_text": f"payee {n}",
                "category_id": None,
                "status": "booked",
                "notes": f"note {n}" if n % 10 == 0 else None,
                "external_id": "",
                "import_id": None,
                "import_key": None,
                **stamps,
            },
        )
        for n, amount in enumerate(amounts)
    ]
    with runtime.storage.transaction(org_id, write=True) as tx:
        tx.execute(insert(accounts), runtime.rows.seal(accounts, account))
        if rows:
            tx.execute(insert(transactions), rows)


def with_keys(backed_up: BackedUp, variables: dict[str, str]) -> dict[str, str]:
    """Return settings with the keys of the database that was backed up."""
    settings = backed_up.runtime.settings
    return {
        **variables,
        "MASTER_ENCRYPTION_KEY": settings.master_encryption_key.get_secret_value(),
        "SECRET_KEY": settings.secret_key.get_secret_value(),
    }
