"""Accounts."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from nestegg_core.api.fields import (
    Amount,
    AnswerModel,
    Code,
    CurrencyCode,
    Day,
    Money,
    Name,
    Next,
    OptionalName,
    PageQuery,
    RequestModel,
    Row,
    Sealed,
)
from nestegg_core.api.operation import (
    GONE,
    ORGANIZATION,
    Answer,
    Call,
    made_answer,
    operation,
    page_answer,
)
from nestegg_core.ledger.accounts import Accounts

AccountType = Literal[
    "checking",
    "savings",
    "cash",
    "investment",
    "property",
    "other",
    "credit_card",
    "loan",
    "mortgage",
]


class NewAccount(RequestModel):
    """An account to open."""

    name: Name
    type: AccountType
    currency: CurrencyCode
    opening_balance: Amount = Decimal()
    opening_date: Annotated[
        Day | None, Field(description="Rows before this day are refused; null for no bound.")
    ] = None
    institution: OptionalName = ""
    number: Code | None = None


class AccountChange(RequestModel):
    """What to change; fields left out stay."""

    name: Name = ""
    type: AccountType = "other"
    currency: CurrencyCode = ""
    opening_balance: Amount = Decimal()
    opening_date: Day | None = None
    institution: OptionalName = ""
    number: Code | None = None


class AccountDeletion(RequestModel):
    """How to delete."""

    with_transactions: Annotated[
        bool, Field(description="Whether its transactions go too; without, they keep it.")
    ] = False


class ListedAccount(Row):
    """An account in a list."""

    name: str
    type: AccountType
    currency: str
    opening_balance: Money
    opening_date: date | None
    purged_until: Annotated[
        date | None,
        Field(description="Rows up to this day are refused: a retention policy has purged them."),
    ]
    balance: Annotated[Money, Field(description="Opening balance + all transactions.")]
    institution: str
    number_last4: str | None


class Account(ListedAccount, Sealed):
    """An account."""

    number: str | None


class AccountPage(AnswerModel):
    """Accounts, the oldest first."""

    items: list[ListedAccount]
    next: Next


COLLECTION = ORGANIZATION + "/accounts"
ONE = COLLECTION + "/{account_id:uuid}"


@dataclass(frozen=True, slots=True)
class AccountResource:
    accounts: Accounts

    @operation("GET", COLLECTION, permission="accounts:read", query=PageQuery, answer=AccountPage)
    def list(self, call: Call) -> Answer:
        """List accounts with their balances."""
        return page_answer(self.accounts.page(call.tx, limit=call.query.limit, after=call.after))

    @operation(
        "POST", COLLECTION, permission="accounts:write", body=NewAccount, answer=Account, status=201
    )
    def create(self, call: Call) -> Answer:
        """Open an account."""
        return made_answer(call, self.accounts.create(call.tx, dict(call.body)))

    @operation("GET", ONE, permission="accounts:read", answer=Account)
    def read(self, call: Call) -> Answer:
        """Read an account."""
        return Answer(self.accounts.read(call.tx, call.params["account_id"]))

    @operation("PATCH", ONE, permission="accounts:write", body=AccountChange, answer=Account)
    def change(self, call: Call) -> Answer:
        """Change an account; a new opening balance moves the balance along."""
        return Answer(
            self.accounts.change(
                call.tx, call.params["account_id"], call.version, call.body.changes()
            )
        )

    @operation(
        "DELETE", ONE, permission="accounts:write", query=AccountDeletion, answer=None, status=204
    )
    def delete(self, call: Call) -> Answer:
        """Delete an account."""
        self.accounts.delete(
            call.tx,
            call.params["account_id"],
            call.version,
            with_transactions=call.query.with_transactions,
        )
        return GONE
