"""What the head and the chunks of a request must look like, where waitress lets more pass.

Whatever two servers on the way could read differently is refused (RFC 9112): a proxy in front and
this server must never disagree on where a request ends, whom it is for, or what it asks for.
"""

import re
from typing import Any

from nestegg_core.api.middleware.gates import HOST

MAX_LINE = 8_190
"""Bytes of the request line; it holds the path and the query."""

MAX_HEAD = 32_768
"""Bytes of the request line and all headers."""

MAX_FIELDS = 100
"""Headers of one request."""

_MAX_CHUNK_LINE = 256
_FREE_FRAMING = 16_384
"""Bytes around chunks, before there may be no more of them than of what they hold."""

_VERSIONS = (b"HTTP/1.1", b"HTTP/1.0")
_BEGUN_LINE = re.compile(
    rb"[\x21-\x7e]{1,32}( ([\x21-\x7e]+( (H(T(T(P(/([0-9.]{0,3}\r?)?)?)?)?)?)?)?)?)?"
)
"""What may yet become a request line; `_request_line` judges it when its end is here."""

_BARE_LF = re.compile(rb"(?<!\r)\n")
_TARGET = re.compile(rb"[\x21\x22\x24-\x7e]+")  # visible ASCII without `#`, which no client sends
_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?@\\]+)(?:[/?]|$)")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")


class Refusal(Exception):
    """A request that is answered with an error; `detail` repeats none of it."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def check_head(head: bytes) -> None:
    """Refuse a head that is malformed, too long, or can be read in two ways."""
    line, _, rest = head.partition(b"\r\n")
    version = _request_line(line)
    fields = _fields(rest)
    if len(fields) > MAX_FIELDS:
        raise Refusal(431, f"A request may have {MAX_FIELDS} headers.")
    _check_host(version, fields)
    _check_framing(version, fields)


def check_begun_head(head: bytes) -> None:
    """Refuse a head, perhaps behind empty lines, as soon as it cannot become a request."""
    if _BARE_LF.search(head):
        raise Refusal(400, "Lines end with CRLF.")
    line, ended, _ = head.lstrip(b"\r\n").partition(b"\r\n")
    if ended:
        _request_line(line)
    elif line:
        _check_length(line)
        if not _BEGUN_LINE.fullmatch(line):
            raise Refusal(400, "The request line is malformed.")


def host_of(target: str) -> str | None:
    """Return the host that a target in absolute form names; it counts, and not `Host`."""
    absolute = _ABSOLUTE.match(target.encode("latin-1"))
    return absolute[1].decode("ascii") if absolute else None


def _check_length(line: bytes) -> None:
    if len(line) > MAX_LINE:
        raise Refusal(414, f"The request line may have {MAX_LINE} bytes.")


def _request_line(line: bytes) -> bytes:
    _check_length(line)
    parts = line.split(b" ")
    if len(parts) != 3 or not _TARGET.fullmatch(parts[1]):  # noqa: PLR2004 - method, target, version
        raise Refusal(400, "The request line is malformed.")
    _, target, version = parts
    if version not in _VERSIONS:
        if version.startswith(b"HTTP/"):
            raise Refusal(505, "Speak HTTP/1.1.")
        raise Refusal(400, "The request line is malformed.")
    if not (target.startswith(b"/") or _ABSOLUTE.match(target)):
        raise Refusal(400, "The target must be a path.")
    return version


def _fields(rest: bytes) -> list[tuple[bytes, bytes]]:
    fields = []
    for field in rest.split(b"\r\n"):
        if field.startswith((b" ", b"\t")):
            raise Refusal(400, "A header must stand on one line.")
        if field:
            name, _, value = field.partition(b":")
            fields.append((name.lower(), value.strip(b" \t")))
    return fields


def _check_host(version: bytes, fields: list[tuple[bytes, bytes]]) -> None:
    hosts = [value for name, value in fields if name == b"host"]
    if len(hosts) > 1 or any(b"," in host for host in hosts):
        raise Refusal(400, "There may be one Host.")
    if hosts and not HOST.fullmatch(hosts[0].decode("latin-1")):
        raise Refusal(400, "Host is no host name and port.")
    if not hosts and version == b"HTTP/1.1":
        raise Refusal(400, "Host is missing.")


def _check_framing(version: bytes, fields: list[tuple[bytes, bytes]]) -> None:
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value.lower() for name, value in fields if name == b"transfer-encoding"]
    if lengths and (len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0])):
        raise Refusal(400, "Content-Length must be one number.")
    if not codings:
        return
    if lengths or version == b"HTTP/1.0":
        raise Refusal(400, "Where the body ends can be read in two ways.")
    if codings != [b"chunked"]:
        raise Refusal(501, "The only Transfer-Encoding is chunked.")


class ChunkedBody:
    """Takes the chunks of a body out of their framing (RFC 9112, 7.1); trailers are refused."""

    def __init__(self, buffer: Any, limit: int) -> None:
        self.completed = False
        self.error: Refusal | None = None
        self._buffer = buffer
        self._limit = limit
        self._left = 0
        self._line = b""
        self._framing = 0
        self._take = self._size

    def __len__(self) -> int:
        return int(self._buffer.__len__())

    def getfile(self) -> Any:
        return self._buffer.getfile()

    def getbuf(self) -> Any:
        return self._buffer

    def received(self, data: bytes) -> int:
        """Return how many bytes belonged to the body."""
        position = 0
        try:
            while position < len(data) and not self.completed:
                take = self._content if self._left else self._framed
                position += take(data, position)
        except Refusal as refusal:
            self.error = refusal
        return position

    def _content(self, data: bytes, position: int) -> int:
        piece = data[position : position + self._left]
        self._buffer.append(piece)
        self._left -= len(piece)
        return len(piece)

    def _framed(self, data: bytes, position: int) -> int:
        """Take up to the end of a line, and the line if it is whole."""
        end = data.find(b"\n", position, position + _MAX_CHUNK_LINE) + 1
        piece = data[position:end] if end else data[position : position + _MAX_CHUNK_LINE]
        self._line += piece
        self._framing += len(piece)
        if len(self._line) > _MAX_CHUNK_LINE or (not end and len(piece) == _MAX_CHUNK_LINE):
            raise Refusal(400, "A line between chunks is too long.")
        if self._framing > _FREE_FRAMING + len(self):
            raise Refusal(400, "The chunks are too small.")
        if end:
            line, self._line = self._line, b""
            if not line.endswith(b"\r\n"):
                raise Refusal(400, "The lines between chunks must end with CRLF.")
            self._take(line[:-2])
        return len(piece)

    def _size(self, line: bytes) -> None:
        size = _CHUNK.fullmatch(line)
        if size is None:
            raise Refusal(400, "The size of a chunk is malformed.")
        self._left = int(size[1], 16)
        if len(self) + self._left > self._limit:
            raise Refusal(413, f"A body may have {self._limit} bytes.")
        self._take = self._end_of_chunk if self._left else self._end

    def _end_of_chunk(self, line: bytes) -> None:
        if line:
            raise Refusal(400, "A chunk does not end where its size says.")
        self._take = self._size

    def _end(self, line: bytes) -> None:
        if line:
            raise Refusal(400, "Trailers are not read: send none.")
        self.completed = True
