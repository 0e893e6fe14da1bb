"""Where the server listens, and how it takes ports, for requests and for metrics."""

import socket

from pydantic import Field
from pydantic_settings import BaseSettings

from nestegg_core.errors import NestEggError

_EVERY = "::"


class ServerSettings(BaseSettings):
    """How the server listens. The options of `nestegg serve` come before these."""

    web_host: str = Field(
        "127.0.0.1",
        description="Address that `nestegg serve` listens on; `::` for all, of IPv4 and IPv6.",
    )
    web_port: int = Field(
        8000, ge=0, le=65535, description="Port that `nestegg serve` listens on; 0 for a free one."
    )
    web_concurrency: int = Field(
        2, ge=1, le=256, description="Processes that answer requests; about one for each processor."
    )
    web_threads: int = Field(
        4, ge=1, le=256, description="Requests that each process answers at a time."
    )


class CannotListen(NestEggError):
    """A port cannot be had; the message says why and what to do."""


def take_port(host: str, port: int, backlog: int) -> socket.socket:
    """Return a listening socket; `::` stands for all addresses of both families."""
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    both = host == _EVERY and socket.has_dualstack_ipv6()
    return socket.create_server(address[:2], family=family, backlog=backlog, dualstack_ipv6=both)
