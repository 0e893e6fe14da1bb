"""Tables, transaction scopes, sealed rows and migrations: the documented base of SQL storages.

A plugin that brings another SQL database subclasses `SqlStorage`; `nestegg-storage-postgres` is
the example to follow. One that keeps SQLite in another way subclasses `SqliteStorage`.
"""

from nestegg_core.database.availability import Patience, Wait
from nestegg_core.database.migrator import head
from nestegg_core.database.sql_storage import SqlStorage, SqlTransaction, translated_errors
from nestegg_core.database.sqlite import SqliteStorage
from nestegg_core.database.tables import SYSTEM_TABLES, in_org, is_tenant_table, metadata

__all__ = [
    "SYSTEM_TABLES",
    "Patience",
    "SqlStorage",
    "SqlTransaction",
    "SqliteStorage",
    "Wait",
    "head",
    "in_org",
    "is_tenant_table",
    "metadata",
    "translated_errors",
]
