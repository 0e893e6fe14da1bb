"""One request over HTTP, whose connection a deadline can cut.

Imported when something is fetched: requests takes five megabytes, and a process that verifies no
token needs none of them.
"""

import socket
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from nestegg_core.auth.oidc.document import MAX_DOCUMENT_BYTES, Deadline, Document, FetchFailed

_CHUNK_BYTES = 16 * 1024
_OK = 200


def get(url: str, deadline: Deadline) -> Document:
    """Do what `fetch` promises, for an address that may be fetched."""
    try:
        with requests.Session() as session:
            # A proxy of the environment has no business with loopback.
            session.trust_env = url.startswith("https:")
            session.mount("https://", _WatchedAdapter(deadline))
            session.mount("http://", _WatchedAdapter(deadline))
            with session.get(
                url,
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                timeout=deadline.remaining(),
                allow_redirects=False,
                stream=True,
            ) as response:
                return _read(response, deadline)
    except (requests.RequestException, OSError) as error:
        deadline.check()
        raise FetchFailed(f"the request failed: {type(error).__name__}") from error


def _read(response: requests.Response, deadline: Deadline) -> Document:
    if response.status_code != _OK:
        raise FetchFailed(f"the answer has status {response.status_code}")
    content = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        content += chunk
        if len(content) > MAX_DOCUMENT_BYTES:
            raise FetchFailed(f"the answer is longer than {MAX_DOCUMENT_BYTES} bytes")
    deadline.check()
    age = response.headers.get("Age", "")
    return Document(
        content=bytes(content),
        cache_control=response.headers.get("Cache-Control", ""),
        age=int(age) if age.isascii() and age.isdigit() else 0,
    )


class _WatchedAdapter(HTTPAdapter):
    """Tells a deadline of every connection before a byte, even of TLS, goes over it."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        deadline = self._deadline

        class Watched(pool.ConnectionCls):  # type: ignore[misc]
            def _new_conn(self) -> socket.socket:
                connection: socket.socket = super()._new_conn()
                deadline.watch(connection)
                return connection

        pool.ConnectionCls = Watched
        return pool
