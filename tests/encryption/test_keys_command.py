"""`nestegg keys`, step by step as the guide says, and the start of the server."""

import json
from typing import Any

import pytest
from click.testing import Result
from cryptography.fernet import Fernet

from support.command_line import CommandLine
from support.rotation import KEYS, MARK, Notes, Process, keys, put, stored_note
from support.serving import Serve


def run(serve: Serve, variables: dict[str, str], *arguments: str) -> Result:
    return CommandLine({**serve.variables, **variables})("keys", *arguments)


def answered(result: Result) -> Any:
    return json.loads(result.stdout)


on_one_database = pytest.mark.parametrize(
    "database_kind", ["sqlite"], indirect=True, scope="session"
)
"""For what does not depend on it: the rotation itself is run on both."""


@pytest.fixture
def notes(process: Process) -> Notes:
    made = Notes()
    made.furnish(process(1), 2, 10)
    return made


@on_one_database
def test_generate_prints_a_new_fernet_key_each_time(serve: Serve) -> None:
    made = {run(serve, {}, "generate").stdout.strip() for _ in range(2)}
    made.add(answered(run(serve, {}, "generate", "--json"))["key"])
    assert len(made) == 3
    for key in made:
        Fernet(key)


def test_a_rotation_by_the_guides_steps(serve: Serve, notes: Notes, process: Process) -> None:
    rotated = keys(2, 1)
    status = run(serve, rotated, "status")
    assert status.exit_code == 0
    assert "transactions      notes   fernet   1        16" in status.stdout
    assert "23 values of another backend or version" in status.stdout
    process(2, 1)
    refused = run(serve, rotated, "retire", "1")
    assert refused.exit_code == 1
    assert "transactions.notes: 16" in refused.stderr

    moved = run(serve, rotated, "rewrap", "--batch", "5")
    assert moved.exit_code == 0, moved.stderr
    assert "Moved 23 values to backend fernet, version 2. 0 values left" in moved.stdout
    verified = run(serve, rotated, "verify")
    assert verified.exit_code == 0
    assert "Every value opens: 23 values checked." in verified.stdout

    retired = run(serve, rotated, "retire", "1")
    assert retired.exit_code == 0
    assert "ENCRYPTION_KEY_V1" in retired.stdout
    assert "Backups from before" in retired.stdout
    after = answered(run(serve, keys(2), "status", "--json"))
    assert [(k["version"], k["state"], k["rows"]) for k in after["keys"]] == [
        (1, "retired", 0),
        (2, "current", 23),
    ]
    assert (after["backend"], after["version"], after["outdated"]) == ("fernet", 2, 0)
    assert notes.read(process(2)) == notes.texts


@on_one_database
def test_rewrap_answers_in_json(serve: Serve, notes: Notes) -> None:
    assert notes.texts
    done = answered(run(serve, keys(2, 1), "rewrap", "--json"))
    assert (done["moved"], done["left"], done["failures"]["count"]) == (23, 0, 0)
    assert {count["version"] for count in done["counts"]} == {2}


@on_one_database
def test_what_does_not_open_is_placed_and_not_shown(
    serve: Serve, notes: Notes, process: Process
) -> None:
    runtime = process(1)
    place, other = sorted(place for place, text in notes.texts.items() if text)[:2]
    put(runtime.storage, place, stored_note(runtime.storage, other))
    for arguments in (["verify"], ["verify", "--json"]):
        result = run(serve, keys(1), *arguments)
        assert result.exit_code == 1
        assert str(place[1]) in result.stdout
        assert MARK not in result.output
        assert stored_note(runtime.storage, place)[-12:] not in result.output
    assert run(serve, keys(2, 1), "rewrap").exit_code == 1


@on_one_database
def test_clear_text_is_told_and_taken_in(serve: Serve, notes: Notes, process: Process) -> None:
    place = min(place for place, text in notes.texts.items() if text)
    put(process(1).storage, place, MARK)
    for command in ("status", "rewrap"):
        told = run(serve, keys(1), command)
        assert told.exit_code == 1
        assert "1 value not encrypted" in told.stderr
        assert "--take-in-clear-text" in told.stderr
    assert run(serve, keys(1), "rewrap", "--take-in-clear-text").exit_code == 0
    assert stored_note(process(1).storage, place).startswith("ne1:fernet:v1:")
    assert run(serve, keys(1), "status").exit_code == 0


@on_one_database
def test_wrong_keys_are_shown_by_status_and_refused_by_all_else(serve: Serve, notes: Notes) -> None:
    assert notes.texts
    wrong = {**keys(2), "MASTER_ENCRYPTION_KEY": KEYS[2]}
    status = run(serve, wrong, "status")
    assert status.exit_code == 1
    assert "ENCRYPTION_KEY_V1" in status.stdout
    assert "missing" in status.stdout
    assert "ENCRYPTION_KEY_V1 is not set" in status.stderr
    assert run(serve, wrong, "verify").exit_code == 1
    everything = {**serve.variables, **wrong}
    for command in (["keys", "rewrap"], ["user", "list"], ["serve", "--port", "0"]):
        refused = CommandLine(everything)(*command)
        assert refused.exit_code == 2, command
        assert "ENCRYPTION_KEY_V1 is not set" in refused.stderr
        assert "version 1" in refused.stderr
        assert KEYS[2] not in refused.output


@on_one_database
def test_two_keys_for_the_current_version_are_refused(serve: Serve) -> None:
    """The master key was replaced, and the version not raised: step three was forgotten."""
    forgotten = {"MASTER_ENCRYPTION_KEY": KEYS[2], "ENCRYPTION_KEY_V1": KEYS[1]}
    refused = run(serve, forgotten, "status")
    assert refused.exit_code == 2
    assert "ENCRYPTION_KEY_V1 differs from MASTER_ENCRYPTION_KEY" in refused.stderr
    assert "ENCRYPTION_CURRENT_VERSION=2" in refused.stderr
    config = CommandLine({**serve.variables, **forgotten})("config")
    assert "ENCRYPTION_KEY_V1 differs from MASTER_ENCRYPTION_KEY" in config.stderr


@on_one_database
def test_the_help_tells_the_steps_and_every_command_has_an_example(serve: Serve) -> None:
    told = run(serve, {}, "--help").stdout
    assert "copy MASTER_ENCRYPTION_KEY to ENCRYPTION_KEY_V1" in told
    for command in ("rotate", "generate", "status", "rewrap", "verify", "retire"):
        assert f"nestegg keys {command}" in run(serve, {}, command, "--help").stdout
