"""Statements that tests upload, and what they do with the answers."""

from collections.abc import Iterable
from typing import Any

from falcon.testing import Result

from support.household import Household

HEADER = "Date,Payee,Amount,Description,Category,Notes,Transaction ID,Balance"


def csv(*rows: str, header: str = "Date,Payee,Amount") -> bytes:
    """Return a file with a header and rows.

    Example:
        >>> csv("2026-01-05,Baker,-3.00")
        b'Date,Payee,Amount\\n2026-01-05,Baker,-3.00\\n'
    """
    return "\n".join([header, *rows, ""]).encode()


def preview(household: Household, account: dict[str, Any], content: bytes, **params: Any) -> Any:
    """Upload a statement that is to be understood, and return the preview."""
    answer = household.upload(account, content, **params)
    assert answer.status_code == 201, answer.text
    return answer.json


def commit(household: Household, account: dict[str, Any], content: bytes) -> Any:
    """Upload a statement, commit it, and return the import."""
    made = preview(household, account, content)
    answer = household.post(f"imports/{made['id']}/commit")
    assert answer.status_code == 200, answer.text
    return answer.json


def rows(household: Household, made: dict[str, Any], **params: Any) -> list[Any]:
    """Return the rows of an import."""
    return list(household.get(f"imports/{made['id']}/rows", limit=200, **params).json["items"])


def counts(**other_than_zero: int) -> dict[str, int]:
    """Return how many rows are what, as an import tells it."""
    return {"new": 0, "duplicate": 0, "error": 0, "pending": 0, "reverted": 0} | other_than_zero


def statuses(items: Iterable[dict[str, Any]]) -> list[str]:
    return [item["status"] for item in items]


def booked(household: Household, account: dict[str, Any], **params: Any) -> list[Any]:
    """Return the account's transactions, newest first."""
    answer = household.get("transactions", account_id=account["id"], limit=200, **params)
    return list(answer.json["items"])


def problem(answer: Result) -> tuple[int, str]:
    """Return an error's status, and the end of its type."""
    return answer.status_code, answer.json["type"].rpartition(":")[2]


def codes(answer: Result) -> list[str]:
    """Return the codes of the values that an error names."""
    return [error["code"] for error in answer.json.get("errors", [])]
