"""Transactions."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from nestegg_core.api.fields import (
    Amount,
    AnswerModel,
    Day,
    Money,
    Name,
    Next,
    Notes,
    OptionalName,
    PageQuery,
    RequestModel,
    Row,
    Sealed,
    Sentence,
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
from nestegg_core.ledger.transactions import Transactions

Status = Literal["posted", "pending"]

_NO_ID = UUID(int=0)


class NewTransaction(RequestModel):
    """A transaction to book."""

    account_id: UUID
    date: Day
    amount: Amount
    payee: Sentence
    description: Sentence = ""
    category_id: UUID | None = None
    status: Status = "posted"
    notes: Notes | None = None
    external_id: OptionalName = ""


class TransactionChange(RequestModel):
    """What to change; fields left out stay."""

    account_id: UUID = _NO_ID
    date: Day = date.min
    amount: Amount = Decimal()
    payee: Sentence = ""
    description: Sentence = ""
    category_id: UUID | None = None
    status: Status = "posted"
    notes: Notes | None = None
    external_id: OptionalName = ""


class TransactionQuery(PageQuery):
    """Which transactions."""

    account_id: UUID | None = None
    since: Annotated[Day | None, Field(alias="from", description="From this day on.")] = None
    until: Annotated[Day | None, Field(alias="to", description="Up to and with this day.")] = None
    q: Annotated[
        Name | None, Field(description="Text in payee or description, in any case of letters.")
    ] = None
    category_id: UUID | None = None
    min_amount: Amount | None = None
    max_amount: Amount | None = None
    status: Status | None = None

    def filters(self) -> dict[str, object]:
        """Return what filters, by the names that the ledger knows."""
        return {
            "account_id": self.account_id,
            "from": self.since,
            "to": self.until,
            "q": self.q,
            "category_id": self.category_id,
            "min_amount": self.min_amount,
            "max_amount": self.max_amount,
            "status": self.status,
        }


class ListedTransaction(Row):
    """A transaction in a list; its notes are read one by one."""

    account_id: UUID
    date: date
    amount: Annotated[Money, Field(description="Into the account positive, out of it negative.")]
    currency: str
    payee: str
    description: str
    category_id: UUID | None
    status: Status
    external_id: str
    import_id: UUID | None
    has_notes: bool


class Transaction(ListedTransaction, Sealed):
    """A transaction."""

    notes: str | None


class TransactionPage(AnswerModel):
    """Transactions, newest first."""

    items: list[ListedTransaction]
    next: Next


COLLECTION = ORGANIZATION + "/transactions"
ONE = COLLECTION + "/{transaction_id:uuid}"


@dataclass(frozen=True, slots=True)
class TransactionResource:
    transactions: Transactions

    @operation(
        "GET",
        COLLECTION,
        permission="transactions:read",
        query=TransactionQuery,
        answer=TransactionPage,
    )
    def list(self, call: Call) -> Answer:
        """List transactions, newest first."""
        return page_answer(
            self.transactions.page(
                call.tx, call.query.filters(), limit=call.query.limit, after=call.after
            )
        )

    @operation(
        "POST",
        COLLECTION,
        permission="transactions:write",
        body=NewTransaction,
        answer=Transaction,
        status=201,
    )
    def create(self, call: Call) -> Answer:
        """Book a transaction; its account's balance moves."""
        return made_answer(call, self.transactions.create(call.tx, dict(call.body)))

    @operation("GET", ONE, permission="transactions:read", answer=Transaction)
    def read(self, call: Call) -> Answer:
        """Read a transaction with its notes."""
        return Answer(self.transactions.read(call.tx, call.params["transaction_id"]))

    @operation(
        "PATCH", ONE, permission="transactions:write", body=TransactionChange, answer=Transaction
    )
    def change(self, call: Call) -> Answer:
        """Change a transaction; the balances that it touches move."""
        return Answer(
            self.transactions.change(
                call.tx, call.params["transaction_id"], call.version, call.body.changes()
            )
        )

    @operation("DELETE", ONE, permission="transactions:write", answer=None, status=204)
    def delete(self, call: Call) -> Answer:
        """Delete a transaction; its account's balance moves back."""
        self.transactions.delete(call.tx, call.params["transaction_id"], call.version)
        return GONE
