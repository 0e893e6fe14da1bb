"""Gates that a request passes before anything of it is believed, and headers of every answer."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import falcon
import structlog

from nestegg_core.api.middleware.client_address import ClientAddresses
from nestegg_core.contracts.storage import Storage
from nestegg_core.database.migrator import head, not_at_head
from nestegg_core.errors import ConfigurationError, MigrationsPending
from nestegg_core.settings.urls import host_spelling

_log = structlog.get_logger("nestegg.web")

PROBES = frozenset({"/health", "/livez", "/readyz"})
"""Answered whatever the host name and the schema: they are asked by address, and early."""


HOST = re.compile(r"([A-Za-z0-9._~-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?", re.ASCII)
"""`Host` (RFC 9110, 7.2): a name or an address, and perhaps a port, which may be empty."""


class PlainPaths:
    """Refuses paths with a second spelling, by which rules of a proxy could be walked around.

    An empty first segment leads where the path without it does, and `SCRIPT_NAME`, which some
    servers take from a client's header, takes away what stands before the path. The API is at the
    root of its host, so neither is of any use.
    """

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        if "//" in req.path or req.env.get("SCRIPT_NAME"):
            raise falcon.HTTPNotFound


class AllowedHosts:
    """Refuses requests to a host name that is not ours (`ALLOWED_HOSTS`)."""

    def __init__(self, hosts: tuple[str, ...]) -> None:
        self._hosts = frozenset(map(host_spelling, hosts))

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        if req.path in PROBES:
            return
        host = HOST.fullmatch(req.env.get("HTTP_HOST", req.env["SERVER_NAME"]))
        if host is None:
            raise falcon.HTTPBadRequest(
                title="Malformed Host", description="Host is no host name and port."
            )
        if "*" not in self._hosts and host_spelling(host[1]) not in self._hosts:
            raise falcon.HTTPError(
                falcon.HTTP_421,
                title="Misdirected Request",
                description="This server does not answer to that host name: see ALLOWED_HOSTS.",
            )


@dataclass(frozen=True, slots=True)
class HttpsOnly:
    """Sends on, or refuses, what came to a proxy of ours by http where the server has https."""

    base_url: str
    addresses: ClientAddresses

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Believe the proxy; every entry of its list must say https."""
        forwarded = req.get_header("X-Forwarded-Proto")
        if forwarded is None or not self.base_url.startswith("https:") or req.path in PROBES:
            return
        schemes = {one.strip().lower() for one in forwarded.split(",")}
        if schemes == {"https"} or not self.addresses.believes(req.remote_addr):
            return
        # A token, or a password, has been seen by everybody on the way: its app shall notice.
        if req.method in {"GET", "HEAD"} and not req.get_header("Authorization"):
            query = f"?{req.query_string}" if req.query_string else ""
            raise falcon.HTTPPermanentRedirect(f"{self.base_url}{quote(req.path)}{query}")
        raise falcon.HTTPForbidden(
            title="Https Required", description="Send it by https: by http others can read it."
        )


class SchemaAtHead:
    """Answers 503 while the database is below head; asks until it is there, and no more."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._at_head = False

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        if self._at_head or req.path in PROBES:
            return
        current = self._storage.current_revision()
        if current != head():
            raise MigrationsPending(not_at_head(current))
        self._at_head = True


@dataclass(frozen=True, slots=True)
class KeysFit:
    """Answers 503 while the encryption keys are not those that the database knows.

    `nestegg serve` checks before it starts; but then the database may not answer yet, or may be
    below head. Behind `SchemaAtHead`.
    """

    check: Callable[[], None]

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        if req.path in PROBES:
            return
        try:
            self.check()
        except ConfigurationError as error:
            for problem in error.problems:
                _log.error(
                    "the encryption keys do not fit the database",
                    where=problem.where,
                    what=problem.what,
                    fix=problem.fix,
                )
            raise falcon.HTTPServiceUnavailable(
                title="Encryption Keys",
                description="The server's encryption keys do not fit its database. Its log says "
                "which, and what to do.",
            ) from None


CONSTANT: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers that are the same in every answer of every server."""

DEFAULTS: Mapping[str, str] = {
    # What nobody thought about is private: it shall rest on no disk. Who keeps an ETag by
    # themselves, as apps do, still gets 304 for it.
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Headers of every answer that says nothing else."""

READABLE = (
    "Allow",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
)
"""Headers of answers that say something to apps: those in browsers may read them too."""

_YEAR = 365 * 24 * 60 * 60


def constant_headers(base_url: str) -> dict[str, str]:
    """Return the headers that every answer of a server has."""
    if not base_url.startswith("https://"):
        return dict(CONSTANT)
    # Its subdomains are other users's: they are not spoken for.
    return {**CONSTANT, "Strict-Transport-Security": f"max-age={_YEAR}"}


class ConstantHeaders:
    """Comes first, so that it sees every answer last: errors and refusals of gates as well."""

    def __init__(self, base_url: str) -> None:
        self._constant = constant_headers(base_url)

    def process_response(
        self, _req: falcon.Request, resp: falcon.Response, _resource: Any, _req_succeeded: bool
    ) -> None:
        resp.set_headers(self._constant)
        for name, value in DEFAULTS.items():
            if resp.get_header(name) is None:
                resp.set_header(name, value)


class Cors(falcon.CORSMiddleware):  # type: ignore[type-arg]  # not generic in the lowest version
    def __init__(self, origins: Sequence[str]) -> None:
        super().__init__(allow_origins=list(origins), expose_headers=list(READABLE))

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        """Say that the answer differs by origin, also to whoever sends none."""
        super().process_response(req, resp, resource, req_succeeded)
        resp.append_header("Vary", "Origin")


REFUSED = "nestegg.refused"
"""In the WSGI environment: status and detail of a request that the server refuses."""


class Refused:
    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        if refusal := req.env.get(REFUSED):
            status, detail = refusal
            title = falcon.code_to_http_status(status).partition(" ")[2]
            raise falcon.HTTPError(status, title=title, description=detail)
