"""Probes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import structlog

from nestegg_core.api.fields import AnswerModel
from nestegg_core.api.operation import Answer, Call, operation
from nestegg_core.contracts.storage import Storage
from nestegg_core.database import head
from nestegg_core.errors import ConfigurationError, StorageUnavailable, told
from nestegg_core.observability.logs import cause_of, traceback_of
from nestegg_core.plugin_host.proxies import BoundedCheck
from nestegg_core.plugin_host.proxies.providers import SECONDS


class HealthChecks(AnswerModel):
    """Whether the database answers."""

    database: Literal["ok", "unreachable"]


class Health(AnswerModel):
    """As the self-hosting guide has it."""

    status: Literal["healthy", "unhealthy"]
    checks: HealthChecks


class Live(AnswerModel):
    """The process answers."""

    status: Literal["alive"]


class Ready(AnswerModel):
    """Whether requests should come here."""

    status: Literal["ready", "not ready"]
    checks: dict[str, str]


_log = structlog.get_logger("nestegg.web")


@dataclass(frozen=True, slots=True)
class HealthResource:
    storage: Storage
    check_keys: Callable[[], None]
    checks: Sequence[BoundedCheck]

    @operation("GET", "/health", public=True, answer=Health)
    def health(self, _call: Call) -> Answer:
        """Tell whether the database answers: 200 healthy, 503 unhealthy."""
        if self._database() == "ok":
            content = {"status": "healthy", "checks": {"database": "ok"}}
            return Answer(content, cacheable=False)
        content = {"status": "unhealthy", "checks": {"database": "unreachable"}}
        return Answer(content, status=503, cacheable=False)

    @operation("GET", "/livez", public=True, answer=Live)
    def livez(self, _call: Call) -> Answer:
        """Tell that the process lives; touches nothing."""
        return Answer({"status": "alive"}, cacheable=False)

    @operation("GET", "/readyz", public=True, answer=Ready)
    def readyz(self, _call: Call) -> Answer:
        """Tell whether requests should come here: database, migrations, encryption keys and
        plugins' checks. The queue's state is told and changes nothing: jobs wait without Redis.
        """
        deadline = time.monotonic() + SECONDS
        for check in self.checks:  # all at once: together they have no more time than one
            check.begin()
        checks = {"database": self._database()}
        if checks["database"] == "ok":
            checks["migrations"] = self._migrations()
        if checks.get("migrations") == "ok":
            checks["encryption_keys"] = self._keys()
        ready = set(checks.values()) == {"ok"}
        for check in self.checks:
            checks[check.name] = check.outcome(deadline)
            ready &= checks[check.name] == "ok" or not check.essential
        content = {"status": "ready" if ready else "not ready", "checks": checks}
        return Answer(content, status=200 if ready else 503, cacheable=False)

    def _database(self) -> str:
        """A probe answers whatever happens: a file that is no database raises what it likes."""
        try:
            self.storage.ping()
        except StorageUnavailable as error:
            _log.warning("database does not answer", error=told(error), cause=cause_of(error))
        except Exception as error:
            _log.warning("database does not answer", exception=traceback_of(error))
        else:
            return "ok"
        return "unreachable"

    def _migrations(self) -> str:
        try:
            return "ok" if self.storage.current_revision() == head() else "pending"
        except Exception as error:
            _log.warning("schema cannot be read", exception=traceback_of(error))
            return "unreachable"

    def _keys(self) -> str:
        try:
            self.check_keys()
        except ConfigurationError:  # every request logs what is wrong
            return "wrong"
        except Exception as error:
            _log.warning("keys cannot be checked", exception=traceback_of(error))
            return "unreachable"
        return "ok"
