"""Every table. Tenants' tables have `org_id` first in their primary key and indexes.

A column that holds personal data is declared `info={"encrypted": True}` and is reached only
through `SealedRows`. Tables outside an organization (`SYSTEM_TABLES`) are reached only through
`Storage.system_transaction`, or read beside a tenant's rows to decide who may.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BindParameter,
    Boolean,
    Column,
    ColumnElement,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    bindparam,
    select,
    text,
)

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.types import Money, UtcDateTime

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

TENANT_PARAMETER = "tenant_id"
"""The parameter that the storage binds in every statement of an organization's transaction."""


def in_org(table: Table) -> ColumnElement[bool]:
    """Return the condition that a row is the transaction's organization's."""
    tenant: BindParameter[Any] = bindparam(TENANT_PARAMETER, type_=Uuid())
    return table.c.org_id == tenant


def is_tenant_table(table: Table) -> bool:
    """Whether the rows of a table belong to one organization each, behind the policies."""
    return table not in SYSTEM_TABLES


def _sealed(name: str) -> Column[Any]:
    return Column(name, Text, info={"encrypted": True})


def _stamps() -> list[Column[Any]]:
    return [
        Column("created_at", UtcDateTime, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
        Column("version", Integer, nullable=False),
    ]


def _of_user(**options: Any) -> Column[Any]:
    return Column(
        "user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, **options
    )


users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    _sealed("email"),
    _sealed("name"),
    Column("is_admin", Boolean, nullable=False),
    Column("disabled_at", UtcDateTime),
    *_stamps(),
)

