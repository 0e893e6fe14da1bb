"""Gives each request an id, and tells of its end: one event in the log, and the measurements."""

import re
import threading
import time
from collections.abc import Mapping
from typing import Any

import falcon
import structlog
from falcon.routing import CompiledRouter

from nestegg_core.api.middleware.gates import PROBES
from nestegg_core.contracts.metrics import MetricsExporter
from nestegg_core.database.types import new_id

UNMATCHED = "unmatched"
"""The route of requests that lead to none."""

_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_METHODS = frozenset({*falcon.HTTP_METHODS, "HEAD"})
_log = structlog.get_logger("nestegg.access")


class RequestId:
    """Takes a proxy's id where it looks like one, else makes one; logs and measures the end."""

    def __init__(self, metrics: MetricsExporter, router: CompiledRouter) -> None:
        self._metrics = metrics
        self._router = router
        self._in_progress = 0
        self._lock = threading.Lock()

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        given = req.get_header("X-Request-ID") or ""
        request_id = given if _GIVEN.fullmatch(given) else new_id().hex
        req.context.started = time.perf_counter()
        self._progress(1)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        resp.set_header("X-Request-ID", request_id)

    def process_resource(
        self, req: falcon.Request, _resp: falcon.Response, _resource: Any, params: dict[str, Any]
    ) -> None:
        req.context.org_id = params.get("org_id")

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: Any, _req_succeeded: bool
    ) -> None:
        seconds = time.perf_counter() - req.context.started
        route = req.uri_template or self._route_of(req.path)
        method = req.method if req.method in _METHODS else "other"
        labels = {"route": route, "method": method}
        self._progress(-1)
        self._metrics.count("http_requests", {**labels, "status": str(resp.status_code)})
        self._metrics.observe("http_request_seconds", labels, seconds)
        tell = _log.debug if req.path in PROBES else _log.info
        tell(
            "request",
            method=method,
            route=route,
            status=resp.status_code,
            seconds=round(seconds, 6),
            **_who(req),
        )
        structlog.contextvars.clear_contextvars()

    def _route_of(self, path: str) -> str:
        found = self._router.find(path)
        return str(found[3]) if found else UNMATCHED

    def _progress(self, change: int) -> None:
        with self._lock:  # so that an older figure does not come after a newer one
            self._in_progress += change
            self._metrics.gauge("http_requests_in_progress", {}, self._in_progress)


def _who(req: falcon.Request) -> Mapping[str, str]:
    caller = req.context.get("caller")
    ids = {
        "organization": req.context.get("org_id"),
        "user": caller.user_id if caller is not None else None,
    }
    return {name: str(value) for name, value in ids.items() if value is not None}
