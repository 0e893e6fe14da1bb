"""The first tables, and row-level security behind those of tenants."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from nestegg_core.database.types import Money, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TENANT_TABLES = (
    "accounts",
    "categories",
    "imports",
    "import_rows",
    "idempotency_keys",
    "transactions",
    "carried_amounts",
    "retention_receipts",
    "retention_receipt_accounts",
)


def stamps() -> list[sa.Column[Any]]:
    return [
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    ]


def of_organization(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_org_id"
    return sa.ForeignKeyConstraint(["org_id"], ["organizations.id"], name=name, ondelete="CASCADE")


def of_user(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_user_id"
    return sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    system_tables()
    tables_of_users()
    tenant_tables()
    retention_tables()
    if op.get_bind().dialect.name == "postgresql":
        row_level_security()


def row_level_security() -> None:
    """Show a transaction its own organization's rows only; one that named none gets an error.

    Enabled and not forced: the owner must see every row, or pg_dump would leave rows out.
    """
    for table in TENANT_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_of_organization ON {table} "
            "USING (org_id = current_setting('nestegg.org')::uuid) "
            "WITH CHECK (org_id = current_setting('nestegg.org')::uuid)"
        )


def system_tables() -> None:
    op.create_table(
        "denied_tokens",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_denied_tokens"),
    )
    op.create_index("ix_denied_tokens_expires_at", "denied_tokens", ["expires_at"])
    op.create_table(
        "clock_marks",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_clock_marks"),
    )
    op.create_table(
        "instance_secrets",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text()),
        sa.PrimaryKeyConstraint("name", name="pk_instance_secrets"),
    )
    op.create_table(
        "key_fingerprints",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=8), nullable=False),
        sa.Column("first_used_at", UtcDateTime(), nullable=False),
        sa.Column("retired_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("version", name="pk_key_fingerprints"),
    )
    op.create_table(
        "rewrap_checkpoints",
        sa.Column("table_name", sa.String(length=64), nullable=False),
        sa.Column("column_name", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("org_id", sa.Uuid()),
        sa.Column("row_key", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("table_name", "column_name", name="pk_rewrap_checkpoints"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("queue", sa.String(length=16), nullable=False),
        sa.Column("arguments", sa.Text()),
        sa.Column("work_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.String(length=16), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("queued_at", UtcDateTime()),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("lease_until", UtcDateTime()),
        sa.Column("error", sa.Text()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime()),
        sa.Column("finished_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_state_queue_due_at", "jobs", ["state", "queue", "due_at"])
    op.create_index("ix_jobs_created_at_id", "jobs", ["created_at", "id"])
    op.create_index(
        "uq_jobs_work_key_running",
        "jobs",
        ["work_key"],
        unique=True,
        postgresql_where=sa.text("state = 'running'"),
        sqlite_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "organizations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        *stamps(),
        sa.PrimaryKeyConstraint("id", name="pk_organizations"),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("name", sa.Text()),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("disabled_at", UtcDateTime()),
        *stamps(),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
    )
    op.create_table(
        "credentials",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("email_index", sa.LargeBinary(length=32), nullable=False),
        sa.Column("email_verified_at", UtcDateTime()),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        of_user("credentials"),
        sa.PrimaryKeyConstraint("user_id", name="pk_credentials"),
        sa.UniqueConstraint("email_index", name="uq_credentials_email_index"),
    )
    op.create_table(
        "identities",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("grants_hash", sa.LargeBinary(length=32)),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        of_user("identities"),
        sa.PrimaryKeyConstraint("id", name="pk_identities"),
        sa.UniqueConstraint("issuer", "subject", name="uq_identities_issuer_subject"),
    )
    op.create_index("ix_identities_user_id", "identities", ["user_id"])
    op.create_table(
        "memberships",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("granted_by", sa.Text()),
        *stamps(),
        of_organization("memberships"),
        of_user("memberships"),
        sa.PrimaryKeyConstraint("org_id", "user_id", name="pk_memberships"),
    )
    op.create_index("ix_memberships_user_id", "memberships", ["user_id"])
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("user_agent", sa.Text()),
        sa.Column("address", sa.Text()),
        sa.Column("address_index", sa.LargeBinary(length=32)),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime()),
        of_user("sessions"),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime()),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_refresh_tokens_session_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name="pk_refresh_tokens"),
    )
    op.create_index("ix_refresh_tokens_session_id", "refresh_tokens", ["session_id"])


def tables_of_users() -> None:
    """Make what belongs to a user, and invitations to become one."""
    op.create_table(
        "second_factors",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.Text()),
        sa.Column("last_step", sa.Integer()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime()),
        of_user("second_factors"),
        sa.PrimaryKeyConstraint("user_id", name="pk_second_factors"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("used_at", UtcDateTime()),
        of_user("recovery_codes"),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name="pk_recovery_codes"),
    )
    op.create_table(
        "personal_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime()),
        of_user("personal_tokens"),
        sa.PrimaryKeyConstraint("id", name="pk_personal_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_personal_tokens_token_hash"),
    )
    op.create_index("ix_personal_tokens_user_id", "personal_tokens", ["user_id"])
    op.create_index("ix_personal_tokens_expires_at", "personal_tokens", ["expires_at"])
    op.create_table(
        "one_time_links",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("mailed", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        of_user("one_time_links"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_one_time_links"),
    )
    op.create_index("ix_one_time_links_user_id", "one_time_links", ["user_id"])
    op.create_index("ix_one_time_links_expires_at", "one_time_links", ["expires_at"])
    op.create_table(
        "invitations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("email_index", sa.LargeBinary(length=32), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("invited_by", sa.Uuid()),
        sa.Column("mailed_at", UtcDateTime()),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        *stamps(),
        of_organization("invitations"),
        sa.ForeignKeyConstraint(
            ["invited_by"], ["users.id"], name="fk_invitations_invited_by", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("token_hash", name="uq_invitations_token_hash"),
    )
    op.create_index("ix_invitations_org_id", "invitations", ["org_id"])
    op.create_index("ix_invitations_expires_at", "invitations", ["expires_at"])


def tenant_tables() -> None:
    """Make what belongs to one organization each; `org_id` comes first everywhere."""
    op.create_table(
        "accounts",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("opening_balance", Money(), nullable=False),
        sa.Column("opening_date", sa.Date()),
        sa.Column("purged_until", sa.Date()),
        sa.Column("balance", Money(), nullable=False),
        sa.Column("institution", sa.Text(), nullable=False),
        sa.Column("number", sa.Text()),
        sa.Column("number_last4", sa.String(length=4)),
        *stamps(),
        of_organization("accounts"),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_accounts"),
    )
    op.create_table(
        "categories",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        *stamps(),
        of_organization("categories"),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_categories"),
        sa.UniqueConstraint("org_id", "name_key", name="uq_categories_org_id_name_key"),
    )
    op.create_table(
        "imports",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("importer", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("decisions", sa.JSON(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("new_rows", sa.Integer(), nullable=False),
        sa.Column("duplicate_rows", sa.Integer(), nullable=False),
        sa.Column("error_rows", sa.Integer(), nullable=False),
        sa.Column("pending_rows", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("reverted_rows", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("questions", sa.JSON()),
        sa.Column("statement_balance", Money()),
        sa.Column("balance_after", Money(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        *stamps(),
        sa.ForeignKeyConstraint(
            ["org_id", "account_id"],
            ["accounts.org_id", "accounts.id"],
            name="fk_imports_org_id_account_id",
            ondelete="CASCADE",
        ),
        of_organization("imports"),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_imports"),
    )
    op.create_index("ix_imports_org_id_account_id", "imports", ["org_id", "account_id"])
    op.create_table(
        "import_rows",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("date", sa.Date()),
        sa.Column("amount", Money()),
        sa.Column("payee", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text()),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("import_key", sa.LargeBinary(length=32)),
        sa.ForeignKeyConstraint(
            ["org_id", "import_id"],
            ["imports.org_id", "imports.id"],
            name="fk_import_rows_org_id_import_id",
            ondelete="CASCADE",
        ),
        of_organization("import_rows"),
        sa.PrimaryKeyConstraint("org_id", "import_id", "position", name="pk_import_rows"),
    )
    op.create_index("ix_import_rows_org_id_import_key", "import_rows", ["org_id", "import_key"])
    op.create_table(
        "idempotency_keys",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.Text()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        of_organization("idempotency_keys"),
        sa.PrimaryKeyConstraint("org_id", "key_hash", name="pk_idempotency_keys"),
    )
    op.create_index(
        "ix_idempotency_keys_org_id_created_at", "idempotency_keys", ["org_id", "created_at"]
    )
    op.create_table(
        "transactions",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("amount", Money(), nullable=False),
        sa.Column("payee", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("category_id", sa.Uuid()),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("notes", sa.Text()),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("import_id", sa.Uuid()),
        sa.Column("import_key", sa.LargeBinary(length=32)),
        *stamps(),
        sa.ForeignKeyConstraint(
            ["org_id", "account_id"],
            ["accounts.org_id", "accounts.id"],
            name="fk_transactions_org_id_account_id",
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "category_id"],
            ["categories.org_id", "categories.id"],
            name="fk_transactions_org_id_category_id",
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "import_id"],
            ["imports.org_id", "imports.id"],
            name="fk_transactions_org_id_import_id",
        ),
        of_organization("transactions"),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_transactions"),
    )
    op.create_index(
        "ix_transactions_org_id_account_id_date_id",
        "transactions",
        ["org_id", "account_id", "date", "id"],
    )
    op.create_index(
        "ix_transactions_org_id_account_id_import_key",
        "transactions",
        ["org_id", "account_id", "import_key"],
    )
    op.create_index("ix_transactions_org_id_category_id", "transactions", ["org_id", "category_id"])
    op.create_index("ix_transactions_org_id_date_id", "transactions", ["org_id", "date", "id"])
    op.create_index("ix_transactions_org_id_import_id", "transactions", ["org_id", "import_id"])


def retention_tables() -> None:
    """Make what the purge of old rows leaves behind."""
    op.create_table(
        "carried_amounts",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("amount", Money(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "account_id"],
            ["accounts.org_id", "accounts.id"],
            name="fk_carried_amounts_org_id_account_id",
            ondelete="CASCADE",
        ),
        of_organization("carried_amounts"),
        sa.PrimaryKeyConstraint("org_id", "account_id", "day", name="pk_carried_amounts"),
    )
    op.create_table(
        "retention_receipts",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("started_by", sa.String(length=32), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        of_organization("retention_receipts"),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_retention_receipts"),
    )
    op.create_table(
        "retention_receipt_accounts",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("before", sa.Date(), nullable=False),
        sa.Column("policies", sa.JSON(), nullable=False),
        sa.Column("transactions", sa.Integer(), nullable=False),
        sa.Column("import_rows", sa.Integer(), nullable=False),
        sa.Column("amount", Money(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "receipt_id"],
            ["retention_receipts.org_id", "retention_receipts.id"],
            name="fk_retention_receipt_accounts_org_id_receipt_id",
            ondelete="CASCADE",
        ),
        of_organization("retention_receipt_accounts"),
        sa.PrimaryKeyConstraint(
            "org_id", "receipt_id", "account_id", name="pk_retention_receipt_accounts"
        ),
    )
