"""Imports keep what their file leaves open, and count the rows that the bank itself holds back."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; what was imported before asked nothing and held nothing back."""
    for column in ("pending_rows", "reverted_rows"):
        op.add_column(
            "imports", sa.Column(column, sa.Integer(), nullable=False, server_default="0")
        )
    op.add_column("imports", sa.Column("questions", sa.JSON(), nullable=True))
