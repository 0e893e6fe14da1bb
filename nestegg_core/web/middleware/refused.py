"""Answers what the server itself refuses: malformed requests, those that are too large, and so on.

They come through the application so that they look like its other answers, headers and all.
"""

import falcon

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
