"""Sets the headers that every answer has."""

from typing import Any

import falcon

from nestegg_core.web.headers import DEFAULTS, constant_headers


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
