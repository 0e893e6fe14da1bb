"""Headers that every answer has, whoever writes it: an operation, an error, the server itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import falcon

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
    """Return the headers that every answer of a server has.

    Args:
        base_url: `APP_BASE_URL`; where it is https, browsers shall not come by http again.
    """
    if not base_url.startswith("https://"):
        return dict(CONSTANT)
    # Its subdomains are other users's: they are not spoken for.
    return {**CONSTANT, "Strict-Transport-Security": f"max-age={_YEAR}"}


class ConstantHeaders:
    """Comes first, so that it sees every answer last: errors and refusals of gates as well."""

    def __init__(self, base_url: str) -> None:
        self._constant = constant_headers(base_url)

    def process_response(
        self,
        _req: falcon.Request,
        resp: falcon.Response,
        _resource: Any,
        _req_succeeded: bool,
    ) -> None:
        """Set what is constant, and what nobody else has set."""
        resp.set_headers(self._constant)
        for name, value in DEFAULTS.items():
            if resp.get_header(name) is None:
                resp.set_header(name, value)


class Cors(falcon.CORSMiddleware):  # type: ignore[type-arg]  # not generic in the lowest version
    """Falcon's own, which says nothing to caches."""

    def __init__(self, origins: Sequence[str]) -> None:
        super().__init__(allow_origins=list(origins), expose_headers=list(READABLE))

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        resource: object,
        req_succeeded: bool,
    ) -> None:
        """Say that the answer differs by origin, also to whoever sends none."""
        super().process_response(req, resp, resource, req_succeeded)
        resp.append_header("Vary", "Origin")


REFUSED = "nestegg.refused"
"""In the WSGI environment: status and detail of a request that the server refuses."""


class Refused:
    """Ends a refused request before anything of it is believed."""

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Answer with the status that the server has chosen."""
        if refusal := req.env.get(REFUSED):
            status, detail = refusal
            title = falcon.code_to_http_status(status).partition(" ")[2]
            raise falcon.HTTPError(status, title=title, description=detail)