credentials = Table(
    "credentials",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("email_index", LargeBinary(32), nullable=False, unique=True),
    Column("email_verified_at", UtcDateTime),
    Column("password_hash", Text, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

identities = Table(
    "identities",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    _of_user(index=True),
    _sealed("email"),
    # Digest of the roles that the user's groups gave when they were last looked at.
    Column("grants_hash", LargeBinary(32)),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("issuer", "subject"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    _of_user(index=True),
    _sealed("user_agent"),
    _sealed("address"),
    Column("address_index", LargeBinary(32)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("revoked_at", UtcDateTime),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column(
        "session_id",
        Uuid,
        ForeignKey("sessions.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)

denied_tokens = Table(
    "denied_tokens",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)


second_factors = Table(
    "second_factors",
    metadata,
    _of_user(primary_key=True),
    _sealed("secret"),
    # A code is good once: the time step of the last one that was taken.
    Column("last_step", Integer),
    Column("created_at", UtcDateTime, nullable=False),
    Column("confirmed_at", UtcDateTime),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    _of_user(),
    Column("code_hash", LargeBinary(32)),
    Column("used_at", UtcDateTime),
    PrimaryKeyConstraint("user_id", "code_hash"),
)

personal_tokens = Table(
    "personal_tokens",
    metadata,
    Column("id", Uuid, primary_key=True),
    _of_user(index=True),
    _sealed("name"),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("last_used_at", UtcDateTime),
)

one_time_links = Table(
    "one_time_links",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    _of_user(index=True),
    Column("purpose", String(16), nullable=False),
    # Whether nobody but the mailbox got it: only then its use verifies the address.
    Column("mailed", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

organizations = Table(
    "organizations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    *_stamps(),
)

memberships = Table(
    "memberships",
    metadata,
    Column("org_id", Uuid, ForeignKey("organizations.id", ondelete="CASCADE")),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), index=True),
    Column("role", String(16), nullable=False),
    # The issuer whose groups gave the role; NULL where somebody here did.
    Column("granted_by", Text),
    *_stamps(),
    PrimaryKeyConstraint("org_id", "user_id"),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column(
        "org_id",
        Uuid,
        ForeignKey("organizations.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    _sealed("email"),
    Column("email_index", LargeBinary(32), nullable=False),
    Column("role", String(16), nullable=False),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("invited_by", Uuid, ForeignKey("users.id", ondelete="SET NULL")),
    # NULL where the link was shown to the inviter instead.
    Column("mailed_at", UtcDateTime),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    *_stamps(),
)

instance_secrets = Table(
    "instance_secrets",
    metadata,
    Column("name", String(64), primary_key=True),
    _sealed("value"),
)

key_fingerprints = Table(
    "key_fingerprints",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("fingerprint", LargeBinary(8), nullable=False),
    Column("first_used_at", UtcDateTime, nullable=False),
    Column("retired_at", UtcDateTime),
)

rewrap_checkpoints = Table(
    "rewrap_checkpoints",
    metadata,
    Column("table_name", String(64), primary_key=True),
    Column("column_name", String(64), primary_key=True),
    Column("target", String(64), nullable=False),
    Column("org_id", Uuid),
    Column("row_key", JSON, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", Uuid, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("queue", String(16), nullable=False),
    _sealed("arguments"),
    Column("work_key", LargeBinary(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("asked_by", String(16), nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("queued_at", UtcDateTime),
    Column("lease_owner", Text),
    Column("lease_until", UtcDateTime),
    Column("error", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Index(None, "state", "queue", "due_at"),
    Index(None, "created_at", "id"),
    # The lock of equal work: the database itself lets one of them run at a time.
    Index(
        "uq_jobs_work_key_running",
        "work_key",
        unique=True,
        postgresql_where=text("state = 'running'"),
        sqlite_where=text("state = 'running'"),
    ),
)

# What the clock said when something was done that cannot be undone, for the next time.
clock_marks = Table(
    "clock_marks",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
)

# Named one by one: a table that is forgotten here belongs to organizations, behind the policies.
SYSTEM_TABLES = frozenset(
    {
        clock_marks,
        users,
        credentials,
        identities,
        sessions,
        refresh_tokens,
        denied_tokens,
        second_factors,
        recovery_codes,
        personal_tokens,
        one_time_links,
        organizations,
        memberships,
        invitations,
        instance_secrets,
        key_fingerprints,
        rewrap_checkpoints,
        leases,
        jobs,
    }
)


def _of_organization() -> Column[Any]:
    return Column("org_id", Uuid, ForeignKey("organizations.id", ondelete="CASCADE"))


accounts = Table(
    "accounts",
    metadata,
    _of_organization(),
    Column("id", Uuid),
    Column("name", Text, nullable=False),
    Column("type", String(16), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("opening_balance", Money, nullable=False),
    Column("opening_date", Date),
    Column("purged_until", Date),
    Column("balance", Money, nullable=False),
    Column("institution", Text, nullable=False),
    _sealed("number"),
    Column("number_last4", String(4)),
    *_stamps(),
    PrimaryKeyConstraint("org_id", "id"),
)

categories = Table(
    "categories",
    metadata,
    _of_organization(),
    Column("id", Uuid),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    *_stamps(),
    PrimaryKeyConstraint("org_id", "id"),
    UniqueConstraint("org_id", "name_key"),
)

imports = Table(
    "imports",
    metadata,
    _of_organization(),
    Column("id", Uuid),
    Column("account_id", Uuid, nullable=False),
    Column("status", String(16), nullable=False),
    Column("importer", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("decisions", JSON, nullable=False),
    Column("warnings", JSON, nullable=False),
    Column("new_rows", Integer, nullable=False),
    Column("duplicate_rows", Integer, nullable=False),
    Column("error_rows", Integer, nullable=False),
    Column("pending_rows", Integer, nullable=False, server_default="0"),
    Column("reverted_rows", Integer, nullable=False, server_default="0"),
    Column("questions", JSON),
    Column("statement_balance", Money),
    Column("balance_after", Money, nullable=False),
    Column("created_by", Uuid, nullable=False),
    *_stamps(),
    PrimaryKeyConstraint("org_id", "id"),
    ForeignKeyConstraint(
        ["org_id", "account_id"], ["accounts.org_id", "accounts.id"], ondelete="CASCADE"
    ),
    Index(None, "org_id", "account_id"),
)

import_rows = Table(
    "import_rows",
    metadata,
    _of_organization(),
    Column("import_id", Uuid),
    Column("position", Integer, autoincrement=False),
    Column("line", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("problems", JSON, nullable=False),
    Column("date", Date),
    Column("amount", Money),
    Column("payee", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("category", Text, nullable=False),
    _sealed("notes"),
    Column("external_id", Text, nullable=False),
    Column("import_key", LargeBinary(32)),
    PrimaryKeyConstraint("org_id", "import_id", "position"),
    ForeignKeyConstraint(
        ["org_id", "import_id"], ["imports.org_id", "imports.id"], ondelete="CASCADE"
    ),
    Index(None, "org_id", "import_key"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _of_organization(),
    Column("key_hash", String(64)),
    Column("request_hash", String(64), nullable=False),
    _sealed("answer"),
    Column("created_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("org_id", "key_hash"),
    Index(None, "org_id", "created_at"),
)

transactions = Table(
    "transactions",
    metadata,
    _of_organization(),
    Column("id", Uuid),
    Column("account_id", Uuid, nullable=False),
    Column("date", Date, nullable=False),
    Column("amount", Money, nullable=False),
    Column("payee", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("search_text", Text, nullable=False),
    Column("category_id", Uuid),
    Column("status", String(16), nullable=False),
    _sealed("notes"),
    Column("external_id", Text, nullable=False),
    Column("import_id", Uuid),
    Column("import_key", LargeBinary(32)),
    *_stamps(),
    PrimaryKeyConstraint("org_id", "id"),
    ForeignKeyConstraint(["org_id", "account_id"], ["accounts.org_id", "accounts.id"]),
    ForeignKeyConstraint(["org_id", "category_id"], ["categories.org_id", "categories.id"]),
    ForeignKeyConstraint(["org_id", "import_id"], ["imports.org_id", "imports.id"]),
    Index(None, "org_id", "date", "id"),
    Index(None, "org_id", "account_id", "date", "id"),
    Index(None, "org_id", "account_id", "import_key"),
    Index(None, "org_id", "category_id"),
    Index(None, "org_id", "import_id"),
)

carried_amounts = Table(
    "carried_amounts",
    metadata,
    _of_organization(),
    Column("account_id", Uuid),
    Column("day", Date),
    Column("amount", Money, nullable=False),
    PrimaryKeyConstraint("org_id", "account_id", "day"),
    ForeignKeyConstraint(
        ["org_id", "account_id"], ["accounts.org_id", "accounts.id"], ondelete="CASCADE"
    ),
)
"""Parts of opening balances that count only from a day on: what was purged after a row that had
to stay. Before that day they are taken off the balance.
"""

retention_receipts = Table(
    "retention_receipts",
    metadata,
    _of_organization(),
    Column("id", Uuid),
    Column("day", Date, nullable=False),
    Column("started_by", String(32), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("org_id", "id"),
)

# No reference to the account: what was purged is told when the account itself has gone.
retention_receipt_accounts = Table(
    "retention_receipt_accounts",
    metadata,
    _of_organization(),
    Column("receipt_id", Uuid),
    Column("account_id", Uuid),
    Column("currency", String(3), nullable=False),
    Column("before", Date, nullable=False),
    Column("policies", JSON, nullable=False),
    Column("transactions", Integer, nullable=False),
    Column("import_rows", Integer, nullable=False),
    Column("amount", Money, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("org_id", "receipt_id", "account_id"),
    ForeignKeyConstraint(
        ["org_id", "receipt_id"],
        ["retention_receipts.org_id", "retention_receipts.id"],
        ondelete="CASCADE",
    ),
)


def transaction_for(
    storage: Storage, org_id: UUID | None, *, write: bool
) -> AbstractContextManager[Transaction]:
    """The transaction of an organization, or the system's for `None`."""
    if org_id is None:
        return storage.system_transaction(write=write)
    return storage.transaction(org_id, write=write)


def organization_ids(storage: Storage) -> Sequence[UUID]:
    """All organizations, by id. What they own is then read in each one's own transaction."""
    ids = organizations.c.id
    with storage.system_transaction(write=False) as tx:
        return list(tx.execute(select(ids).order_by(ids)).scalars())
