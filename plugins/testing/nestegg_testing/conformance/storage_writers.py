"""The rules of storages about several at once: locks, and writers that do not lose updates."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import ClassVar
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.tables import instance_secrets
from nestegg_testing.conformance.storage_rows import OverMigrated, kinds, new_organization

_VALUE = instance_secrets.c.value
_PATIENCE = 20
"""Seconds after which a thread counts as stuck."""
_A_WHILE = 0.3
"""Seconds in which a thread that does not wait would have come through."""


class WriterRules(OverMigrated):
    """Rules about locks, and about threads."""

    concurrent_writers: ClassVar[bool] = False

    @pytest.fixture
    def counted(self, migrated: Storage) -> Storage:
        """A storage with a counter at nothing."""
        with migrated.system_transaction(write=True) as tx:
            tx.execute(insert(instance_secrets), {"name": "kit", "value": "0"})
        return migrated

    def test_a_lock_keeps_others_of_its_name_waiting(self, counted: Storage) -> None:
        """lock waits while another transaction holds a lock of that name, and is let go when that
        ends, with everything committed.
        """
        trying, through = Event(), Event()

        def other() -> int:
            trying.set()
            with counted.system_transaction(write=True) as tx:
                tx.lock("kit")
                through.set()
                return _count(tx)

        with ThreadPoolExecutor(1) as pool:
            with counted.system_transaction(write=True) as tx:
                tx.lock("kit")
                tx.lock("kit")  # the holder may ask again
                outcome = pool.submit(other)
                assert trying.wait(_PATIENCE)
                assert not through.wait(_A_WHILE), "another transaction got the lock meanwhile"
                _set(tx, 7)
            assert outcome.result(_PATIENCE) == 7

    def test_writers_under_a_lock_lose_no_update(self, counted: Storage) -> None:
        """Writers that take a lock, read and then write take turns: no update is lost, and none is
        refused.
        """

        def count_up(_: int) -> None:
            with counted.system_transaction(write=True) as tx:
                tx.lock("kit")
                _set(tx, _count(tx) + 1)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(count_up, range(40)))
        with counted.system_transaction(write=False) as tx:
            assert _count(tx) == 40

    def test_writers_of_different_organizations_do_not_wait(self, migrated: Storage) -> None:
        """With concurrent writers, organizations do not wait for one another."""
        if not self.concurrent_writers:
            pytest.skip("the storage lets one write at a time")
        one, other = new_organization(migrated), new_organization(migrated)

        def write(org_id: UUID) -> None:
            with migrated.transaction(org_id, write=True) as tx:
                tx.lock(f"kit {org_id}")

        with ThreadPoolExecutor(1) as pool, migrated.transaction(one, write=True) as tx:
            tx.lock(f"kit {one}")
            pool.submit(write, other).result(_PATIENCE)

    def test_many_threads_read_and_write(self, migrated: Storage) -> None:
        """Twenty threads may use one storage, each in transactions of its own."""

        def work(number: int) -> dict[str, str]:
            org_id = new_organization(migrated, f"Category {number}")
            return kinds(migrated, org_id)

        with ThreadPoolExecutor(20) as pool:
            found = list(pool.map(work, range(20)))
        assert found == [{f"Category {number}": "expense"} for number in range(20)]


def _count(tx: Transaction) -> int:
    return int(tx.execute(select(_VALUE)).scalar_one())


def _set(tx: Transaction, value: int) -> None:
    tx.execute(update(instance_secrets).values(value=str(value)))
