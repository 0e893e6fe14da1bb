"""The start refuses keys that the database does not know, and says which and why."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import select, update

from nestegg_core import ConfigurationError
from nestegg_core.application import Runtime
from nestegg_core.database.tables import instance_secrets, key_fingerprints
from nestegg_core.encryption.keyring import fingerprint
from nestegg_core.encryption.rewrap import rewrap
from nestegg_core.encryption.usage import retire
from support.rotation import KEYS, Process, keys
from support.serving import Serve


def refusals(serve: Serve, **variables: str) -> list[tuple[str, str, str]]:
    """Return what a process is refused for."""
    with pytest.raises(ConfigurationError) as refused:
        serve.runtime(**variables).check_keys()
    told = str(refused.value)
    assert not [key for key in KEYS.values() if key in told]
    return [(p.where, p.what, p.fix) for p in refused.value.problems]


def versions(runtime: Runtime) -> list[int]:
    with runtime.storage.system_transaction(write=False) as tx:
        return list(tx.execute(select(key_fingerprints.c.version)).scalars())


def test_the_fingerprint_is_the_documented_one() -> None:
    derived = HKDF(SHA256(), length=8, salt=None, info=b"key-check").derive(bytes(32))
    assert fingerprint(bytes(32)) == derived


def test_the_first_key_is_made_known_and_passes_again(process: Process) -> None:
    first = process(1)
    with first.storage.system_transaction(write=False) as tx:
        known = tx.execute(select(key_fingerprints)).one()
    assert (known.version, known.fingerprint) == (1, fingerprint(b"\1" * 32))
    process(1)
    assert versions(first) == [1]


def test_a_key_that_differs_is_refused(process: Process, serve: Serve) -> None:
    process(1)
    wrong = {**keys(1), "MASTER_ENCRYPTION_KEY": KEYS[2]}
    ((where, what, fix),) = refusals(serve, **wrong)
    assert where == "MASTER_ENCRYPTION_KEY"
    assert "version 1" in what
    assert "nestegg keys" in fix


def test_an_old_key_that_differs_is_refused(process: Process, serve: Serve) -> None:
    process(1)
    ((where, what, _),) = refusals(serve, **{**keys(2, 1), "ENCRYPTION_KEY_V1": KEYS[3]})
    assert (where, "version 1" in what) == ("ENCRYPTION_KEY_V1", True)
    assert versions(process(1)) == [1]


def test_a_missing_key_is_refused(process: Process, serve: Serve) -> None:
    process(1)
    ((where, what, fix),) = refusals(serve, **keys(2))
    assert where == "ENCRYPTION_KEY_V1"
    assert "is not set" in what
    assert "version 1" in what
    assert "nestegg keys retire 1" in fix


def test_every_missing_key_is_named(process: Process, serve: Serve) -> None:
    process(1)
    process(2, 1)
    named = [where for where, _, _ in refusals(serve, **keys(3))]
    assert named == ["ENCRYPTION_KEY_V1", "ENCRYPTION_KEY_V2"]


def test_a_version_that_steps_back_is_refused(process: Process, serve: Serve) -> None:
    process(1)
    process(2, 1)
    for variables in (keys(1), keys(1, 2)):
        ((where, what, fix),) = refusals(serve, **variables)
        assert where == "ENCRYPTION_CURRENT_VERSION"
        assert "version 2" in what
        assert "set it to 2" in fix


def test_a_version_raised_without_a_new_key_is_refused(process: Process, serve: Serve) -> None:
    first = process(1)
    same = {"MASTER_ENCRYPTION_KEY": KEYS[1], "ENCRYPTION_KEY_V1": KEYS[1]}
    ((where, what, fix),) = refusals(serve, **same, ENCRYPTION_CURRENT_VERSION="2")
    assert where == "MASTER_ENCRYPTION_KEY"
    assert "still the key of version 1" in what
    assert "keys generate" in fix
    assert versions(first) == [1]


def test_a_key_above_the_current_version_reads_already(process: Process) -> None:
    process(1)
    before, after = process(1, 2), process(2, 1)
    sealed = after.rows.seal(instance_secrets, {"name": "a", "value": "text"})
    assert before.rows.open(instance_secrets, sealed, ["value"]) == {"value": "text"}
    sealed = before.rows.seal(instance_secrets, {"name": "a", "value": "text"})
    assert sealed["value"].startswith("ne1:fernet:v1:")
    assert after.rows.open(instance_secrets, sealed, ["value"]) == {"value": "text"}


def test_the_current_version_may_be_numbered_as_well(
    process: Process,
) -> None:
    assert versions(process(1, 1)) == [1]


def test_a_retired_version_needs_no_key_but_no_other_will_do(
    process: Process, serve: Serve
) -> None:
    process(1)
    both = process(2, 1)
    rewrap(both.keys)
    retire(both.keys, 1)
    process(2)
    ((where, _, _),) = refusals(serve, **{**keys(2), "ENCRYPTION_KEY_V1": KEYS[3]})
    assert where == "ENCRYPTION_KEY_V1"


def test_a_process_that_has_passed_asks_no_more(process: Process) -> None:
    passed = process(1)
    with passed.storage.system_transaction(write=True) as tx:
        tx.execute(update(key_fingerprints).values(fingerprint=bytes(8)))
    passed.check_keys()


PROGRAM = """
from nestegg_core.errors import ConfigurationError
from nestegg_core.application import start
check = start().check_keys
print("ready", flush=True)
input()
try:
    check()
except ConfigurationError as error:
    print(error.problems[0].where)
else:
    print("passed")
"""


def at_once(folder: Path, processes: list[dict[str, str]]) -> list[str]:
    """Run the check in several processes at the same moment, and return what each says."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, **variables},
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for variables in processes
    ]
    for process in running:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    return [process.communicate(timeout=60)[0].strip() for process in running]


def test_processes_that_start_together_agree_on_one_key(serve: Serve, tmp_path: Path) -> None:
    other = {**keys(1), "MASTER_ENCRYPTION_KEY": KEYS[2]}
    started = [keys(1), other, keys(1)]
    said = at_once(tmp_path, [{**serve.variables, **ours} for ours in started])
    passed, refused = "passed", "MASTER_ENCRYPTION_KEY"
    assert said in ([passed, refused, passed], [refused, passed, refused])
