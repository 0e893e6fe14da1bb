"""Fills the database that is measured: one household with many transactions."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import insert

from nestegg_core.application import Runtime
from nestegg_core.database.tables import transactions
from nestegg_core.database.types import new_id

ROWS = 20_000
EMAIL, PASSWORD = "bench@example.org", "correct horse battery staple"


@dataclass(frozen=True)
class Household:
    """Who is signed in, and where."""

    org_id: UUID
    token: str


def fill(runtime: Runtime) -> Household:
    """Register somebody with 20,000 transactions on one account."""
    new = runtime.users.register(EMAIL, PASSWORD)
    token = runtime.sessions.open(new.user_id).access_token
    with runtime.storage.transaction(new.org_id, write=True) as tx:
        account = runtime.accounts.create(
            tx,
            {
                "name": "Checking",
                "type": "checking",
                "currency": "EUR",
                "opening_balance": Decimal(ROWS),
                "opening_date": None,
                "institution": "",
                "number": None,
            },
        )
        now = runtime.clock()
        tx.execute(
            insert(transactions),
            [
                {
                    "org_id": new.org_id,
                    "id": new_id(),
                    "account_id": account["id"],
                    "date": date(2020, 1, 1) + timedelta(days=number // 10),
                    "amount": Decimal("-1.00"),
                    "payee": f"Shop {number % 97}",
                    "description": "Card payment",
                    "search_text": f"shop {number % 97}\ncard payment",
                    "status": "posted",
                    "external_id": "",
                    "created_at": now,
                    "updated_at": now,
                    "version": 1,
                }
                for number in range(ROWS)
            ],
        )
    return Household(new.org_id, token)
