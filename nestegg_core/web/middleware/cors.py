"""Lets the web apps of `CORS_ORIGINS` read answers."""

from collections.abc import Sequence

import falcon

from nestegg_core.web.headers import READABLE


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
