"""Transactions."""

from nestegg_core.ledger.transactions import Transactions
from nestegg_core.web.models import transactions as models
from nestegg_core.web.operation import ORGANIZATION, Answer, Call, operation
from nestegg_core.web.resources.rows import GONE, made_answer, page_answer

COLLECTION = ORGANIZATION + "/transactions"
ONE = COLLECTION + "/{transaction_id:uuid}"


class TransactionResource:
    """`/transactions`."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @operation(
        "GET",
        COLLECTION,
        permission="transactions:read",
        query=models.TransactionQuery,
        answer=models.TransactionPage,
    )
    def list(self, call: Call) -> Answer:
        """List transactions, newest first."""
        return page_answer(
            self._transactions.page(
                call.tx, call.query.filters(), limit=call.query.limit, after=call.after
            )
        )

    @operation(
        "POST",
        COLLECTION,
        permission="transactions:write",
        body=models.NewTransaction,
        answer=models.Transaction,
        status=201,
    )
    def create(self, call: Call) -> Answer:
        """Book a transaction; its account's balance moves."""
        return made_answer(call, self._transactions.create(call.tx, dict(call.body)))

    @operation("GET", ONE, permission="transactions:read", answer=models.Transaction)
    def read(self, call: Call) -> Answer:
        """Read a transaction with its notes."""
        return Answer(self._transactions.read(call.tx, call.params["transaction_id"]))

    @operation(
        "PATCH",
        ONE,
        permission="transactions:write",
        body=models.TransactionChange,
        answer=models.Transaction,
    )
    def change(self, call: Call) -> Answer:
        """Change a transaction; the balances that it touches move."""
        return Answer(
            self._transactions.change(
                call.tx, call.params["transaction_id"], call.version, call.body.changes()
            )
        )

    @operation("DELETE", ONE, permission="transactions:write", answer=None, status=204)
    def delete(self, call: Call) -> Answer:
        """Delete a transaction; its account's balance moves back."""
        self._transactions.delete(call.tx, call.params["transaction_id"], call.version)
        return GONE
