"""One event for each request, and its measurements."""

from typing import Any
from uuid import uuid4

import pytest
import structlog

from nestegg_core.application import Runtime
from support.household import Household
from support.scraping import Scraped

ACCOUNTS = "/api/v1/organizations/{org_id:uuid}/accounts"


def events(logs: Any) -> list[dict[str, Any]]:
    return [dict(one) for one in logs if one["event"] == "request"]


def test_a_request_is_one_event_with_its_ids(household: Household) -> None:
    processors = [structlog.contextvars.merge_contextvars]
    with structlog.testing.capture_logs(processors=processors) as logs:
        answer = household.call("GET", "accounts", headers={"X-Request-ID": "from-a-proxy.1"})

    [event] = events(logs)
    assert 0 < event.pop("seconds") < 60
    assert answer.headers["X-Request-ID"] == "from-a-proxy.1"
    assert event == {
        "event": "request",
        "log_level": "info",
        "request_id": "from-a-proxy.1",
        "method": "GET",
        "route": ACCOUNTS,
        "status": 200,
        "organization": household.org_id,
        "user": household.signed_in["user"]["id"],
    }


def test_nobody_and_nothing_is_told_where_there_is_none(household: Household) -> None:
    with structlog.testing.capture_logs() as logs:
        household.client.simulate_get("/quokka")

    [event] = events(logs)
    assert (event["route"], event["status"]) == ("unmatched", 404)
    assert not {"organization", "user"} & set(event)


@pytest.mark.parametrize("path", ["/health", "/livez", "/readyz"])
def test_probes_are_told_at_debug(household: Household, path: str) -> None:
    with structlog.testing.capture_logs() as logs:
        household.client.simulate_get(path)

    assert [event["log_level"] for event in events(logs)] == ["debug"]


def test_requests_are_measured_by_route_and_never_by_path(
    runtime: Runtime, household: Household
) -> None:
    def scraped() -> Scraped:
        return Scraped(runtime.metrics.exposition().decode())

    name = "nestegg_http_requests_total"
    before = scraped()
    household.get("accounts")
    household.get(f"accounts/{uuid4()}")
    household.client.simulate_request("PUT", "/quokka")
    after = scraped()

    def risen(**labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    assert risen(route=ACCOUNTS, method="GET", status="200") == 1
    assert risen(route=ACCOUNTS + "/{account_id:uuid}", method="GET", status="404") == 1
    assert risen(route="unmatched", method="PUT", status="404") == 1
    assert after.value("nestegg_http_requests_in_progress") == 0
    assert after.value("nestegg_database_connections_in_use") == 0
    assert household.org_id not in after.text
    assert "quokka" not in after.text.lower()
