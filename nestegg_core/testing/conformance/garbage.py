"""What clients send in place of what they should."""

import base64

import pytest


def _encoded(*parts: bytes) -> str:
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


GARBAGE_TOKENS = [
    pytest.param("", id="nothing"),
    pytest.param(" ", id="a space"),
    pytest.param("..", id="dots"),
    pytest.param("." * 5000, id="many dots"),
    pytest.param("a.b.c", id="three letters"),
    pytest.param("nep_0123456789abcdef", id="opaque"),
    pytest.param("Bearer a.b.c", id="with its scheme"),
    pytest.param("a\0b", id="NUL"),
    pytest.param("väärä.tunnus.ei", id="not ASCII"),
    pytest.param("\ud800.\ud800.\ud800", id="lone surrogates"),
    pytest.param("a" * 1_000_000, id="a megabyte"),
    pytest.param(_encoded(b"{}", b"{}", b""), id="empty objects"),
    pytest.param(_encoded(b"[]", b"[]", b"x"), id="lists"),
    pytest.param(_encoded(b"null", b"null", b"x"), id="nulls"),
    pytest.param(_encoded(b'{"alg":"none"}', b'"text"', b""), id="a string for claims"),
    pytest.param(_encoded(b"\xff\xfe", b"\xff", b"\xff"), id="not UTF-8"),
    pytest.param(_encoded(b"[" * 3000, b"[" * 3000, b"x"), id="deeply nested"),
    pytest.param(_encoded(b'{"alg":"RS256"}', b'{"iss":NaN}', b"x"), id="not quite JSON"),
    pytest.param(_encoded(b"{}", b"{}", b"{}", b"{}", b"{}"), id="encrypted, in five parts"),
]
