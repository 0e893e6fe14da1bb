"""Addresses that one user has at once count as one."""

import pytest

from nestegg_core.auth.builtin.sessions import Device, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", ""),
    ],
)
def test_an_address_is_counted_as_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_device_is_not_told_by_its_repr() -> None:
    assert repr(Device("192.0.2.7", "curl/8")) == "Device()"
