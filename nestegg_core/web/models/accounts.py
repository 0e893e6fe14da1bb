"""Accounts."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from nestegg_core.web.fields import (
    Amount,
    Code,
    CurrencyCode,
    Day,
    Name,
    OptionalName,
    RequestModel,
)
from nestegg_core.web.models.common import AnswerModel, Money, Next, Row, Sealed

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
