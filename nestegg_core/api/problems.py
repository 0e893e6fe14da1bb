"""Errors as `application/problem+json` (RFC 9457): every bad field at once, no input echoed."""

import re
from collections.abc import Sequence
from typing import Any

import falcon
import orjson
import structlog

from nestegg_core import errors
from nestegg_core.api.fields import MAX_PROBLEMS
from nestegg_core.errors import FieldProblem
from nestegg_core.observability.connections import Stretches
from nestegg_core.observability.logs import cause_of, traceback_of
from nestegg_core.observability.plugin_faults import PluginFaults
from nestegg_core.plugin_host.proxies import FaultAttribution

MEDIA_TYPE = "application/problem+json"

_log = structlog.get_logger("nestegg.web")

REALM = 'Bearer realm="nestegg"'


def write_problem(
    resp: falcon.Response,
    status: int,
    code: str,
    detail: str,
    problems: Sequence[FieldProblem] = (),
) -> None:
    document: dict[str, Any] = {
        "type": f"urn:nestegg:problem:{code}",
        "title": falcon.code_to_http_status(status).partition(" ")[2],
        "status": status,
        "detail": detail,
    }
    if problems:
        document["errors"] = [
            {"pointer": p.pointer, "code": p.code, "detail": p.detail}
            for p in problems[:MAX_PROBLEMS]
        ]
    if len(problems) > MAX_PROBLEMS:
        document["more_errors"] = len(problems) - MAX_PROBLEMS
    resp.status = falcon.code_to_http_status(status)
    resp.content_type = MEDIA_TYPE
    resp.data = orjson.dumps(document)
    resp.media = None
    resp.text = None
    # As an answer it may have been meant to be kept; as an error it is not.
    resp.set_header("Cache-Control", "no-store")


def add_error_handlers(
    app: "falcon.App[Any, Any]", attribution: FaultAttribution, reports: PluginFaults, release: str
) -> None:
    """Answer every error of ours, of Falcon's, and everything else as a problem."""
    handlers = _Handlers(attribution, reports, release)
    app.add_error_handler(Exception, handlers.unexpected)
    app.add_error_handler(errors.NestEggError, handlers.known)
    app.add_error_handler(falcon.HTTPError, _falcon)


_STATUSES: dict[type[errors.NestEggError], tuple[int, str]] = {
    errors.InvalidInput: (422, "invalid-input"),
    errors.NotFound: (404, "not-found"),
    errors.StaleVersion: (412, "stale-version"),
    errors.VersionRequired: (428, "version-required"),
    errors.QuotaExceeded: (422, "quota-exceeded"),
    errors.TooManyRequests: (429, "too-many-requests"),
    errors.StorageUnavailable: (503, "storage-unavailable"),
    errors.ProviderUnavailable: (503, "provider-unavailable"),
    errors.ServerBusy: (503, "server-busy"),
    errors.MigrationsPending: (503, "migrations-pending"),
}


_DAMAGED = (
    "A stored value that this needs does not open. Nothing was changed. Whoever runs the server "
    "finds it with: nestegg keys verify"
)

_DETAILS = {
    404: "There is nothing at this path.",
    405: "The path does not answer to this method; `Allow` names those that it does.",
}


_NO_DESCRIPTION = re.compile(r'[^\x20-\x7e]|["\\]')
"""What `error_description` must not hold (RFC 6750, 3)."""


_TOLD = frozenset({"invalid_token", "insufficient_user_authentication"})


def _challenge(error: errors.Unauthenticated) -> str:
    """Say why a token was refused, and nothing where none was sent (RFC 6750, 3 and 3.1)."""
    if error.code not in _TOLD:
        return REALM
    safe = _NO_DESCRIPTION.sub("'", str(error))
    if isinstance(error, errors.SignInTooOld):  # RFC 9470, 3
        safe += f'", max_age="{int(error.recent.total_seconds())}'
    return f'{REALM}, error="{error.code}", error_description="{safe}"'


def _write_unauthenticated(resp: falcon.Response, error: errors.Unauthenticated) -> None:
    code = "unauthenticated"
    if isinstance(error, errors.SecondFactorRefused):
        code = f"second-factor-{error.what}"
    if isinstance(error, errors.SignInTooOld):
        code = "recent-sign-in-required"
    resp.set_header("WWW-Authenticate", _challenge(error))
    write_problem(resp, 401, code, str(error))


