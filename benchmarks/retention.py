"""The purge of old transactions on PostgreSQL, beside a bare batched DELETE of the same rows.

Two organizations hold the same rows. A quarter of one is deleted by bare statements, then the
same quarter of the other is purged, and so on, so that what is compared was measured in the same
minute. The bare side connects as the tables' owner, keeps no balance and writes no receipt; of the
ways to write it, this one is the fastest that knows nothing of the rows beforehand.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import click
import psycopg
from sqlalchemy import make_url

from benchmarks.servers import APPLICATION, OWNER, Postgres, running_postgres
from nestegg_core import Expire, Hold
from nestegg_core.application import Runtime, start
from nestegg_core.database.types import new_id
from nestegg_core.ledger.balances import check_books
from nestegg_core.observability.logs import configure_logging
from nestegg_core.retention.batches import MAX_BATCH
from nestegg_core.retention.cleanup import Cleaning, Lifetimes
from nestegg_core.retention.engine import Retention
from nestegg_core.settings import Environment

DATABASE = "purge"
FIRST = date(2010, 1, 1)
DAYS = 1000
QUARTERS = 4

_ORGANIZATION = "INSERT INTO organizations VALUES (%(org)s, 'Household', now(), now(), 1)"
_ACCOUNT = """
INSERT INTO accounts (org_id, id, name, type, currency, opening_balance, balance, institution,
                      created_at, updated_at, version)
VALUES (%(org)s, %(account)s, 'Checking', 'checking', 'EUR', 0, -%(rows)s, '', now(), now(), 1)
"""
_ROWS = """
INSERT INTO transactions (org_id, id, account_id, date, amount, payee, description, search_text,
                          status, external_id, created_at, updated_at, version)
SELECT %(org)s, uuidv7(), %(account)s, %(first)s::date + (n * %(days)s / %(rows)s)::int, -1,
       'Shop ' || n %% 97, 'Card payment', 'shop ' || n %% 97 || chr(10) || 'card payment',
       'posted', '', now(), now(), 1
FROM generate_series(0, %(rows)s - 1) AS n
"""
_BARE = """
DELETE FROM transactions WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM transactions
    WHERE org_id = %(org)s AND account_id = %(account)s AND date < %(before)s
    ORDER BY date, id LIMIT %(size)s
))
"""


@dataclass(frozen=True)
class Household:
    """An organization with one account, full of old rows."""

    org_id: UUID
    account_id: UUID


@dataclass
class Until:
    """A retention policy for one household; `before` is moved on."""

    household: Household
    before: date = FIRST

    def decide(self, org_id: UUID, today: date) -> Sequence[Expire | Hold]:
        """Let everything before the day expire."""
        del today
        return [Expire("transaction", self.before)] if org_id == self.household.org_id else []


def measure(rows: int) -> dict[str, float]:
    """Measure both; returns rows a second of each, and their ratio."""
    configure_logging("console", "WARNING")  # the lines of the run would stand among the results
    with running_postgres() as postgres, tempfile.TemporaryDirectory() as home:
        postgres.create_database(DATABASE)
        variables = {
            "ENVIRONMENT": "test",
            "NESTEGG_HOME": home,
            "DATABASE_URL": postgres.url(DATABASE, APPLICATION),
            "DATABASE_ADMIN_URL": postgres.url(DATABASE, OWNER),
        }
        runtime = start(Environment.read(variables, dotenv=None))
        runtime.storage.upgrade()
        owner = psycopg.connect(postgres.url(DATABASE, OWNER), autocommit=True)
        with owner:
            bare, ours = (_filled(owner, rows) for _ in range(2))
            postgres.execute("VACUUM ANALYZE", DATABASE)
            seconds = _seconds(runtime, owner, bare, ours)
        _refuse_leftovers(postgres, runtime)
        runtime.storage.dispose()
    return {
        "purge": rows / seconds["purge"],
        "bare DELETE": rows / seconds["bare DELETE"],
        "ratio": seconds["bare DELETE"] / seconds["purge"],
    }


def _filled(owner: psycopg.Connection, rows: int) -> Household:
    household = Household(new_id(), new_id())
    values = {
        "org": household.org_id,
        "account": household.account_id,
        "rows": rows,
        "first": FIRST,
        "days": DAYS,
    }
    for statement in (_ORGANIZATION, _ACCOUNT, _ROWS):
        owner.execute(statement, values)
    return household


def _seconds(
    runtime: Runtime, owner: psycopg.Connection, bare: Household, ours: Household
) -> dict[str, float]:
    policy = Until(ours)
    retention = Retention(
        storage=runtime.storage,
        policies=[("until", policy)],
        cleaning=Cleaning(runtime.storage, Lifetimes(timedelta(days=30), timedelta(days=30))),
        clock=lambda: datetime.now(UTC),
    )
    seconds = {"bare DELETE": 0.0, "purge": 0.0}
    for quarter in range(1, QUARTERS + 1):
        policy.before = FIRST + timedelta(days=DAYS * quarter // QUARTERS)
        begun = time.perf_counter()
        _delete(owner, bare, policy.before)
        between = time.perf_counter()
        retention.run(live=True, started_by="benchmark", org_id=ours.org_id)
        seconds["bare DELETE"] += between - begun
        seconds["purge"] += time.perf_counter() - between
    return seconds


def _delete(owner: psycopg.Connection, household: Household, before: date) -> None:
    values = {
        "org": household.org_id,
        "account": household.account_id,
        "before": before,
        "size": MAX_BATCH,
    }
    while owner.execute(_BARE, values).rowcount == MAX_BATCH:
        pass


def _refuse_leftovers(postgres: Postgres, runtime: Runtime) -> None:
    """Fail unless both have deleted everything, and our books balance."""
    url = make_url(postgres.url(DATABASE, OWNER)).render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT count(*) FROM transactions").fetchone()
    # The bare side moves no balance: its account alone must differ.
    if found != (0,) or len(check_books(runtime.storage).differences) != 1:
        raise RuntimeError("the purge did not do what it was measured at")


def table(results: dict[str, float]) -> str:
    """Return the results as lines of text."""
    lines = [f"{'':18}{'rows/s':>12}"]
    lines += [f"{name:18}{results[name]:12.0f}" for name in ("purge", "bare DELETE")]
    return "\n".join([*lines, f"purge / bare DELETE: {results['ratio']:.2f}"])


@click.command(epilog="Example: python -m benchmarks.retention --rows 100000")
@click.option("--rows", default=1_000_000, help="Transactions that each side deletes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(rows: int, *, as_json: bool) -> None:
    """Measure the purge beside a bare batched DELETE."""
    results = measure(rows)
    click.echo(json.dumps(results) if as_json else table(results))


if __name__ == "__main__":
    main()
