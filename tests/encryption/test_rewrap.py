"""Rewrap moves every value, overwrites nobody, waits for nobody, and goes on where it was."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Table, func, insert, select

from nestegg_core import ConfigurationError, Conflict, DecryptionError
from nestegg_core.application import Runtime
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import (
    instance_secrets,
    leases,
    rewrap_checkpoints,
    transactions,
)
from nestegg_core.encryption.key_maintenance import Progress, sealed_columns
from nestegg_core.encryption.rewrap import Rewrapped, rewrap
from nestegg_core.encryption.usage import census, retire, verify
from nestegg_testing import MovableClock
from support.rotation import (
    LONG_NAME,
    MARK,
    Notes,
    Place,
    Process,
    kinds,
    later,
    put,
    rows_of,
    stored_note,
    stored_rows,
    write_note,
)


@pytest.fixture
def notes(process: Process) -> Notes:
    """Three organizations with twenty transactions each, sealed under version 1."""
    made = Notes()
    made.furnish(process(1), 3, 20)
    return made


def places(notes: Notes) -> list[Place]:
    """Return where a note is, in the order in which rewrap comes to it."""
    return sorted(place for place, text in notes.texts.items() if text is not None)


def remembered(runtime: Runtime, table: Table) -> int:
    with runtime.storage.system_transaction(write=False) as tx:
        return int(tx.execute(select(func.count()).select_from(table)).scalar_one())


class Interrupted(Exception):
    """Ends a run from within, as a power cut would between two batches."""


def interrupt_after(batches: int, column: str = "") -> Any:
    left = [batches]

    def report(progress: Progress) -> None:
        left[0] -= progress.column.startswith(column)
        if not left[0]:
            raise Interrupted

    return report


def test_every_value_moves_and_reads_back(process: Process, notes: Notes) -> None:
    runtime = process(2, 1)
    seen: list[Progress] = []
    done = rewrap(runtime.keys, report=seen.append, batch=7)
    assert kinds(runtime.storage) == {("fernet", 2)}
    assert notes.read(runtime) == notes.texts
    moved = 3 * 17 + 3 + 2 * 3 + 1  # notes, account numbers, users' emails and names, the root
    assert (done.moved, done.left, done.clear_text, len(done.failures)) == (moved, 0, 0, 0)
    assert (seen[-1].done, seen[-1].total) == (moved, moved)
    assert rewrap(runtime.keys).moved == 0


def test_the_old_key_is_needed_no_more(process: Process, notes: Notes) -> None:
    runtime = process(2, 1)
    rewrap(runtime.keys)
    retire(runtime.keys, 1)
    assert notes.read(process(2)) == notes.texts


def test_a_row_is_the_same_to_its_readers(process: Process, notes: Notes) -> None:
    runtime = process(2, 1)

    def visible() -> list[dict[str, Any]]:
        orgs = sorted({org_id for org_id, _ in notes.texts})
        rows = [row._asdict() for org_id in orgs for row in stored_rows(runtime.storage, org_id)]
        return [{name: row[name] for name in row if name != "notes"} for row in rows]

    before = visible()
    assert rewrap(runtime.keys).moved
    assert visible() == before


def test_the_root_of_the_blind_index_moves_and_stays_the_same(process: Process) -> None:
    before = process(1)
    made = before.users.register("ada@example.org", "correct horse battery staple")
    after = process(2, 1)
    rewrap(after.keys)
    assert rows_of(census(after.storage), "instance_secrets.value", 2) == 1
    signed_in = after.sign_in.with_password("Ada@Example.org", "correct horse battery staple")
    assert signed_in.user_id == made.user_id


def test_values_move_to_another_backend_and_back(process: Process, notes: Notes) -> None:
    before = process(1)
    aead = process(1, ENCRYPTION_BACKEND="aesgcm")
    place = places(notes)[0]
    assert notes.read(aead) == notes.texts
    notes.write(aead, place, f"{MARK} by the other")
    assert stored_note(aead.storage, place).startswith("ne1:aesgcm:v1:")
    assert notes.read(before) == notes.texts
    for runtime, backend in ((aead, "aesgcm"), (before, "fernet")):
        rewrap(runtime.keys)
        assert kinds(runtime.storage) == {(backend, 1)}
        assert notes.read(runtime) == notes.texts


def test_any_name_that_a_backend_can_register_is_one_that_rewrap_can_move_to(
    process: Process, notes: Notes
) -> None:
    there = process(1, ENCRYPTION_BACKEND=LONG_NAME)
    assert not rewrap(there.keys).failures
    assert kinds(there.storage) == {(LONG_NAME, 1)}
    assert not verify(there.keys).failures
    assert notes.read(there) == notes.texts


def test_a_backend_that_cannot_read_what_it_writes_is_refused_before_anything_moves(
    process: Process, notes: Notes
) -> None:
    before = kinds(process(1).storage)
    bad = process(1, ENCRYPTION_BACKEND="forgetful")
    with pytest.raises(ConfigurationError, match="does not open again") as caught:
        rewrap(bad.keys)
    assert caught.value.problems[0].where == "ENCRYPTION_BACKEND"
    assert kinds(bad.storage) == before
    assert notes.read(process(1)) == notes.texts


def test_a_value_stays_where_the_one_that_would_replace_it_does_not_open(
    process: Process, notes: Notes
) -> None:
    bad = process(1, ENCRYPTION_BACKEND="forgets-some")
    done = rewrap(bad.keys)
    assert {one.column for one in done.failures.examples} == {"number"}
    assert all("does not open again" in one.reason for one in done.failures.examples)
    assert done.left == len(done.failures) == 3
    assert not verify(process(1).keys).failures
    assert notes.read(process(1)) == notes.texts


class Meddling(SealedRows):
    """Lets somebody else write a row just after rewrap has sealed its old value anew."""

    def __init__(self, own: SealedRows, runtime: Runtime, place: Place, text: str) -> None:
        super().__init__(own._sealer)
        self._runtime = runtime
        self._place, self._text = place, text
        self.meddled = False

    def seal(self, table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
        sealed = super().seal(table, values)
        if table is transactions and values["id"] == self._place[1] and not self.meddled:
            self.meddled = True
            write_note(self._runtime.storage, self._runtime.rows, self._place, self._text)
        return sealed


@pytest.mark.parametrize("version", [1, 2])
def test_a_writer_in_between_wins(process: Process, notes: Notes, version: int) -> None:
    """One of a process that has the new key, or still the old one: then the next pass moves it."""
    old, new = process(1, 2), process(2, 1)
    place = places(notes)[3]
    writer = Meddling(new.rows, {1: old, 2: new}[version], place, f"{MARK} newer")
    done = rewrap(replace(new.keys, rows=writer))
    assert writer.meddled
    notes.texts[place] = f"{MARK} newer"
    assert notes.read(new) == notes.texts
    assert done.left == 0


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True, scope="session")
def test_a_row_that_somebody_holds_is_not_waited_for(process: Process, notes: Notes) -> None:
    runtime = process(2, 1)
    place = places(notes)[0]
    with process(2, 1).storage.transaction(place[0], write=True) as tx:
        tx.execute(
            select(transactions.c.id)
            .where(transactions.c.org_id == place[0], transactions.c.id == place[1])
            .with_for_update()
        )
        done = rewrap(runtime.keys)
    assert rows_of(done.counts, "transactions.notes", 1) == done.left == 1
    assert rewrap(runtime.keys).left == 0


@pytest.mark.parametrize("batches", [1, 4, 9])
def test_a_run_that_was_ended_goes_on_where_it_was(
    process: Process, notes: Notes, batches: int
) -> None:
    runtime = process(2, 1)
    outdated = sum(count.rows for count in census(runtime.storage))
    with pytest.raises(Interrupted):
        rewrap(runtime.keys, report=interrupt_after(batches), batch=5)
    assert remembered(runtime, rewrap_checkpoints) == 1
    assert notes.read(runtime) == notes.texts
    seen: list[Progress] = []
    done = rewrap(runtime.keys, report=seen.append, batch=5)
    assert done.left == 0
    assert done.moved + moved_before(done, outdated) == outdated
    assert remembered(runtime, rewrap_checkpoints) == remembered(runtime, leases) == 0
    assert notes.read(runtime) == notes.texts


def moved_before(done: Rewrapped, outdated: int) -> int:
    """Return what an earlier run must have moved; it is something, for a batch was reported."""
    moved = outdated - done.moved
    assert 0 < moved < outdated
    return moved


def test_a_value_behind_the_checkpoint_is_found_all_the_same(
    process: Process, notes: Notes
) -> None:
    old, new = process(1, 2), process(2, 1)
    with pytest.raises(Interrupted):
        rewrap(new.keys, report=interrupt_after(5, "transactions.notes"), batch=4)
    first = places(notes)[0]
    notes.write(old, first, f"{MARK} by a process with the old key")
    assert rewrap(new.keys, batch=4).left == 0
    assert notes.read(new) == notes.texts


def test_a_checkpoint_on_the_way_to_an_older_key_does_not_count(
    process: Process, notes: Notes
) -> None:
    second = process(2, 1)
    with pytest.raises(Interrupted):
        rewrap(second.keys, report=interrupt_after(6, "transactions.notes"), batch=5)
    third = process(3, 2, 1)
    with pytest.raises(Interrupted):
        rewrap(third.keys, report=interrupt_after(1, "transactions.notes"), batch=5)
    assert stored_note(third.storage, places(notes)[0]).startswith("ne1:fernet:v3:")
    assert rewrap(third.keys).left == 0
    assert kinds(third.storage) == {("fernet", 3)}
    assert notes.read(third) == notes.texts


def test_a_second_run_is_refused_while_the_first_is_at_it(process: Process, notes: Notes) -> None:
    runtime = process(2, 1)
    refused: list[str] = []

    def run_again(_: Progress) -> None:
        with pytest.raises(Conflict, match="UTC") as busy:
            rewrap(runtime.keys)
        refused.append(busy.value.code)

    assert rewrap(runtime.keys, report=run_again).left == 0
    assert set(refused) == {"busy"}
    assert notes.read(runtime) == notes.texts


def test_a_run_holds_its_lease_however_long_one_column_takes(
    process: Process, notes: Notes
) -> None:
    clock = MovableClock()
    runtime = process(2, 1)
    keys = replace(runtime.keys, clock=clock)
    refused: list[str] = []

    def run_again_later(progress: Progress) -> None:
        clock.move(seconds=10)  # a lease lasts for fifteen
        with pytest.raises(Conflict) as busy:
            rewrap(keys)
        assert busy.value.code == "busy"
        refused.append(progress.column)

    assert rewrap(keys, report=run_again_later, batch=5).left == 0
    assert refused.count("transactions.notes") > 2
    assert notes.read(runtime) == notes.texts


def test_a_run_that_was_thought_dead_stops_for_the_one_that_took_over(
    process: Process, notes: Notes
) -> None:
    runtime = process(2, 1)
    ahead = replace(runtime.keys, clock=later(60))
    done: list[Rewrapped] = []

    def take_over(_: Progress) -> None:
        if not done:
            done.append(rewrap(ahead))

    with pytest.raises(Conflict) as taken:
        rewrap(runtime.keys, report=take_over, batch=5)
    assert taken.value.code == "taken-over"
    assert done[0].left == 0
    assert notes.read(runtime) == notes.texts


def test_a_value_that_does_not_open_stays_and_is_named_by_its_place(
    process: Process, notes: Notes
) -> None:
    runtime = process(2, 1)
    place, other = places(notes)[2:4]
    damaged = stored_note(runtime.storage, other)  # moved from another row
    put(runtime.storage, place, damaged)
    done = rewrap(runtime.keys)
    assert done.left == len(done.failures) == 1
    (failure,) = done.failures.examples
    assert (failure.table, failure.column) == ("transactions", "notes")
    assert (failure.org_id, failure.row_key) == (place[0], [str(place[1])])
    assert damaged[-20:] not in repr(done)
    assert stored_note(runtime.storage, place) == damaged


def test_clear_text_is_taken_in_only_when_asked_for(process: Process, notes: Notes) -> None:
    runtime = process(2, 1)
    place, lookalike = places(notes)[4:6]
    put(runtime.storage, place, "a note from before: encryption")
    put(runtime.storage, lookalike, "ne1:fernet:v1 is how a token begins")
    with pytest.raises(DecryptionError):
        notes.read(runtime)
    done = rewrap(runtime.keys)
    assert (done.left, done.clear_text) == (0, 2)
    assert stored_note(runtime.storage, place) == "a note from before: encryption"

    done = rewrap(runtime.keys, take_in_clear_text=True)
    assert (done.moved, done.clear_text, len(done.failures)) == (1, 1, 1)
    assert stored_note(runtime.storage, place).startswith("ne1:fernet:v2:")
    put(runtime.storage, lookalike, stored_note(runtime.storage, place))
    with pytest.raises(DecryptionError):  # what was taken in is bound to its place, too
        notes.read(runtime)


def test_keys_of_rows_can_stand_in_a_checkpoint() -> None:
    """What comes to be sealed later must not break the walk through the rows."""
    types = {key.type.python_type for column in sealed_columns() for key in column.key}
    assert types <= {UUID, int, str}


def test_every_declared_column_is_walked(process: Process) -> None:
    runtime = process(1)
    with runtime.storage.system_transaction(write=True) as tx:
        row = runtime.rows.seal(instance_secrets, {"name": "planted", "value": "x"})
        tx.execute(insert(instance_secrets), row)
    counted = rows_of(census(runtime.storage), "instance_secrets.value", 1)
    assert counted == 2  # the root, and this one
    tables = {column.table.name for column in sealed_columns()}
    assert {"users", "accounts", "transactions", "import_rows", "instance_secrets"} <= tables
