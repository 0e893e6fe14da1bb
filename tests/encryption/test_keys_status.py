"""What is counted, what is verified, and when a key may go."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from nestegg_core import Conflict, DecryptionError, NotFound
from nestegg_core.application import Runtime
from nestegg_core.database.rows import SealedRows
from nestegg_core.encryption.cipher import FAILURES, FieldCipher
from nestegg_core.encryption.fernet import FernetBackend
from nestegg_core.encryption.key_maintenance import EXAMPLES, Progress
from nestegg_core.encryption.keyring import Keyring
from nestegg_core.encryption.rewrap import rewrap
from nestegg_core.encryption.usage import Status, retire, status, verify
from support.rotation import MARK, Notes, Process, keys, put, stored_note
from support.serving import Serve


@pytest.fixture
def notes(process: Process) -> Notes:
    made = Notes()
    made.furnish(process(1), 2, 10)
    return made


def states(found: Status) -> dict[int, tuple[str, int]]:
    return {key.version: (key.state, key.rows) for key in found.keys}


def counted(found: Status) -> dict[tuple[str, str | None, int | None], int]:
    return {
        (f"{one.table}.{one.column}", one.backend, one.version): one.rows for one in found.counts
    }


def test_values_are_counted_by_column_backend_and_version(process: Process, notes: Notes) -> None:
    """Those of every organization: no single query can see them all."""
    place, other, *_ = sorted(place for place, text in notes.texts.items() if text)
    notes.write(process(2, 1), place, f"{MARK} newer")
    notes.write(process(2, 1, ENCRYPTION_BACKEND="aesgcm"), other, f"{MARK} by the other")
    found = status(process(2, 1).keys)
    assert counted(found) == {
        ("accounts.number", "fernet", 1): 2,
        ("instance_secrets.value", "fernet", 1): 1,
        ("users.email", "fernet", 1): 2,
        ("users.name", "fernet", 1): 2,
        ("transactions.notes", "fernet", 1): 14,
        ("transactions.notes", "fernet", 2): 1,
        ("transactions.notes", "aesgcm", 2): 1,
    }
    assert states(found) == {1: ("reads", 21), 2: ("current", 2)}
    assert (found.outdated, found.clear_text, found.problems) == (22, 0, [])


def test_what_is_no_token_is_counted_and_not_shown(process: Process, notes: Notes) -> None:
    runtime = process(1)
    stored = [
        "clear text",
        "ne1:clear text:with:colons",
        "ne1:fernet:v01:gAAAAA",
        "",
        "NE1:fernet:v1:gAAAAA",
    ]
    for place, value in zip(sorted(notes.texts), stored, strict=False):
        put(runtime.storage, place, value)
    found = status(runtime.keys)
    assert counted(found)["transactions.notes", None, None] == len(stored)
    assert found.clear_text == len(stored)
    assert "clear" not in repr(found.counts)


@pytest.mark.usefixtures("notes")
def test_keys_that_do_not_fit_are_shown_and_not_refused(process: Process) -> None:
    rewrap(process(2, 1).keys)
    found = status(process(3, 2, 1).keys)
    assert states(found) == {1: ("reads", 0), 2: ("reads", 23), 3: ("current", 0)}
    assert found.problems == []
    keys = process(3, 2, 1).keys
    only_the_newest = replace(keys.keyring, keys={3: keys.keyring.key(3)})
    found = status(replace(keys, keyring=only_the_newest))
    assert states(found) == {1: ("missing", 0), 2: ("missing", 23), 3: ("current", 0)}
    assert [p.where for p in found.problems] == ["ENCRYPTION_KEY_V1", "ENCRYPTION_KEY_V2"]


def test_every_value_is_opened_and_every_failure_placed(process: Process, notes: Notes) -> None:
    runtime = process(1)
    seen: list[Progress] = []
    found = verify(runtime.keys, report=seen.append)
    assert (found.checked, len(found.failures)) == (23, 0)
    assert (seen[-1].done, seen[-1].total) == (23, 23)
    place, other = sorted(place for place, text in notes.texts.items() if text)[:2]
    put(runtime.storage, place, "clear text")
    put(runtime.storage, other, stored_note(runtime.storage, other)[:-9] + "AAAAAAAA=")
    found = verify(runtime.keys)
    assert (found.checked, len(found.failures)) == (23, 2)
    assert {(f.org_id, *f.row_key) for f in found.failures.examples} == {
        (place[0], str(place[1])),
        (other[0], str(other[1])),
    }
    assert "clear text" not in repr(found)
    assert all(f.reason.startswith("transactions.notes: ") for f in found.failures.examples)


def test_many_failures_of_one_kind_are_counted_and_some_are_shown(process: Process) -> None:
    notes = Notes()
    notes.furnish(process(1), 1, 60)
    keys = process(2, 1).keys
    without = FieldCipher(Keyring(2, {2: bytes(32)}), {"fernet": FernetBackend()}, "fernet")
    found = verify(replace(keys, rows=SealedRows(without)))
    assert len(found.failures) == found.checked > EXAMPLES
    of_notes = [f for f in found.failures.examples if f.table == "transactions"]
    assert len(of_notes) == EXAMPLES
    assert "set ENCRYPTION_KEY_V1" in of_notes[0].reason


def test_a_value_that_does_not_open_is_counted_by_its_column() -> None:
    counts = Counted()
    cipher = FieldCipher(Keyring(1, {1: bytes(32)}), {"fernet": FernetBackend()}, "fernet", counts)
    place = ("", "users", "email", "1")
    assert cipher.open(cipher.seal("text", place), place) == "text"
    assert counts.calls == []
    with pytest.raises(DecryptionError):
        cipher.open("text", place)
    seen = Counted()
    watched = FieldCipher(Keyring(1, {1: bytes(32)}), {"fernet": FernetBackend()}, "fernet", seen)
    with pytest.raises(DecryptionError):
        watched.open(cipher.seal("text", place), ("", "users", "email", "2"))
    assert seen.calls == [(FAILURES, {"column": "users.email"})]
    assert len(counts.calls) == 1


class Counted:
    """Keeps its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str]]] = []

    def count(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        assert amount == 1
        self.calls.append((name, dict(labels)))


def refusal(runtime: Runtime, version: int) -> str:
    with pytest.raises((Conflict, NotFound)) as refused:
        retire(runtime.keys, version)
    return str(refused.value)


def test_a_version_is_not_retired_while_any_organization_needs_it(
    process: Process, notes: Notes
) -> None:
    old, new = process(1, 2), process(2, 1)
    told = refusal(new, 1)
    assert "accounts.number: 2" in told
    assert "transactions.notes: 16" in told
    assert "nestegg keys rewrap" in told
    rewrap(new.keys)
    last = max(place for place, text in notes.texts.items() if text)
    notes.write(old, last, MARK)
    assert "(transactions.notes: 1)" in refusal(new, 1)
    rewrap(new.keys)
    moment = retire(new.keys, 1)
    found = status(process(2).keys)
    assert states(found) == {1: ("retired", 0), 2: ("current", 23)}
    assert found.keys[0].retired_at == moment


def test_the_current_version_and_an_unknown_one_are_not_retired(process: Process) -> None:
    process(1)
    runtime = process(3, 2, 1)
    assert "not older than the current one" in refusal(runtime, 3)
    assert "not older than the current one" in refusal(runtime, 4)
    assert "Nothing has been written under version 2" in refusal(runtime, 2)


def test_nothing_is_retired_before_a_process_writes_under_the_newer_key(
    process: Process, serve: Serve
) -> None:
    process(1)
    not_checked_yet = serve.runtime(**keys(2, 1))
    assert "No process has started with version 2" in refusal(not_checked_yet, 1)


def test_a_retired_version_that_is_written_under_again_shows(
    process: Process, notes: Notes
) -> None:
    old, new = process(1, 2), process(2, 1)
    rewrap(new.keys)
    retire(new.keys, 1)
    notes.write(old, max(place for place, text in notes.texts.items() if text), MARK)
    assert states(status(new.keys))[1] == ("reads", 1)
