"""Accounts, transactions, categories, imports and reports: the rules of money."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nestegg_core.application import Sealed
    from nestegg_core.ledger.accounts import Accounts
    from nestegg_core.ledger.categories import Categories
    from nestegg_core.ledger.imports import Imports
    from nestegg_core.ledger.reports import Reports
    from nestegg_core.ledger.transactions import Transactions


@dataclass(frozen=True)
class LedgerServices:
    accounts: "Accounts"
    categories: "Categories"
    transactions: "Transactions"
    imports: "Imports"
    reports: "Reports"


def wire(kernel: "Sealed") -> LedgerServices:
    from nestegg_core.ledger.accounts import Accounts
    from nestegg_core.ledger.categories import Categories
    from nestegg_core.ledger.imports import Imports
    from nestegg_core.ledger.reports import Reports
    from nestegg_core.ledger.transactions import Transactions

    rows, clock = kernel.rows, kernel.clock
    categories = Categories(clock, kernel.quota("MAX_CATEGORIES_PER_ORGANIZATION"))
    return LedgerServices(
        accounts=Accounts(rows, clock, kernel.quota("MAX_ACCOUNTS_PER_ORGANIZATION")),
        categories=categories,
        transactions=Transactions(rows, clock),
        imports=Imports(rows, categories, clock),
        reports=Reports(),
    )
