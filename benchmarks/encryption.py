"""Encryption: a value sealed and opened, beside the bare primitive; and rewrap on PostgreSQL.

The bare primitive is Fernet under a key that HKDF derives for the value, with the `cryptography`
library alone: what sealing costs beyond it is ours.
"""

import base64
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from uuid import UUID

import click
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import insert

from benchmarks.data import EMAIL, PASSWORD
from benchmarks.servers import APPLICATION, OWNER, running_postgres
from nestegg_core.application import Runtime, start
from nestegg_core.database.tables import transactions
from nestegg_core.database.types import new_id
from nestegg_core.encryption.rewrap import rewrap
from nestegg_core.settings import Environment

DATABASE = "rewrap"
NOTE = "Rent for the flat, paid on the first"
CALLS = 2000
ROUNDS = 9
CHUNK = 10_000


def measure(rows: int) -> dict[str, float]:
    """Measure both; returns microseconds of a value, and rows a second of rewrap."""
    with running_postgres() as postgres, tempfile.TemporaryDirectory() as home:
        postgres.create_database(DATABASE)
        variables = {
            "ENVIRONMENT": "test",
            "NESTEGG_HOME": home,
            "DATABASE_URL": postgres.url(DATABASE, APPLICATION),
            "DATABASE_ADMIN_URL": postgres.url(DATABASE, OWNER),
        }
        first, second = Fernet.generate_key().decode(), Fernet.generate_key().decode()
        before = _started({**variables, "MASTER_ENCRYPTION_KEY": first})
        org_id = _fill(before, rows)
        results = _values(before, org_id)
        before.storage.dispose()
        postgres.execute("VACUUM ANALYZE", DATABASE)
        rotated = {
            "MASTER_ENCRYPTION_KEY": second,
            "ENCRYPTION_KEY_V1": first,
            "ENCRYPTION_CURRENT_VERSION": "2",
        }
        after = _started({**variables, **rotated})
        begun = time.perf_counter()
        done = rewrap(after.keys)
        results["rewrap"] = done.moved / (time.perf_counter() - begun)
        after.storage.dispose()
        if done.left or done.moved < rows:
            raise RuntimeError("rewrap did not do what it was measured at")
    return results


def _started(variables: dict[str, str]) -> Runtime:
    runtime = start(Environment.read(variables, dotenv=None))
    runtime.storage.upgrade()
    runtime.check_keys()
    return runtime


def _fill(runtime: Runtime, rows: int) -> UUID:
    """Make one organization whose transactions all have a note."""
    new = runtime.users.register(EMAIL, PASSWORD)
    now = runtime.clock()
    account = {"name": "Checking", "type": "checking", "currency": "EUR", "institution": ""}
    opening = {"opening_balance": Decimal(0), "opening_date": None, "number": None}
    with runtime.storage.transaction(new.org_id, write=True) as tx:
        account_id = runtime.accounts.create(tx, {**account, **opening})["id"]
    common = {
        "org_id": new.org_id,
        "account_id": account_id,
        "date": date(2026, 1, 5),
        "amount": Decimal("0.00"),
        "payee": "Landlord",
        "description": "",
        "search_text": "landlord",
        "status": "posted",
        "external_id": "",
        "notes": NOTE,
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
    for begin in range(0, rows, CHUNK):
        chunk = [{**common, "id": new_id()} for _ in range(begin, min(begin + CHUNK, rows))]
        with runtime.storage.transaction(new.org_id, write=True) as tx:
            sealed = [runtime.rows.seal(transactions, row) for row in chunk]
            tx.execute(insert(transactions), sealed)
    return new.org_id


def _values(runtime: Runtime, org_id: UUID) -> dict[str, float]:
    """Measure a value in microseconds, round by round, and return the medians."""
    row = {"org_id": org_id, "id": new_id(), "notes": NOTE}
    sealed = runtime.rows.seal(transactions, row)
    key, info = os.urandom(32), os.urandom(130)  # a context is about as long
    token = _derived(key, info).encrypt(NOTE.encode())
    cases: dict[str, Callable[[], object]] = {
        "bare encrypt": lambda: _derived(key, info).encrypt(NOTE.encode()),
        "encrypt": lambda: runtime.rows.seal(transactions, row),
        "bare decrypt": lambda: _derived(key, info).decrypt(token),
        "decrypt": lambda: runtime.rows.open(transactions, sealed, ("notes",)),
    }
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, case in cases.items():
            begun = time.perf_counter()
            for _ in range(CALLS):
                case()
            taken[name].append((time.perf_counter() - begun) / CALLS * 1e6)
    return {name: statistics.median(times) for name, times in taken.items()}


def _derived(key: bytes, info: bytes) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key)
    return Fernet(base64.urlsafe_b64encode(derived))


def table(results: dict[str, float]) -> str:
    """Return the results as lines of text."""
    lines = [f"{'':18}{'us/value':>12}{'bare':>10}{'ratio':>10}"]
    for name in ("encrypt", "decrypt"):
        ours, bare = results[name], results[f"bare {name}"]
        lines.append(f"{name:18}{ours:12.1f}{bare:10.1f}{ours / bare:10.2f}")
    return "\n".join([*lines, f"rewrap: {results['rewrap']:.0f} rows/s"])


@click.command(epilog="Example: python -m benchmarks.encryption --rows 20000")
@click.option("--rows", default=100_000, help="Values that rewrap moves.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(rows: int, *, as_json: bool) -> None:
    """Measure sealing, opening and rewrap."""
    results = measure(rows)
    click.echo(json.dumps(results) if as_json else table(results))


if __name__ == "__main__":
    main()
