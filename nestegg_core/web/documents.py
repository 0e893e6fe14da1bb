"""`/openapi.json` and `/docs`: made once, kept compressed, sent again only when they differ."""

import gzip
from hashlib import blake2b
from typing import Any

import falcon

from nestegg_core.web.conditional import known, takes_gzip


class Options:
    """Answers OPTIONS of a resource with the same methods that a 405 names."""

    def on_options(self, _req: falcon.Request, resp: falcon.Response, **_params: Any) -> None:
        """Tell them; nothing is at the path that a body could describe."""
        methods = sorted(name[3:].upper() for name in dir(self) if name.startswith("on_"))
        resp.set_header("Allow", ", ".join(methods))
        resp.set_header("Content-Length", "0")


class Front(Options):
    """The resource of `/`, the address that people type: it leads to what can be read."""

    def __init__(self) -> None:
        self.on_head = self.on_get

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Send them on."""
        resp.status = falcon.HTTP_302
        resp.set_header("Location", "/docs")


class Document(Options):
    """The resource of one text that is the same for everybody."""

    def __init__(self, content: bytes, content_type: str, policy: str = "") -> None:
        self._tag = f'W/"{blake2b(content, digest_size=12).hexdigest()}"'
        self._compressed = gzip.compress(content, mtime=0)
        self._content_type = content_type
        self._policy = policy
        self.on_head = self.on_get

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Serve it, unless the caller has it."""
        resp.set_header("Cache-Control", "no-cache")  # kept by everybody, and asked about
        resp.set_header("ETag", self._tag)
        resp.set_header("Vary", "Accept-Encoding")
        if self._policy:
            resp.set_header("Content-Security-Policy", self._policy)
        if known(self._tag, req.get_header("If-None-Match")):
            resp.status = falcon.HTTP_304
            return
        resp.content_type = self._content_type
        if takes_gzip(req.get_header("Accept-Encoding")):
            resp.set_header("Content-Encoding", "gzip")
            resp.data = self._compressed
        else:
            resp.data = gzip.decompress(self._compressed)
