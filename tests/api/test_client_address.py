"""The address that a request comes from: what proxies of ours say, and nobody else."""

import pytest
import structlog
from falcon import Request
from falcon.testing import create_environ

from nestegg_core.api.middleware.client_address import ClientAddresses

PROXIES = ("127.0.0.1", "::1", "10.0.0.0/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("192.0.2.7", "", "192.0.2.7"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "203.0.113.9, 192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "203.0.113.9,192.0.2.7 ,10.1.2.3", "192.0.2.7"),
        ("127.0.0.1", "192.0.2.7,, ", "192.0.2.7"),
        ("127.0.0.1", "10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", "10.1.2.3, 10.4.5.6", "10.1.2.3"),
        ("::1", "2001:db8::1", "2001:db8::1"),
        ("::1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:127.0.0.1", "192.0.2.7:4711", "192.0.2.7"),
        ("10.0.0.1", "192.0.2.7, unknown", "10.0.0.1"),
        ("10.0.0.1", "192.0.2.7, _hidden, 10.1.2.3", "10.1.2.3"),
        ("192.0.2.7", "203.0.113.9", "192.0.2.7"),
        ("", "203.0.113.9", ""),
        ("unix:", "203.0.113.9", ""),
    ],
)
def test_the_last_address_that_is_no_proxy_of_ours_counts(
    peer: str, forwarded: str, found: str
) -> None:
    assert ClientAddresses(PROXIES).find(peer, forwarded) == found


@pytest.mark.parametrize(
    ("forwarded", "found"),
    [("", "192.0.2.7"), ("203.0.113.9", "203.0.113.9"), ("1.1.1.1, 203.0.113.9", "203.0.113.9")],
)
def test_with_a_star_whoever_is_connected_is_believed_and_nobody_further(
    forwarded: str, found: str
) -> None:
    assert ClientAddresses(["*"]).find("192.0.2.7", forwarded) == found


def test_a_request_tells_its_address_and_what_sent_it() -> None:
    headers = {"X-Forwarded-For": "192.0.2.7", "User-Agent": "curl/8"}
    req = Request(create_environ(headers=headers, remote_addr="10.0.0.1"))
    device = ClientAddresses(PROXIES).device(req)

    assert (device.address, device.user_agent) == ("192.0.2.7", "curl/8")


def test_a_proxy_that_is_not_believed_is_told_once() -> None:
    addresses = ClientAddresses(PROXIES)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            addresses.find("172.16.0.1", "192.0.2.7")

    assert [log["log_level"] for log in logs] == ["warning"]
    assert "FORWARDED_ALLOW_IPS" in logs[0]["fix"]
    assert "192.0.2.7" not in str(logs)
