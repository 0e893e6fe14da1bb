"""What holds of every storage: the core's own rules, run on an author's database."""

from nestegg_testing.conformance.base import Conformance
from nestegg_testing.conformance.storage_schema import SchemaRules
from nestegg_testing.conformance.storage_transactions import TransactionRules
from nestegg_testing.conformance.storage_values import ValueRules
from nestegg_testing.conformance.storage_writers import WriterRules


class StorageConformance(SchemaRules, TransactionRules, ValueRules, WriterRules, Conformance):
    """Migrates a `Storage`, and tries its transactions, its values and its locks.

    The fixture `subject` returns a storage over an empty database, a new one for each test. The
    fixture `migrated` brings it to head; override it where a copy of a migrated database is there
    sooner.

    Attributes:
        answers_when_empty: whether the storage can be asked before the first migration, which
            for some databases makes the application's role.
        row_level_security: whether the database itself keeps organizations apart.
        concurrent_writers: whether two transactions can write at once.

    Example:
        ```python
        class TestMariaDb(StorageConformance):
            concurrent_writers = True

            @pytest.fixture
            def subject(self, empty_database):
                return MariaDbStorage(empty_database.url)
        ```
    """

    kind = "Storage"
    section = "storage"
