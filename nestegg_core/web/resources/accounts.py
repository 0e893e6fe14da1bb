"""Accounts."""

from nestegg_core.ledger.accounts import Accounts
from nestegg_core.web.fields import PageQuery
from nestegg_core.web.models import accounts as models
from nestegg_core.web.operation import ORGANIZATION, Answer, Call, operation
from nestegg_core.web.resources.rows import GONE, made_answer, page_answer

COLLECTION = ORGANIZATION + "/accounts"
ONE = COLLECTION + "/{account_id:uuid}"


class AccountResource:
    """`/accounts`."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    @operation(
        "GET",
        COLLECTION,
        permission="accounts:read",
        query=PageQuery,
        answer=models.AccountPage,
    )
    def list(self, call: Call) -> Answer:
        """List accounts with their balances."""
        return page_answer(self._accounts.page(call.tx, limit=call.query.limit, after=call.after))

    @operation(
        "POST",
        COLLECTION,
        permission="accounts:write",
        body=models.NewAccount,
        answer=models.Account,
        status=201,
    )
    def create(self, call: Call) -> Answer:
        """Open an account."""
        return made_answer(call, self._accounts.create(call.tx, dict(call.body)))

    @operation("GET", ONE, permission="accounts:read", answer=models.Account)
    def read(self, call: Call) -> Answer:
        """Read an account."""
        return Answer(self._accounts.read(call.tx, call.params["account_id"]))

    @operation(
        "PATCH",
        ONE,
        permission="accounts:write",
        body=models.AccountChange,
        answer=models.Account,
    )
    def change(self, call: Call) -> Answer:
        """Change an account; a new opening balance moves the balance along."""
        return Answer(
            self._accounts.change(
                call.tx, call.params["account_id"], call.version, call.body.changes()
            )
        )

    @operation(
        "DELETE",
        ONE,
        permission="accounts:write",
        query=models.AccountDeletion,
        answer=None,
        status=204,
    )
    def delete(self, call: Call) -> Answer:
        """Delete an account."""
        self._accounts.delete(
            call.tx,
            call.params["account_id"],
            call.version,
            with_transactions=call.query.with_transactions,
        )
        return GONE
