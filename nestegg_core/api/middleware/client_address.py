"""Where a request comes from, behind proxies too.

gunicorn gives the address of whoever is connected, which behind a proxy is the proxy's. A proxy
adds the address that it sees at the end of `X-Forwarded-For`; what stands before that, anybody
can have written. So the list is read from its end, for as long as proxies of ours are met.
"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import falcon
import structlog

from nestegg_core.auth.builtin.sessions import Device

_ANY = "*"
_log = structlog.get_logger("nestegg.web")

Address = IPv4Address | IPv6Address


class ClientAddresses:
    """Finds the address that a request comes from.

    Args:
        proxies: `FORWARDED_ALLOW_IPS`: addresses and networks of proxies. With `*` whoever is
            connected is believed, and nobody further: the last address of the list is the one.

    Example:
        >>> addresses = ClientAddresses(["10.0.0.0/8"])
        >>> addresses.find("10.0.0.1", "203.0.113.9, 192.0.2.7, 10.0.0.2")
        '192.0.2.7'
    """

    def __init__(self, proxies: Sequence[str]) -> None:
        self._any = _ANY in proxies
        self._networks = [ip_network(one) for one in proxies if one != _ANY]
        self._warned = False

    def device(self, req: falcon.Request) -> Device:
        address = self.find(req.remote_addr, req.get_header("X-Forwarded-For") or "")
        return Device(address, req.user_agent or "")

    def believes(self, peer: str) -> bool:
        """Tell whether whoever is connected is a proxy whose headers count."""
        found = _parsed(peer)
        return self._any or (found is not None and self._is_proxy(found))

    def find(self, peer: str, forwarded: str) -> str:
        """Return the address that a request comes from; empty when `peer` is no IP address."""
        found = _parsed(peer)
        if found is None:
            return ""
        if not (self._any or self._is_proxy(found)):
            if forwarded:
                self._warn()
            return str(found)
        for hop in _from_the_end(forwarded):
            if hop is None:
                break
            found = hop
            if not self._is_proxy(hop):
                break
        return str(found)

    def _is_proxy(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def _warn(self) -> None:
        """Say once what makes all users look like one: a proxy that is not believed."""
        if not self._warned:
            self._warned = True
            _log.warning(
                "X-Forwarded-For of somebody who is no proxy of this server is left aside",
                fix="if that is your proxy, add its address to FORWARDED_ALLOW_IPS",
            )


def _from_the_end(forwarded: str) -> Iterator[Address | None]:
    for one in reversed(forwarded.split(",")):
        if one.strip():
            yield _parsed(one.strip())


def _parsed(text: str) -> Address | None:
    """Read an address that may have a port: `192.0.2.7:4711`, `[2001:db8::1]:4711`."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
