"""Takes ports, for requests and for metrics."""

import socket

_EVERY = "::"


def take_port(host: str, port: int, backlog: int) -> socket.socket:
    """Return a listening socket; `::` stands for all addresses of both families.

    Raises:
        OSError: the port is in use, or the address is none of this machine's.
    """
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    both = host == _EVERY and socket.has_dualstack_ipv6()
    return socket.create_server(address[:2], family=family, backlog=backlog, dualstack_ipv6=both)
