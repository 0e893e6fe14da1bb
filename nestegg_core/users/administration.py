"""The administration of users: who there is, who may come in, who administers the instance."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select, update

from nestegg_core.auth.builtin.sessions import end_sessions
from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.paging import FIRST, Page, page_by_id, position
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import users
from nestegg_core.errors import Conflict, NotFound, StaleVersion
from nestegg_core.users.emails import canonical

_P = users.c
_PAGE = select(users).where(_P.id > bindparam("after")).order_by(_P.id).limit(bindparam("count"))
_ONE = select(users).where(_P.id == bindparam("user_id"))
_ADMINISTRATORS = select(func.count()).where(_P.is_admin, _P.disabled_at.is_(None))


@dataclass(frozen=True, slots=True)
class Administration:
    storage: Storage
    rows: SealedRows
    clock: Callable[[], datetime]

    def page(self, *, limit: int, after: tuple[Any, ...] | None) -> Page[dict[str, Any]]:
        parameters = {"after": position(after, otherwise=FIRST), "count": limit + 1}
        with self.storage.system_transaction(write=False) as tx:
            found = tx.execute(_PAGE, parameters).all()
        return page_by_id(found, limit, self._shown)

    def change(self, user_id: UUID, version: int, changes: Mapping[str, bool]) -> dict[str, Any]:
        with self.storage.system_transaction(write=True) as tx:
            tx.lock("administrators")  # two that take each other's mark at once must not both do
            before = _row(tx, user_id)
            if before.version != version:
                raise StaleVersion("The user has changed since they were read.")
            self._write(tx, before, changes)
            if _counts(before) and tx.execute(_ADMINISTRATORS).scalar_one() == 0:
                raise Conflict(
                    "last-administrator",
                    "This is the last administrator. Make somebody else one first.",
                )
            return self._shown(_row(tx, user_id))

    def set_disabled(self, user_id: UUID, *, disabled: bool) -> None:
        """Disable or enable a user whatever their version and their mark: for the operator."""
        with self.storage.system_transaction(write=True) as tx:
            self._write(tx, _row(tx, user_id), {"disabled": disabled})

    def find(self, email_or_id: str) -> UUID:
        """Return the one user with an id, or with an email: for the operator.

        Emails are sealed, and those of other providers have no index: each is opened.
        """
        try:
            wanted = UUID(email_or_id)
        except ValueError:
            return self._of_email(email_or_id)
        with self.storage.system_transaction(write=False) as tx:
            return UUID(str(_row(tx, wanted).id))

    def _of_email(self, email: str) -> UUID:
        with self.storage.system_transaction(write=False) as tx:
            rows = tx.execute(select(_P.id, _P.email).where(_P.email.is_not(None))).all()
        wanted = canonical(email)
        found: list[UUID] = [
            row.id
            for row in rows
            if (known := self.rows.show(users, row, ("email",))["email"]) is not None
            and canonical(known) == wanted
        ]
        if not found:
            raise NotFound("Nobody has this email or id.")
        if len(found) > 1:
            raise Conflict(
                "several-users",
                "Several users have this email. Name one by id: " + ", ".join(map(str, found)),
            )
        return found[0]

    def _write(self, tx: Transaction, before: Any, changes: Mapping[str, bool]) -> None:
        now = self.clock()
        values: dict[str, Any] = {"version": before.version + 1, "updated_at": now}
        if "is_admin" in changes:
            values["is_admin"] = changes["is_admin"]
        if "disabled" in changes:  # who was disabled before stays so since then
            values["disabled_at"] = (before.disabled_at or now) if changes["disabled"] else None
        written = tx.execute(
            update(users).where(_P.id == before.id, _P.version == before.version).values(values)
        )
        if written.rowcount == 0:
            raise StaleVersion("The user has changed meanwhile. Read them again.")
        if changes.get("disabled"):
            end_sessions(tx, before.id, now)

    def _shown(self, row: Any) -> dict[str, Any]:
        return {
            "id": row.id,
            **self.rows.show(users, row, ("email", "name")),
            "is_admin": row.is_admin,
            "disabled": row.disabled_at is not None,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
            "version": row.version,
        }


def _row(tx: Transaction, user_id: UUID) -> Any:
    row = tx.execute(_ONE, {"user_id": user_id}).first()
    if row is None:
        raise NotFound("There is no such user.")
    return row


def _counts(user: Any) -> bool:
    return user.is_admin and user.disabled_at is None
