"""Probes: whether the process lives, the database answers, and requests should come here."""

from collections.abc import Sequence

import structlog

from nestegg_core.contracts.operations import HealthCheckRegistration
from nestegg_core.contracts.storage import Storage
from nestegg_core.database import head
from nestegg_core.observability.tracebacks import traceback_of
from nestegg_core.web.models import health as models
from nestegg_core.web.operation import Answer, Call, operation

_log = structlog.get_logger("nestegg.web")


class HealthResource:
    """`/health`, `/livez` and `/readyz`."""

    def __init__(self, storage: Storage, checks: Sequence[HealthCheckRegistration]) -> None:
        self._storage = storage
        self._checks = checks

    @operation("GET", "/health", public=True, answer=models.Health)
    def health(self, _call: Call) -> Answer:
        """Tell whether the database answers: 200 healthy, 503 unhealthy."""
        if self._database() == "ok":
            content = {"status": "healthy", "checks": {"database": "ok"}}
            return Answer(content, cacheable=False)
        content = {"status": "unhealthy", "checks": {"database": "unreachable"}}
        return Answer(content, status=503, cacheable=False)

    @operation("GET", "/livez", public=True, answer=models.Live)
    def livez(self, _call: Call) -> Answer:
        """Tell that the process lives; touches nothing."""
        return Answer({"status": "alive"}, cacheable=False)

    @operation("GET", "/readyz", public=True, answer=models.Ready)
    def readyz(self, _call: Call) -> Answer:
        """Tell whether requests should come here: database, migrations and plugins' checks."""
        checks = {"database": self._database()}
        if checks["database"] == "ok":
            checks["migrations"] = self._migrations()
        for registration in self._checks:
            checks[registration.name] = _outcome(registration)
        ready = set(checks.values()) == {"ok"}
        content = {"status": "ready" if ready else "not ready", "checks": checks}
        return Answer(content, status=200 if ready else 503, cacheable=False)

    def _database(self) -> str:
        """A probe answers whatever happens: a file that is no database raises what it likes."""
        try:
            self._storage.ping()
        except Exception as error:
            _log.warning("database does not answer", exception=traceback_of(error))
            return "unreachable"
        return "ok"

    def _migrations(self) -> str:
        try:
            return "ok" if self._storage.current_revision() == head() else "pending"
        except Exception as error:
            _log.warning("schema cannot be read", exception=traceback_of(error))
            return "unreachable"


def _outcome(registration: HealthCheckRegistration) -> str:
    """A check that raises has failed; it must not take the probe with it."""
    try:
        findings = registration.check()
    except Exception as error:
        return f"failed: {type(error).__name__}"
    return "ok" if not findings else "; ".join(finding.what for finding in findings)
