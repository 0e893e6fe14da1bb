"""A backup holds one moment whole, verifies itself, and comes back whole or not at all."""

import json
import os
import stat
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from threading import Event
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import delete, func, select, text, update

from nestegg_core.application import Runtime, start
from nestegg_core.backups.archive import BackupFailed, BackupRefused, Manifest
from nestegg_core.backups.store import list_backups
from nestegg_core.backups.verify import Figures, figures
from nestegg_core.contracts.storage import DumpingStorage, Transaction
from nestegg_core.database import head
from nestegg_core.database.tables import accounts, in_org, transactions, users
from nestegg_core.errors import Conflict
from nestegg_core.ledger.balances import check_books
from nestegg_core.settings import Environment
from support.backups import CURRENCIES, BackedUp, populate, with_keys

COUNT = select(func.count()).select_from(transactions).where(in_org(transactions))


def figures_of(runtime: Runtime) -> Figures:
    assert isinstance(runtime.storage, DumpingStorage)
    with runtime.storage.snapshot() as snapshot:
        return figures(snapshot)


def test_the_manifest_tells_rows_and_sums_of_every_organization(backed_up: BackedUp) -> None:
    manifest = backed_up.made.manifest

    assert manifest.figures == figures_of(backed_up.runtime)
    assert manifest.figures.rows["transactions"] == 2700
    assert set(manifest.figures.sums) == {str(org_id) for org_id in backed_up.org_ids}
    sums = manifest.figures.sums[str(backed_up.org_ids[0])]
    assert set(sums) == set(CURRENCIES)
    for one in sums.values():
        total = Decimal(one.opening_balances) + Decimal(one.transactions)
        assert Decimal(one.balances) == total
        assert Decimal(one.transactions) != 0
    assert manifest.revision == head()
    assert [key.version for key in manifest.keys] == [1]


def test_the_file_is_a_tar_for_its_owner_alone(backed_up: BackedUp) -> None:
    path = backed_up.made.path

    with tarfile.open(path) as archive:
        names = archive.getnames()
        member = archive.extractfile("manifest.json")
        assert member is not None
        manifest = Manifest.from_json(member.read())
    assert names == ["dump", "manifest.json", "SHA256"]
    assert manifest == backed_up.made.manifest
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size == backed_up.made.size


def test_a_backup_is_verified_and_remembered_as_such(backed_up: BackedUp) -> None:
    made = backed_up.runtime.backups.verify(backed_up.made.path)

    [listed] = list_backups(made.path.parent)
    assert listed.path == made.path
    assert listed.verified_at is not None
    note = json.loads(made.path.with_name(f"{made.path.name}.verified").read_text())
    assert note["sha256"] == made.checksum


def test_a_proof_of_another_file_of_the_name_does_not_count(
    backed_up: BackedUp, tmp_path: Path
) -> None:
    backed_up.runtime.backups.verify(backed_up.made.path)
    for one in backed_up.made.path.parent.iterdir():
        (tmp_path / one.name).write_bytes(one.read_bytes())
    other = backed_up.runtime.backups.create(tmp_path / "other")
    other.path.replace(tmp_path / backed_up.made.path.name)

    [listed] = list_backups(tmp_path)

    assert listed.verified_at is None


def test_a_restored_database_has_every_figure_and_serves_again(
    backed_up: BackedUp, same_keys: Runtime
) -> None:
    same_keys.backups.restore(backed_up.made.path, overwrite=False)

    assert figures_of(same_keys) == backed_up.made.manifest.figures
    assert list(same_keys.storage.check()) == []
    assert same_keys.storage.current_revision() == head()
    assert not check_books(same_keys.storage).differences
    same_keys.check_keys()
    org_id = backed_up.org_ids[0]
    with same_keys.storage.transaction(org_id, write=True) as tx:
        assert tx.execute(COUNT).scalar_one() == 900
        row = tx.execute(
            select(transactions).where(in_org(transactions), transactions.c.notes.is_not(None))
        ).first()
        opened = same_keys.rows.open(transactions, row, ("notes",))
        assert opened["notes"].startswith("note ")
        tx.execute(update(accounts).where(in_org(accounts)).values(name="Renamed"))


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True, scope="session")
def test_row_level_security_holds_the_application_after_a_restore(
    backed_up: BackedUp, same_keys: Runtime
) -> None:
    same_keys.backups.restore(backed_up.made.path, overwrite=False)

    every = select(func.count()).select_from(transactions)
    with same_keys.storage.transaction(backed_up.org_ids[1], write=False) as tx:
        assert tx.execute(every).scalar_one() == 900
    with pytest.raises(Exception, match=r"uuid|nestegg\.org"), unscoped(same_keys) as tx:
        tx.execute(every)


