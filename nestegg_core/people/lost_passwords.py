"""A password that is replaced by somebody who did not give the old one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, update

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.tables import credentials, one_time_links, personal_tokens, sessions


def replace_password(tx: Transaction, person_id: UUID, password_hash: str, now: datetime) -> None:
    """Store a new password, and end all that the old one may have let in.

    Sessions go, and personal access tokens too: who has lost control of an account cannot tell
    which of them are their own. Links to reset it once more go as well. A second factor stays.
    """
    tx.execute(
        update(credentials)
        .where(credentials.c.person_id == person_id)
        .values(password_hash=password_hash, changed_at=now)
    )
    for table in (sessions, personal_tokens):
        tx.execute(delete(table).where(table.c.person_id == person_id))
    tx.execute(
        delete(one_time_links).where(
            one_time_links.c.person_id == person_id, one_time_links.c.purpose == "reset"
        )
    )
