"""Gates that a request passes before anything of it is believed."""

from collections.abc import Callable

import falcon
import structlog

from nestegg_core.contracts.storage import Storage
from nestegg_core.database.migrator import head, not_at_head
from nestegg_core.errors import ConfigurationError, MigrationsPending

_log = structlog.get_logger("nestegg.web")

PROBES = frozenset({"/health", "/livez", "/readyz"})
"""Answered whatever the host name and the schema: they are asked by address, and early."""


class AllowedHosts:
    """Refuses requests to a host name that is not ours (`ALLOWED_HOSTS`)."""

    def __init__(self, hosts: tuple[str, ...]) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Compare the name; the port does not matter."""
        if "*" in self._hosts or req.path in PROBES:
            return
        if req.host.lower() not in self._hosts:
            raise falcon.HTTPError(
                falcon.HTTP_421,
                title="Misdirected Request",
                description="This server does not answer to that host name: see ALLOWED_HOSTS.",
            )


class SchemaAtHead:
    """Answers 503 while the database is below head; asks until it is there, and no more."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._at_head = False

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Compare the revision."""
        if self._at_head or req.path in PROBES:
            return
        current = self._storage.current_revision()
        if current != head():
            raise MigrationsPending(not_at_head(current))
        self._at_head = True


class KeysFit:
    """Answers 503 while the encryption keys are not those that the database knows.

    `nestegg serve` checks before it starts; but then the database may not answer yet, or may be
    below head. Behind `SchemaAtHead`.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Check, until the keys have once been right."""
        if req.path in PROBES:
            return
        try:
            self._check()
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