@contextmanager
def unscoped(runtime: Runtime) -> Iterator[Transaction]:
    with runtime.storage.system_transaction(write=False) as tx:
        yield tx


def test_a_database_that_holds_data_is_not_overwritten_unless_told_so(
    backed_up: BackedUp, same_keys: Runtime
) -> None:
    [org_id] = populate(same_keys, households=1, transactions_each=30)
    before = figures_of(same_keys)

    with pytest.raises(Conflict, match="holds data"):
        same_keys.backups.restore(backed_up.made.path, overwrite=False)
    unharmed = figures_of(same_keys)
    same_keys.backups.restore(backed_up.made.path, overwrite=True)

    assert unharmed == before
    assert figures_of(same_keys) == backed_up.made.manifest.figures
    with same_keys.storage.transaction(org_id, write=False) as tx:
        assert tx.execute(COUNT).scalar_one() == 0


def test_data_is_not_replaced_while_others_are_connected_unless_told_so(
    backed_up: BackedUp, same_keys: Runtime, same_keys_again: Runtime
) -> None:
    path = backed_up.made.path
    populate(same_keys, households=1, transactions_each=30)
    before = figures_of(same_keys)
    assert same_keys_again.storage.current_revision() == head()  # its pool keeps the connection

    with pytest.raises(Conflict, match=r"at least 1 connection .*--while-connected"):
        same_keys.backups.restore(path, overwrite=True)
    assert figures_of(same_keys) == before
    same_keys.backups.restore(path, overwrite=True, while_connected=True)
    assert figures_of(same_keys) == backed_up.made.manifest.figures

    populate(same_keys, households=1, transactions_each=30)
    same_keys_again.storage.dispose()
    same_keys.backups.restore(path, overwrite=True)
    assert figures_of(same_keys) == backed_up.made.manifest.figures


