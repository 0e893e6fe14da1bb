"""What clients send in place of what they should."""

import base64


def _encoded(*parts: bytes) -> str:
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


GARBAGE_TOKENS = {
    "nothing": "",
    "a space": " ",
    "dots": "..",
    "many dots": "." * 5000,
    "three letters": "a.b.c",
    "opaque": "nep_0123456789abcdef",
    "with its scheme": "Bearer a.b.c",
    "NUL": "a\0b",
    "not ASCII": "väärä.tunnus.ei",
    "lone surrogates": "\ud800.\ud800.\ud800",
    "a megabyte": "a" * 1_000_000,
    "empty objects": _encoded(b"{}", b"{}", b""),
    "lists": _encoded(b"[]", b"[]", b"x"),
    "nulls": _encoded(b"null", b"null", b"x"),
    "a string for claims": _encoded(b'{"alg":"none"}', b'"text"', b""),
    "not UTF-8": _encoded(b"\xff\xfe", b"\xff", b"\xff"),
    "deeply nested": _encoded(b"[" * 3000, b"[" * 3000, b"x"),
    "not quite JSON": _encoded(b'{"alg":"RS256"}', b'{"iss":NaN}', b"x"),
    "encrypted, in five parts": _encoded(b"{}", b"{}", b"{}", b"{}", b"{}"),
}
