"""Whatever is purged and whatever is held: no balance on a day that remains is another."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestegg_core import Expire, Hold
from nestegg_core.application import Runtime
from nestegg_core.ledger.balances import check_books
from nestegg_core.ledger.money import format_amount
from nestegg_core.retention.engine import Retention
from nestegg_core.retention.receipts import Counts
from support.purging import TODAY, Account, Booked, Books, Told, day, engine, read, store

LAST = 40
"""Rows and cut-offs lie on days 0 to this one."""


@dataclass(frozen=True)
class Case:
    """A household, and what the policies say in each of two runs."""

    household: Sequence[Account]
    runs: Sequence[Sequence[Sequence[Expire | Hold]]]
    max_batch: int
    cut_short_after: int


amounts = st.integers(-(10**6), 10**6).map(lambda cents: Decimal(cents).scaleb(-2))


@st.composite
def households(draw: st.DrawFn) -> list[Account]:
    made = []
    for _ in range(draw(st.integers(1, 3))):
        rows = draw(st.lists(st.builds(Booked, st.integers(0, LAST), amounts), max_size=12))
        first = min((row.on for row in rows), default=LAST)
        opened = draw(st.none() | st.integers(0, first))
        kind = draw(st.sampled_from(["checking", "loan"]))
        made.append(Account(draw(amounts), opened, rows, kind))
    return made


@st.composite
def cases(draw: st.DrawFn) -> Case:
    household = draw(households())
    ids = [row.id for account in household for row in account.rows]
    some_accounts = st.none() | st.frozensets(st.sampled_from([one.id for one in household]))
    held = st.frozensets(st.sampled_from(ids), max_size=3) if ids else st.just(frozenset[UUID]())
    expiries = st.builds(
        lambda on, own: Expire("transaction", day(on), own), st.integers(0, LAST), some_accounts
    )
    holds = st.builds(lambda own: Hold("transaction", "lawsuit", own), held)
    everything = st.just(Hold("transaction", "lawsuit"))
    decisions = st.lists(
        st.one_of(expiries, expiries, expiries, holds, holds, holds, everything), max_size=4
    )
    runs = st.lists(st.lists(decisions, min_size=1, max_size=3), min_size=1, max_size=2)
    return Case(household, draw(runs), draw(st.integers(1, 5)), draw(st.integers(1, 4)))


class CutShort(Exception):
    """The run ends here."""


def cut_short(retention: Retention, batches: int) -> None:
    """Run, and stop after so many batches; what they did stays."""
    left = batches

    def stop(_: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise CutShort

    with suppress(CutShort):
        retention.run(live=True, started_by="test", on_progress=stop)


def expected_ids(
    account: Account, decided: Sequence[Expire | Hold], present: set[UUID]
) -> set[UUID]:
    """Return the rows of an account that are to stay, by the plainest of rules."""
    holds = [one for one in decided if isinstance(one, Hold)]
    expiries = [one for one in decided if isinstance(one, Expire)]

    def goes(row: Booked) -> bool:
        return any(
            day(row.on) < one.before and (one.accounts is None or account.id in one.accounts)
            for one in expiries
        ) and not any(one.ids is None or row.id in one.ids for one in holds)

    return {row.id for row in account.rows if row.id in present and not goes(row)}


def assert_true(household: Sequence[Account], books: Books) -> None:
    """Every balance is what it was, from the day on which its account opens now."""
    for account in household:
        stored = books.accounts[account.id]
        assert stored.balance == account.balance
        moved = sum((row.amount for row in books.rows[account.id]), Decimal())
        assert stored.opening_balance + moved == account.balance
        opened = stored.opening_date or day(0)
        assert all(row.date >= opened for row in books.rows[account.id])
        for when in (opened + timedelta(days=n) for n in range((TODAY - opened).days)):
            assert books.balance_on(account.id, when) == account.balance_on(when)


def assert_reported(
    runtime: Runtime, org_id: UUID, household: Sequence[Account], books: Books
) -> None:
    """Net worth on every day is that of the accounts which are open then, as they always were."""
    with runtime.storage.transaction(org_id, write=False) as tx:
        for when in map(day, range(LAST + 2)):
            ((month),) = runtime.reports.net_worth(tx, when, when)["months"]
            sides = {"checking": Decimal(), "loan": Decimal()}
            opened = [one for one in household if is_open(books, one, when)]
            for account in opened:
                sides[account.type] += account.balance_on(when)
            if opened:
                (entry,) = month["entries"]
                assert entry["assets"] == format_amount(sides["checking"], "EUR")
                assert entry["liabilities"] == format_amount(sides["loan"], "EUR")
                assert entry["net_worth"] == format_amount(sum(sides.values()), "EUR")
            else:
                assert month["entries"] == []


def is_open(books: Books, account: Account, when: date) -> bool:
    opened = books.accounts[account.id].opening_date
    return opened is None or opened <= when


def by_account(counts: Counts) -> dict[UUID, tuple[int, Decimal, int]]:
    return {
        account.account_id: (account.transactions, account.amount, account.held)
        for one in counts.organizations
        for account in one.accounts
    }


@pytest.fixture
def books_stay_true(runtime: Runtime) -> Iterator[None]:
    yield
    assert check_books(runtime.storage).differences == []


@pytest.mark.usefixtures("books_stay_true")
@settings(max_examples=30, deadline=None)
@given(case=cases())
def test_balances_stay_and_only_what_may_go_is_gone(runtime: Runtime, case: Case) -> None:
    org_id = store(runtime.storage, case.household)
    neighbours = [Account(Decimal(1), None, [Booked(0, Decimal(2))])]
    other_id = store(runtime.storage, neighbours)
    untouched = read(runtime.storage, other_id)
    for policies in case.runs:
        before = read(runtime.storage, org_id)
        told = {f"policy{n}": Told(org_id, one) for n, one in enumerate(policies)}
        retention = engine(runtime.storage, told, max_batch=case.max_batch)
        first = retention.preview(org_id)
        assert read(runtime.storage, org_id) == before

        cut_short(retention, case.cut_short_after)
        half = read(runtime.storage, org_id)
        assert_true(case.household, half)

        preview = retention.preview(org_id)
        assert preview.transactions == first.transactions - len(before.ids) + len(half.ids)
        live = retention.run(live=True, started_by="test")
        assert by_account(live) == by_account(preview)
        books = read(runtime.storage, org_id)
        decided = [decision for one in policies for decision in one]
        for account in case.household:
            stays = expected_ids(account, decided, set(before.ids))
            assert {row.id for row in books.rows[account.id]} == stays
            assert_account_remembers(before, books, account)
        assert_true(case.household, books)
        again = retention.run(live=True, started_by="test")
        assert again.transactions == 0
        assert read(runtime.storage, org_id) == books
    assert_reported(runtime, org_id, case.household, read(runtime.storage, org_id))
    assert read(runtime.storage, other_id) == untouched


def assert_account_remembers(before: Books, books: Books, account: Account) -> None:
    """An account that lost rows knows up to when; one that lost none is not changed at all."""
    was, stored = before.accounts[account.id], books.accounts[account.id]
    gone = [row.date for row in before.rows[account.id] if row.id not in books.ids]
    if not gone:
        assert stored == was
        return
    assert stored.version > was.version
    assert stored.purged_until >= max(gone)
    oldest = min((row.date for row in books.rows[account.id]), default=date.max)
    assert stored.opening_date <= oldest
