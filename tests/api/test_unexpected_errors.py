"""A failure of the server's own: 500 without a word of it, and a log without personal data."""

from collections.abc import Callable
from typing import Any

import pytest
import structlog
from psycopg.errors import QueryCanceled
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from nestegg_core.errors import DecryptionError, StorageUnavailable
from support.household import Household

MARKER = "marker7f3a"


def raiser(error: Exception) -> Callable[..., Any]:
    def fail(*_arguments: Any, **_named: Any) -> Any:
        personal = f"{MARKER} in a local variable"
        try:
            raise KeyError(personal)
        except KeyError:
            raise error from ValueError(f"caused by {MARKER}")

    return fail


DRIVER = Exception(f'invalid input syntax for type uuid: "{MARKER}"')


@pytest.mark.parametrize(
    "error",
    [
        ValueError(MARKER),
        RecursionError(MARKER),
        AssertionError(MARKER),
        UnicodeDecodeError("utf-8", MARKER.encode(), 0, 1, MARKER),
        DataError(f"INSERT {MARKER}", {"payee": MARKER}, DRIVER),
        ExceptionGroup(MARKER, [ValueError(MARKER)]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_unexpected_error_is_500_and_its_log_holds_no_input(
    household: Household, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    account = household.account()
    monkeypatch.setattr("nestegg_core.ledger.transactions.lock_account", raiser(error))
    with structlog.testing.capture_logs() as logs:
        answer = household.post(
            "transactions",
            account_id=account["id"],
            date="2026-03-15",
            amount="-1.00",
            payee=MARKER,
            notes=MARKER,
        )

    assert answer.status_code == 500
    assert answer.json == {
        "type": "urn:nestegg:problem:internal",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "The server failed. The log has more under this answer's request id.",
    }
    (line,) = (log for log in logs if log["log_level"] == "error")
    assert line["method"] == "POST"
    assert line["route"].endswith("/organizations/{org_id:uuid}/transactions")
    assert type(error).__name__ in line["exception"]
    assert "raise error from ValueError" in line["exception"]  # the line of code is there
    assert MARKER not in repr(logs)
    assert household.get("transactions").json["items"] == []


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (DecryptionError("the value of transactions.notes does not open"), 500, "damaged-value"),
        (StorageUnavailable("The database does not answer."), 503, "storage-unavailable"),
        (
            OperationalError(f"SELECT {MARKER}", {}, QueryCanceled(MARKER)),
            503,
            "storage-unavailable",
        ),
        (IntegrityError(f"INSERT {MARKER}", {}, Exception(MARKER)), 409, "constraint"),
    ],
    ids=["damaged", "unavailable", "operational", "integrity"],
)
def test_a_databases_trouble_is_told_without_its_words(
    household: Household,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    kind: str,
) -> None:
    account = household.account()
    monkeypatch.setattr("nestegg_core.ledger.transactions.lock_account", raiser(error))
    with structlog.testing.capture_logs() as logs:
        answer = household.post(
            "transactions", account_id=account["id"], date="2026-03-15", amount="1", payee=MARKER
        )

    assert (answer.status_code, answer.json["type"]) == (status, f"urn:nestegg:problem:{kind}")
    assert MARKER not in answer.text
    assert MARKER not in repr(logs)
    assert household.get("transactions").json["items"] == []


def test_no_request_leaves_its_input_in_the_log(household: Household) -> None:
    with structlog.testing.capture_logs() as logs:
        account = household.account(name=MARKER, number=f"DE89{MARKER}", institution=MARKER)
        household.transaction(account, "-1.00", payee=MARKER, notes=MARKER)
        household.get("transactions", q=MARKER)
        household.get("transactions", **{MARKER: MARKER})
        household.post("accounts", name=MARKER, type=MARKER)
        household.upload(account, f"Date,Amount,Payee\n2026-01-01,1,{MARKER}\n".encode())
        household.call("GET", f"/api/v1/{MARKER}", headers={"X-Custom": MARKER})
        for what in ("login", "register", "refresh"):
            body = {"email": f"{MARKER}@example.org", "password": MARKER, "refresh_token": MARKER}
            household.client.simulate_post(f"/api/v1/auth/{what}", json=body)
        household.client.simulate_get("/api/v1/me", headers={"Authorization": f"Bearer {MARKER}"})

    assert len(logs) >= 11
    assert MARKER not in repr(logs)
    assert household.token not in repr(logs)
