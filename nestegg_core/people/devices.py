"""Where a sign-in comes from, and which addresses count as one."""

from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network

ADDRESS_INDEX = "sessions.address"
"""Name of the blind index of networks."""

MAX_USER_AGENT = 400

_IPV6_PREFIX = 64
"""What one line or one machine is given at the least (RFC 6177, 2)."""


@dataclass(frozen=True, slots=True)
class Device:
    """What a request tells about where it comes from.

    Attributes:
        address: IP address; empty when it is not known.
        user_agent: what the client calls itself.

    Example:
        >>> Device("192.0.2.7", "curl/8")
        Device()
    """

    address: str = field(repr=False)
    user_agent: str = field(repr=False, default="")

    @property
    def network(self) -> str:
        """What the address is counted as; see `network_of`."""
        return network_of(self.address)


def network_of(address: str) -> str:
    """Return what an address is counted as: itself, and the /64 network of an IPv6 address.

    Whoever has one IPv6 address has its whole network, and systems change theirs every day
    (RFC 8981). What is no address is counted as one.

    Example:
        >>> network_of("192.0.2.7"), network_of("::ffff:192.0.2.7"), network_of("2001:db8::1:2")
        ('192.0.2.7', '192.0.2.7', '2001:db8::/64')
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ip_network((parsed.packed, _IPV6_PREFIX), strict=False))
        parsed = parsed.ipv4_mapped
    return str(parsed)
