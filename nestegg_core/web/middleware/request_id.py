"""Gives each request an id: in the log, and in the answer's `X-Request-ID`."""

import re
import time
from typing import Any

import falcon
import structlog

from nestegg_core.database.ids import new_id

_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_log = structlog.get_logger("nestegg.access")


class RequestId:
    """Takes a proxy's id where it looks like one, else makes one; logs the request's end."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Begin."""
        given = req.get_header("X-Request-ID") or ""
        request_id = given if _GIVEN.fullmatch(given) else new_id().hex
        req.context.started = time.perf_counter()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        resp.set_header("X-Request-ID", request_id)

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        _resource: Any,
        req_succeeded: bool,
    ) -> None:
        """Log the route and not the path: a path holds ids."""
        del req_succeeded
        _log.debug(
            "request",
            method=req.method,
            route=req.uri_template,
            status=resp.status_code,
            seconds=round(time.perf_counter() - req.context.started, 6),
        )
        structlog.contextvars.clear_contextvars()