def test_tables_of_others_and_of_newer_releases_go_when_a_backup_takes_their_place(
    backed_up: BackedUp, same_keys: Runtime
) -> None:
    same_keys.storage.upgrade()
    with same_keys.storage.migrating() as connection:  # type: ignore[attr-defined]  # SQL storages
        connection.execute(text("CREATE TABLE newer (id integer, user_id char(32))"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    same_keys.backups.restore(backed_up.made.path, overwrite=False)

    assert "newer" not in figures_of(same_keys).rows
    assert same_keys.storage.current_revision() == head()


def test_a_migrated_database_without_anybody_counts_as_empty(same_keys: Runtime) -> None:
    same_keys.storage.upgrade()
    same_keys.check_keys()

    assert not same_keys.backups.holds_data()


def test_an_empty_database_is_not_backed_up(same_keys: Runtime, folder: Path) -> None:
    with pytest.raises(BackupFailed, match="no tables"):
        same_keys.backups.create(folder)

    assert not folder.exists()


def test_under_concurrent_writes_the_manifest_is_what_the_dump_holds(
    backed_up: BackedUp, same_keys: Runtime, folder: Path
) -> None:
    org_ids = populate(same_keys, households=2, transactions_each=60)
    stop, writes = Event(), 0

    def move_money(org_id: UUID) -> int:
        done = 0
        while not stop.is_set() or done == 0:
            with same_keys.storage.transaction(org_id, write=True) as tx:
                chosen = select(transactions.c.id).where(in_org(transactions)).limit(1)
                [row_id] = tx.execute(chosen).one()
                one = (in_org(transactions), transactions.c.id == row_id)
                row = tx.execute(select(transactions).where(*one)).one()
                tx.execute(delete(transactions).where(*one))
                account = (in_org(accounts), accounts.c.id == row.account_id)
                left = accounts.c.balance - row.amount
                tx.execute(update(accounts).where(*account).values(balance=left))
            done += 1
            if done == 50:
                break
        return done

    with ThreadPoolExecutor(2) as pool:
        movers = [pool.submit(move_money, org_id) for org_id in org_ids]
        made = [same_keys.backups.create(folder) for _ in range(2)]
        stop.set()
        writes = sum(one.result() for one in movers)

    assert writes > 0
    for one in made:
        same_keys.backups.verify(one.path)
    assert backed_up.made.path not in {one.path for one in made}


def test_two_backups_of_one_second_get_two_names(backed_up: BackedUp, folder: Path) -> None:
    runtime = start(
        Environment.read(backed_up.variables, dotenv=None),
        clock=lambda: backed_up.made.manifest.created_at,
    )
    paths = {runtime.backups.create(folder).path.name for _ in range(2)}
    runtime.storage.dispose()

    assert len(paths) == 2
    assert {one.path.name for one in list_backups(folder)} == paths


def test_data_that_does_not_add_up_is_not_verified(
    backed_up: BackedUp, same_keys: Runtime, folder: Path
) -> None:
    [org_id] = populate(same_keys, households=1, transactions_each=30)
    with same_keys.storage.transaction(org_id, write=True) as tx:
        one_more = accounts.c.balance + Decimal("0.01")
        tx.execute(update(accounts).where(in_org(accounts)).values(balance=one_more))
    made = same_keys.backups.create(folder)

    with pytest.raises(BackupRefused, match="balances of 3 accounts"):
        same_keys.backups.verify(made.path)

    [listed] = list_backups(folder)
    assert listed.verified_at is None
    assert backed_up.made.path.exists()


def test_values_that_do_not_open_are_not_verified(same_keys: Runtime, folder: Path) -> None:
    [org_id] = populate(same_keys, households=1, transactions_each=30)
    with same_keys.storage.transaction(org_id, write=True) as tx:
        one = select(accounts.c.number).where(in_org(accounts)).limit(1)
        tx.execute(update(accounts).where(in_org(accounts)).values(number=one.scalar_subquery()))
    made = same_keys.backups.create(folder)

    with pytest.raises(BackupRefused, match=r"2 of \d+ encrypted values do not open"):
        same_keys.backups.verify(made.path)


def test_a_backup_for_other_keys_is_refused_and_the_version_named(
    backed_up: BackedUp, fresh_runtime: Runtime
) -> None:
    why = r"MASTER_ENCRYPTION_KEY is not .* version 1"
    with pytest.raises(BackupRefused, match=why):
        fresh_runtime.backups.verify(backed_up.made.path)
    with pytest.raises(BackupRefused, match=why):
        fresh_runtime.backups.restore(backed_up.made.path, overwrite=True)
    assert not fresh_runtime.backups.holds_data()


def test_the_owner_alone_sees_the_scratch_database_and_nothing_is_left_of_it(
    backed_up: BackedUp, request: pytest.FixtureRequest, database_kind: str
) -> None:
    backed_up.runtime.backups.verify(backed_up.made.path)

    if database_kind == "sqlite":
        home = Path(backed_up.variables["NESTEGG_HOME"])
        assert [one for one in os.listdir(home) if "copy" in one] == []
    else:
        url = request.getfixturevalue("postgres").superuser
        with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
            names = [name for (name,) in connection.execute("SELECT datname FROM pg_database")]
        assert [name for name in names if "scratch" in name] == []


def test_users_are_part_of_it(same_keys: Runtime, folder: Path) -> None:
    same_keys.storage.upgrade()
    same_keys.check_keys()
    same_keys.users.register("ann@example.org", "correct horse battery", "Ann")
    made = same_keys.backups.create(folder)
    with same_keys.storage.system_transaction(write=True) as tx:
        tx.execute(update(users).values(disabled_at=same_keys.clock()))

    same_keys.backups.restore(made.path, overwrite=True)

    same_keys.sign_in.with_password("ann@example.org", "correct horse battery")


def test_other_settings_with_the_same_keys_are_the_same_keys(
    backed_up: BackedUp, fresh_variables: dict[str, str]
) -> None:
    variables = with_keys(backed_up, fresh_variables)
    key = variables["MASTER_ENCRYPTION_KEY"]
    rotated = {
        **variables,
        "ENCRYPTION_KEY_V1": key,
        "ENCRYPTION_CURRENT_VERSION": "2",
        "MASTER_ENCRYPTION_KEY": "A" * 43 + "=",
    }
    without = {name: value for name, value in rotated.items() if name != "ENCRYPTION_KEY_V1"}

    good, bad = (start(Environment.read(one, dotenv=None)) for one in (rotated, without))

    good.backups.verify(backed_up.made.path)
    with pytest.raises(BackupRefused, match="ENCRYPTION_KEY_V1 is not set"):
        bad.backups.verify(backed_up.made.path)
    good.storage.dispose()
    bad.storage.dispose()
