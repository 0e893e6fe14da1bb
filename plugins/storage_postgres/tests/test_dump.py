"""A dump by the owner holds every row of every organization, and restores."""

import subprocess
from pathlib import Path

from nestegg_storage_postgres.storage import PostgresStorage
from sqlalchemy import func, select

from nestegg_core.database import head, metadata
from support.postgres import APPLICATION, OWNER, Postgres
from support.postgres_storage import organization

categories = metadata.tables["categories"]


def dump(
    postgres: Postgres, database: str, role: str, file: Path
) -> subprocess.CompletedProcess[str]:
    arguments = ["--format=custom", f"--file={file}", postgres.url(database, role)]
    return subprocess.run(
        [postgres.tools / "pg_dump", *arguments], capture_output=True, text=True, check=False
    )


def counts(storage: PostgresStorage) -> dict[str, int]:
    with storage.migrating() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }


def test_the_owners_dump_restores_with_every_row(
    storage: PostgresStorage, postgres: Postgres, database: str, tmp_path: Path
) -> None:
    org_ids = [organization(storage) for _ in range(3)]
    before = counts(storage)
    assert before["categories"] == before["organizations"] == len(org_ids)
    file = tmp_path / "dump"
    assert dump(postgres, database, OWNER, file).returncode == 0
    postgres.create_database("restored")
    target = postgres.url("restored", OWNER)
    options = ["--exit-on-error", "--single-transaction", f"--dbname={target}"]
    subprocess.run([postgres.tools / "pg_restore", *options, file], check=True)
    restored = PostgresStorage(
        postgres.url("restored", APPLICATION), admin_url=target, pool_size=1, max_overflow=0
    )
    assert counts(restored) == before
    assert restored.current_revision() == head()
    assert list(restored.check()) == []
    for org_id in org_ids:
        with restored.transaction(org_id, write=False) as tx:
            assert list(tx.execute(select(categories.c.org_id)).scalars()) == [org_id]
    restored.dispose()


def test_a_dump_as_the_application_fails_rather_than_leaving_rows_out(
    storage: PostgresStorage, postgres: Postgres, database: str, tmp_path: Path
) -> None:
    organization(storage)
    result = dump(postgres, database, APPLICATION, tmp_path / "dump")
    assert result.returncode != 0
    assert "row-level security" in result.stderr or "permission denied" in result.stderr