def _write_listed(resp: falcon.Response, error: errors.NestEggError, stretches: Stretches) -> None:
    status, code = _STATUSES[type(error)]
    problems: list[FieldProblem] = []
    if isinstance(error, errors.TooManyRequests):
        resp.set_header("Retry-After", str(error.retry_after))
    if isinstance(error, errors.TooManyRequests | errors.QuotaExceeded) and error.setting:
        problems.append(FieldProblem("", error.setting.lower(), str(error)))
    if status == 503:  # noqa: PLR2004 - Service Unavailable
        resp.set_header("Retry-After", "5")
        if times := stretches.met(str(error)):
            facts = {"code": code, "error": errors.told(error), "cause": cause_of(error)}
            _log.warning("unavailable", **facts, times=times)
    write_problem(resp, status, code, str(error), problems)


def _write_forbidden(resp: falcon.Response, error: errors.Forbidden) -> None:
    """Say that the right is missing, and which scope a token lacks (RFC 6750, 3 and 3.1)."""
    code, scope = "forbidden", ""
    if isinstance(error, errors.InsufficientScope):
        code, scope = "insufficient-scope", f', scope="{error.scope}"'
    resp.set_header("WWW-Authenticate", f'{REALM}, error="insufficient_scope"{scope}')
    write_problem(resp, 403, code, str(error))


def _falcon(
    _req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, _params: dict[str, Any]
) -> None:
    title = error.title or ""
    if title == error.status:  # Falcon's own words: the number stands in the status already
        title = title.partition(" ")[2]
    if error.headers:
        resp.set_headers(dict(error.headers))
    detail = error.description or _DETAILS.get(error.status_code, "See the status.")
    write_problem(resp, error.status_code, title.lower().replace(" ", "-"), detail)


_INTERNAL = "The server failed. The log has more under this answer's request id."
_PLUGIN_FAULT = "A plugin of this server failed. The log has more under this answer's request id."


class _Handlers:
    def __init__(self, attribution: FaultAttribution, reports: PluginFaults, release: str) -> None:
        self._attribution = attribution
        self._reports = reports
        self._release = release
        self._stretches = Stretches()

    def known(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        error: errors.NestEggError,
        params: dict[str, Any],
    ) -> None:
        match error:
            case errors.InvalidInput():
                detail = "Some values are wrong; `errors` names each."
                write_problem(resp, 422, "invalid-input", detail, error.problems)
            case errors.StatementError():
                pointer = error.option or (f"line {error.line}" if error.line else "file")
                problem = FieldProblem(pointer, error.code, error.detail)
                write_problem(resp, 422, "statement", error.detail, [problem])
            case errors.Unauthenticated():
                _write_unauthenticated(resp, error)
            case errors.Forbidden():
                _write_forbidden(resp, error)
            case errors.NotAdmitted():
                write_problem(resp, 403, error.code, str(error))
            case errors.PluginFault():  # logged and counted where it was raised
                write_problem(resp, 500, "plugin-fault", _PLUGIN_FAULT)
            case errors.DecryptionError():  # logged and counted where it did not open
                write_problem(resp, 500, "damaged-value", _DAMAGED)
            case errors.Conflict():
                write_problem(resp, 409, error.code, str(error))
            case _ if type(error) in _STATUSES:
                _write_listed(resp, error, self._stretches)
            case _:
                self.unexpected(req, resp, error, params)

    def unexpected(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        error: BaseException,
        _params: dict[str, Any],
    ) -> None:
        """Answer 500 without a word of what happened; the log has it, under the request's id."""
        if self._attribution.attribute(error):
            write_problem(resp, 500, "plugin-fault", _PLUGIN_FAULT)
            return
        facts = {"method": req.method, "route": str(req.uri_template)}
        _log.error("unexpected error", **facts, exception=traceback_of(error))
        request_id = str(resp.get_header("X-Request-ID"))
        self._reports.report(error, {**facts, "request_id": request_id, "release": self._release})
        write_problem(resp, 500, "internal", _INTERNAL)
