"""Users: who they are, how one comes to be, and their administration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, update

from nestegg_core.auth.builtin.password_change import Ended, replace_password
from nestegg_core.auth.builtin.passwords import Passwords, refuse_weak
from nestegg_core.auth.builtin.sessions import end_sessions
from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.paging import FIRST, Page, page_by_id, position
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import (
    credentials,
    memberships,
    organizations,
    users,
)
from nestegg_core.database.types import new_id
from nestegg_core.errors import Conflict, NotFound, StaleVersion
from nestegg_core.users.access import (
    STATUS_COLUMNS,
    Caller,
    caller_parameters,
    caller_status,
    require_active,
)
from nestegg_core.users.emails import EMAIL_INDEX, Emails, canonical


@dataclass(frozen=True, slots=True)
class NewUser:
    user_id: UUID
    org_id: UUID


MOST_PLACES = 500
"""Memberships that are shown; what MAX_ORGANIZATIONS_PER_USER may be at most."""

_ME = (
    caller_status(
        users.c.id,
        users.c.email,
        users.c.name,
        users.c.is_admin,
        memberships.c.role,
        memberships.c.org_id,
        organizations.c.name,
    )
    .outerjoin(memberships, memberships.c.user_id == users.c.id)
    .outerjoin(organizations, organizations.c.id == memberships.c.org_id)
    .order_by(memberships.c.created_at, memberships.c.org_id)
    .limit(MOST_PLACES)
)


_PLACE = STATUS_COLUMNS + 4
"""Where the columns of a membership begin."""


@dataclass(frozen=True, slots=True)
class Users:
    storage: Storage
    rows: SealedRows
    emails: Emails
    passwords: Passwords
    create_organization: Callable[[Transaction, UUID, str], None]
    clock: Callable[[], datetime]

    def register(
        self, email: str, password: str, name: str | None = None, *, is_admin: bool = False
    ) -> NewUser:
        refuse_weak(password, "/password", email=email, name=name)
        password_hash = self.passwords.hash(password)
        index = self.emails.index_of(EMAIL_INDEX, email)
        new = NewUser(new_id(), new_id())
        with self.storage.transaction(new.org_id, write=True) as tx:
            self._refuse_taken(tx, index, email)
            self.add(tx, new, email, name, is_admin=is_admin)
            self._insert_credentials(tx, new.user_id, index, password_hash)
        return new

    def register_member(
        self,
        email: str,
        password: str,
        name: str | None,
        join: Callable[[Transaction, UUID], UUID],
    ) -> NewUser:
        """Make a user with a password who joins an organization, and has none of their own."""
        refuse_weak(password, "/password", email=email, name=name)
        password_hash = self.passwords.hash(password)
        index = self.emails.index_of(EMAIL_INDEX, email)
        user_id = new_id()
        with self.storage.system_transaction(write=True) as tx:
            self._refuse_taken(tx, index, email)
            self._insert_user(tx, user_id, email, name, is_admin=False)
            self._insert_credentials(tx, user_id, index, password_hash)
            return NewUser(user_id, join(tx, user_id))

    def _refuse_taken(self, tx: Transaction, index: bytes, email: str) -> None:
        if self._find(tx, index, email) is not None:
            raise Conflict("email-taken", "There is an account with this email already.")

    def _insert_credentials(
        self, tx: Transaction, user_id: UUID, index: bytes, password_hash: str
    ) -> None:
        values = {"user_id": user_id, "email_index": index, "password_hash": password_hash}
        tx.execute(insert(credentials), {**values, "changed_at": self.clock()})

    def add(
        self,
        tx: Transaction,
        new: NewUser,
        email: str | None,
        name: str | None,
        *,
        is_admin: bool = False,
    ) -> None:
        """Make a user without a password, and the transaction's organization for them."""
        self._insert_user(tx, new.user_id, email, name, is_admin=is_admin)
        self.create_organization(tx, new.user_id, "Household")

    def _insert_user(
        self,
        tx: Transaction,
        user_id: UUID,
        email: str | None,
        name: str | None,
        *,
        is_admin: bool,
    ) -> None:
        now = self.clock()
        stamps = {"created_at": now, "updated_at": now, "version": 1}
        user = {"id": user_id, "email": email, "name": name, "is_admin": is_admin}
        tx.execute(insert(users), self.rows.seal(users, {**user, **stamps}))

    def me(self, caller: Caller) -> dict[str, Any]:
        """Return a user as the API shows them to themselves.

        Whether they are an administrator of the instance, either the token says, or a mark of the
        user's own, which counts with every token of theirs.
        """
        with self.storage.system_transaction(write=False) as tx:
            rows = tx.rows(_ME, caller_parameters(caller))
        user_id, email, name, is_admin = require_active(caller, rows)[STATUS_COLUMNS:_PLACE]
        sealed = {"id": user_id, "email": email, "name": name}
        return {
            "id": user_id,
            **self.rows.show(users, sealed, ("email", "name")),
            "is_admin": is_admin or caller.is_admin,
            "memberships": [
                {"organization": {"id": org_id, "name": org_name}, "role": role}
                for role, org_id, org_name in (row[_PLACE:] for row in rows)
                if role is not None
            ],
        }

    def read(self, user_id: UUID) -> dict[str, Any]:
        return self.me(Caller(user_id, is_admin=False, session_id=None, token_hash=b""))

    def list(self) -> Sequence[dict[str, Any]]:
        with self.storage.system_transaction(write=False) as tx:
            rows = tx.execute(select(users).order_by(users.c.id)).all()
        return [
            {
                "id": row.id,
                **self.rows.show(users, row, ("email", "name")),
                "is_admin": row.is_admin,
                "disabled": row.disabled_at is not None,
                "created_at": row.created_at,
            }
            for row in rows
        ]

    def reset_password(self, email: str, password: str) -> Ended:
        """Set a new password, for the operator; see `replace_password` for what ends with it."""
        refuse_weak(password, "/password", email=email, name=None)
        password_hash = self.passwords.hash(password)
        index = self.emails.index_of(EMAIL_INDEX, email)
        now = self.clock()
        with self.storage.system_transaction(write=True) as tx:
            user_id = self._find(tx, index, email)
            if user_id is None:
                raise NotFound("No account has this email.")
            return replace_password(tx, user_id, password_hash, now)

    def _find(self, tx: Transaction, index: bytes, email: str) -> UUID | None:
        row = tx.execute(_OF_EMAIL.where(credentials.c.email_index == index)).first()
        if row is None or not self.emails.is_of(users, row, email):
            return None
        user_id: UUID = row.id
        return user_id


_OF_EMAIL = select(users.c.id, users.c.email).join(credentials, credentials.c.user_id == users.c.id)


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
