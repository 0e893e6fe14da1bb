"""What expires by itself: sessions, tokens, links, invitations, idempotency keys, previews.

None of it is history that anyone looks up, so it goes whether or not the purge is a dry run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Delete, Table, bindparam, delete, select, tuple_

from nestegg_core.contracts.storage import Storage
from nestegg_core.database.tables import (
    denied_tokens,
    idempotency_keys,
    imports,
    in_org,
    invitations,
    is_tenant_table,
    one_time_links,
    personal_tokens,
    refresh_tokens,
    second_factors,
    sessions,
    transaction_for,
)
from nestegg_core.retention.purge import PREVIEWED

IDEMPOTENCY_HOURS = 24  # in which a POST may be sent again and have its effect once
EXPIRED_TOKEN_DAYS = 30  # for which an expired personal access token is still listed
UNCONFIRMED_HOURS = 24  # for which a begun second factor may wait for its first code
EXPIRED_INVITATION_DAYS = 30  # for which an expired invitation is still listed, to be made anew
_SIZE = 500


def _delete(table: Table, *conditions: ColumnElement[bool]) -> Delete:
    """Delete rows before the moment `until`; `_SIZE` at most, for the sake of short locks."""
    key = table.primary_key.columns
    tenant = (in_org(table),) if is_tenant_table(table) else ()
    some = select(*key).where(*tenant, *conditions).limit(_SIZE)
    return delete(table).where(*tenant, tuple_(*key).in_(some), *conditions)


def _past(column: Any) -> ColumnElement[bool]:
    past: ColumnElement[bool] = column < bindparam("until", type_=column.type)
    return past


_SESSIONS = _delete(sessions, _past(sessions.c.expires_at))  # their refresh tokens go with them
_SPENT = _delete(refresh_tokens, _past(refresh_tokens.c.used_at))
_DENIED = _delete(denied_tokens, _past(denied_tokens.c.expires_at))
_PERSONAL = _delete(personal_tokens, _past(personal_tokens.c.expires_at))
_UNCONFIRMED = _delete(
    second_factors, _past(second_factors.c.created_at), second_factors.c.confirmed_at.is_(None)
)
_LINKS = _delete(one_time_links, _past(one_time_links.c.expires_at))
_INVITATIONS = _delete(invitations, _past(invitations.c.expires_at))
_KEYS = _delete(idempotency_keys, _past(idempotency_keys.c.created_at))
_PREVIEWS = _delete(imports, _past(imports.c.created_at), imports.c.status == PREVIEWED)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """`session` is how long one lasts unused; a spent refresh token is kept as long, so that its
    second use is recognized. `preview` is how long an import waits to be committed.
    """

    session: timedelta
    preview: timedelta


@dataclass(frozen=True, slots=True)
class Cleaning:
    storage: Storage
    lifetimes: Lifetimes

    def system(self, now: datetime) -> dict[str, int]:
        """Clean what belongs to no organization; returns how many rows went, by table."""
        moments = (
            (_SESSIONS, now),
            (_SPENT, now - self.lifetimes.session),
            (_DENIED, now),
            (_UNCONFIRMED, now - timedelta(hours=UNCONFIRMED_HOURS)),
            (_PERSONAL, now - timedelta(days=EXPIRED_TOKEN_DAYS)),
            (_LINKS, now),
            (_INVITATIONS, now - timedelta(days=EXPIRED_INVITATION_DAYS)),
        )
        return {str(sql.table): self._delete(None, sql, until) for sql, until in moments}

    def organization(self, org_id: UUID, now: datetime) -> Mapping[str, int]:
        """Clean what belongs to an organization; returns how many rows went, by table."""
        moments = (
            (_KEYS, now - timedelta(hours=IDEMPOTENCY_HOURS)),
            (_PREVIEWS, now - self.lifetimes.preview),  # their rows go with them
        )
        return {str(sql.table): self._delete(org_id, sql, until) for sql, until in moments}

    def _delete(self, org_id: UUID | None, statement: Delete, until: datetime) -> int:
        """Delete in batches, each in its own transaction; returns how many rows went."""
        total, count = 0, _SIZE
        while count == _SIZE:
            with transaction_for(self.storage, org_id, write=True) as tx:
                count = tx.execute(statement, {"until": until}).rowcount
            total += count
        return total
