"""The ledger against a model of it: whatever is done in whatever order, balances add up.

The model says beforehand what each call does, or that it is refused.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import insert, select

from nestegg_core import Statement, StatementRow, Transaction
from nestegg_core.application import Runtime
from nestegg_core.database import in_org
from nestegg_core.database.tables import accounts, organizations, transactions
from nestegg_core.database.types import new_id
from nestegg_core.errors import Conflict, InvalidInput
from nestegg_core.ledger.balances import check_books
from nestegg_core.ledger.imports import Upload
from nestegg_core.ledger.money import LIMIT
from support.ledger_model import Account, Booked, Line, Model, Staged
from support.statements import counts

T = TypeVar("T")

START = date(2026, 1, 1)
days = st.integers(0, 5).map(lambda number: START + timedelta(days=number))
amounts = st.sampled_from(
    [Decimal(text) for text in ("0", "1", "-1", "2.5", "-0.0001", str(LIMIT), str(-LIMIT))]
) | st.decimals(-LIMIT, LIMIT, places=4)
lines = st.tuples(days, st.sampled_from([Decimal(1), Decimal(-1), LIMIT / 2]))

REFUSED = (Conflict, InvalidInput)


class Ledger(RuleBasedStateMachine):
    """Calls the services and the model alike."""

    runtime: Runtime

    account_ids = Bundle("account_ids")
    transaction_ids = Bundle("transaction_ids")
    import_ids = Bundle("import_ids")

    def __init__(self) -> None:
        super().__init__()
        self.org_id = new_id()
        self.model = Model()
        now = datetime.now(UTC)
        values = {"id": self.org_id, "name": "x", "created_at": now, "updated_at": now}
        with self.runtime.storage.system_transaction(write=True) as tx:
            tx.execute(insert(organizations), {**values, "version": 1})

    def call(self, allowed: bool, work: Callable[[Transaction], T]) -> T | None:
        """Call a service, which must succeed exactly when the model says so."""
        result, refusal = None, None
        try:
            with self.runtime.storage.transaction(self.org_id, write=True) as tx:
                result = work(tx)
        except REFUSED as error:
            refusal = error
        assert (refusal is None) == allowed, refusal or "the ledger allowed it"
        return result

    # What is done.

    @initialize(target=account_ids)
    def two_accounts(self) -> Any:
        return multiple(self.open(Decimal(), None), self.open(Decimal(10), START))

    @rule(target=account_ids, opening=amounts, opened=st.none() | days)
    def open(self, opening: Decimal, opened: date | None) -> UUID:
        texts = {"name": "x", "type": "cash", "currency": "EUR", "institution": ""}
        values = {**texts, "opening_balance": opening, "opening_date": opened, "number": None}
        made = self.call(True, lambda tx: self.runtime.accounts.create(tx, values))
        assert made is not None
        self.model.accounts[made["id"]] = Account(opening, opened)
        return UUID(str(made["id"]))

    @rule(account=account_ids, opening=st.none() | amounts, opened=st.none() | days)
    def change_account(self, account: UUID, opening: Decimal | None, opened: date | None) -> None:
        old = self.model.accounts[account]
        new = Account(old.opening if opening is None else opening, opened)
        own = [one.day for one in self.model.booked.values() if one.account == account]
        balance = self.model.balance(account) + new.opening - old.opening
        allowed = abs(balance) <= LIMIT and not (opened and own and min(own) < opened)
        changes: dict[str, Any] = {"opening_date": opened}
        if opening is not None:
            changes["opening_balance"] = opening
        with self.runtime.storage.transaction(self.org_id, write=False) as tx:
            version = self.runtime.accounts.read(tx, account)["version"]
        if self.call(
            allowed, lambda tx: self.runtime.accounts.change(tx, account, version, changes)
        ):
            self.model.accounts[account] = new

    @rule(target=transaction_ids, account=account_ids, day=days, amount=amounts)
    def book(self, account: UUID, day: date, amount: Decimal) -> Any:
        texts = {"payee": "x", "description": "", "external_id": "", "notes": None}
        values = {"account_id": account, "date": day, "amount": amount, "status": "posted"}
        values = {**texts, **values, "category_id": None}
        allowed = self.model.may_book(account, day, self.model.balance(account) + amount)
        made = self.call(allowed, lambda tx: self.runtime.transactions.create(tx, values))
        if made is None:
            return multiple()
        self.model.booked[made["id"]] = Booked(account, day, amount)
        return made["id"]

    @rule(key=transaction_ids, account=account_ids, day=days, amount=amounts)
    def change(self, key: UUID, account: UUID, day: date, amount: Decimal) -> None:
        old = self.model.booked.get(key)
        if old is None:
            return
        new = replace(old, account=account, day=day, amount=amount, version=old.version + 1)
        allowed = self.model.may_book(
            account, day, self.model.balance(account, without=key) + amount
        )
        if account != old.account:
            allowed = allowed and abs(self.model.balance(old.account, without=key)) <= LIMIT
        changes = {"account_id": account, "date": day, "amount": amount}
        if self.call(
            allowed,
            lambda tx: self.runtime.transactions.change(tx, key, old.version, changes),
        ):
            self.model.booked[key] = new

    @rule(key=consumes(transaction_ids))
    def delete(self, key: UUID) -> None:
        old = self.model.booked.get(key)
        if old is None:
            return
        allowed = abs(self.model.balance(old.account, without=key)) <= LIMIT
        self.call(allowed, lambda tx: self.runtime.transactions.delete(tx, key, old.version))
        if allowed:
            del self.model.booked[key]

    @rule(target=import_ids, account=account_ids, rows=st.lists(lines, min_size=1, max_size=5))
    def preview(self, account: UUID, rows: list[Line]) -> Any:
        staged = Staged(account, rows, self.model.classified(account, rows))
        read = [
            StatementRow(line, day, amount, "x") for line, (day, amount) in enumerate(rows, start=2)
        ]
        upload = Upload("csv", "", Statement({}, read), new_id())
        allowed = abs(self.model.balance(account) + self.model.new_sum(staged)) <= LIMIT
        made = self.call(allowed, lambda tx: self.runtime.imports.preview(tx, account, upload))
        if made is None:
            return multiple()
        assert made["counts"] == counts(**Counter(staged.statuses))
        self.model.imports[made["id"]] = staged
        return made["id"]

    @rule(target=transaction_ids, key=import_ids)
    def commit(self, key: UUID) -> Any:
        staged = self.model.imports[key]
        balance = self.model.balance(staged.account) + self.model.new_sum(staged)
        allowed = (
            staged.state == "previewed"
            and self.model.classified(staged.account, staged.lines) == staged.statuses
            and abs(balance) <= LIMIT
        )
        if not self.call(allowed, lambda tx: self.runtime.imports.commit(tx, key)):
            return multiple()
        staged.state = "committed"
        with self.runtime.storage.transaction(self.org_id, write=False) as tx:
            made = tx.execute(
                select(transactions.c.id, transactions.c.date, transactions.c.amount).where(
                    in_org(transactions), transactions.c.import_id == key
                )
            ).all()
        for row in made:
            line = (row.date, row.amount)
            self.model.booked[row.id] = Booked(staged.account, *line, import_id=key, line=line)
        return multiple(*(row.id for row in made))

    @rule(key=import_ids)
    def revert(self, key: UUID) -> None:
        staged = self.model.imports[key]
        own = {name: one for name, one in self.model.booked.items() if one.import_id == key}
        untouched = len(own) == list(staged.statuses).count("new") and all(
            one.version == 1 for one in own.values()
        )
        balance = self.model.balance(staged.account) - self.model.new_sum(staged)
        allowed = staged.state == "committed" and untouched and abs(balance) <= LIMIT
        if self.call(allowed, lambda tx: self.runtime.imports.revert(tx, key)):
            staged.state = "reverted"
            for name in own:
                del self.model.booked[name]

    # What always holds.

    @invariant()
    def balances_are_those_of_the_model(self) -> None:
        with self.runtime.storage.transaction(self.org_id, write=False) as tx:
            stored = tx.execute(select(accounts.c.id, accounts.c.balance).where(in_org(accounts)))
            found = {row.id: row.balance for row in stored}
        assert found == {account: self.model.balance(account) for account in self.model.accounts}

    def teardown(self) -> None:
        books = check_books(self.runtime.storage)
        assert list(books.differences) == []


def test_balances_add_up_whatever_is_done(fresh_runtime: Runtime) -> None:
    fresh_runtime.storage.upgrade()
    fresh_runtime.check_keys()
    machine = type("LedgerOnThisDatabase", (Ledger,), {"runtime": fresh_runtime})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
