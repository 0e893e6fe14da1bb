"""Fills the demo household: a user, three accounts, and their statements up to today."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from nestegg_core.application import Runtime
from nestegg_core.contracts.importers import StatementFile
from nestegg_core.demo.life import CARD, CHECKING, FORMATS, OPENING, SAVINGS, bookings
from nestegg_core.errors import ConfigurationError, Conflict, Problem, Unauthenticated
from nestegg_core.ledger.imports import Upload
from nestegg_core.settings import Settings

EMAIL, PASSWORD = "demo@example.org", "just-have-a-look-around"
MONTHS = 14
"""How far back the first statements go."""

_TYPES = {CHECKING: "checking", SAVINGS: "savings", CARD: "credit_card"}
_BANKS = {CHECKING: "Bank am Hafen", SAVINGS: "First Savings", CARD: "Blue Card"}
_MOST_ACCOUNTS = 200


@dataclass(frozen=True, slots=True)
class DemoHousehold:
    email: str
    password: str = field(repr=False)
    org_id: UUID
    imported: Mapping[str, int]


def fill(
    runtime: Runtime, today: date, report: Callable[[str], None] = lambda _: None
) -> DemoHousehold:
    """Make the household where it is missing, and import what has happened until today.

    Nothing is booked twice, and what has been changed by hand stays.
    """
    refuse_production(runtime.settings)
    user_id, org_id = _user(runtime)
    accounts, start = _accounts(runtime, org_id, today)
    lived = bookings(start, today)
    imported = {}
    for name, account in accounts.items():
        form = FORMATS[name]
        content = form.render([booking for booking in lived if booking.account == name])
        file = StatementFile(content, form.file_name)
        imported[name] = _import(runtime, org_id, user_id, account["id"], file)
        report(f"{form.file_name} -> {name}: {imported[name]} new transactions")
    return DemoHousehold(EMAIL, PASSWORD, org_id, imported)


def refuse_production(settings: Settings) -> None:
    """Keep the demo's user, whose password everybody knows, out of production."""
    if settings.environment == "production":
        raise ConfigurationError(
            [
                Problem(
                    "ENVIRONMENT",
                    "is production, where nobody may sign in with a password that all know",
                    "run the demo elsewhere, or use: nestegg serve",
                )
            ]
        )


def _user(runtime: Runtime) -> tuple[UUID, UUID]:
    try:
        runtime.users.register(EMAIL, PASSWORD, "Demo")
    except Conflict:
        _restore_password(runtime)
    user_id = runtime.sign_in.with_password(EMAIL, PASSWORD).user_id
    memberships = runtime.users.read(user_id)["memberships"]
    return user_id, memberships[0]["organization"]["id"]


def _restore_password(runtime: Runtime) -> None:
    try:
        runtime.sign_in.with_password(EMAIL, PASSWORD)
    except Unauthenticated:
        runtime.users.reset_password(EMAIL, PASSWORD)


def _accounts(
    runtime: Runtime, org_id: UUID, today: date
) -> tuple[dict[str, dict[str, Any]], date]:
    """Return the accounts by name, and the day on which their statements begin.

    The day stays what it was at first: the balances before it are in the accounts.
    """
    with runtime.storage.transaction(org_id, write=True) as tx:
        page = runtime.accounts.page(tx, limit=_MOST_ACCOUNTS, after=None)
        found = {account["name"]: account for account in page.items if account["name"] in _TYPES}
        days = [a["opening_date"] for a in found.values() if a["opening_date"]]
        start = min(days, default=_months_before(today))
        for name, kind in _TYPES.items():
            if name not in found:
                found[name] = runtime.accounts.create(
                    tx,
                    {
                        "name": name,
                        "type": kind,
                        "currency": "EUR",
                        "opening_balance": OPENING[name],
                        "opening_date": start,
                        "institution": _BANKS[name],
                        "number": None,
                    },
                )
    return {name: found[name] for name in _TYPES}, start


def _months_before(today: date) -> date:
    months = today.year * 12 + today.month - 1 - MONTHS
    return date(months // 12, months % 12 + 1, 1)


def _import(
    runtime: Runtime, org_id: UUID, user_id: UUID, account_id: UUID, file: StatementFile
) -> int:
    """Return how many rows were new."""
    importer, statement = runtime.importers.read(file, {}, "csv")
    upload = Upload(importer, file.name, statement, user_id)
    with runtime.storage.transaction(org_id, write=True) as tx:
        entry = runtime.imports.preview(tx, account_id, upload)
        new: int = entry["counts"]["new"]
        if new:
            runtime.imports.commit(tx, entry["id"])
        else:
            runtime.imports.delete(tx, entry["id"], entry["version"])
    return new
