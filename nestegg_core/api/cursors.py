"""Cursors: where a list goes on, opaque and signed, so that nobody can make one up."""

import base64
import binascii
import hashlib
import hmac
from typing import Any

import orjson

from nestegg_core.errors import InvalidInput

_TAG_BYTES = 16


class Cursors:
    """Writes and reads cursors; each is good for the one list that it was made for.

    Example:
        >>> cursors = Cursors("a secret that only this server knows")
        >>> cursors.read("/list", cursors.write("/list", ("2026-01-31", "x")))
        ('2026-01-31', 'x')
    """

    def __init__(self, secret_key: str, previous_key: str | None = None) -> None:
        """Take the secrets.

        Args:
            secret_key: `SECRET_KEY`.
            previous_key: `SECRET_KEY_PREVIOUS`: its cursors are still read.
        """
        secrets = [secret_key, *([previous_key] if previous_key else [])]
        self._keys = [
            hmac.digest(secret.encode(), b"nestegg cursor", hashlib.sha256) for secret in secrets
        ]

    def write(self, path: str, position: tuple[Any, ...]) -> str:
        """Return the cursor of a position in the list at a path."""
        payload = orjson.dumps(position)
        tag = self._tag(self._keys[0], path, payload)
        return base64.urlsafe_b64encode(tag + payload).decode().rstrip("=")

    def read(self, path: str, cursor: str) -> tuple[Any, ...]:
        """Return the position.

        Raises:
            InvalidInput: it is not a cursor of this list.
        """
        try:
            raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"==")
        except (UnicodeEncodeError, binascii.Error):
            raw = b""
        tag, payload = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if not any(hmac.compare_digest(tag, self._tag(key, path, payload)) for key in self._keys):
            raise InvalidInput.one("cursor", "bad_cursor", "Use `next` of a page of this list.")
        return tuple(orjson.loads(payload))

    def _tag(self, key: bytes, path: str, payload: bytes) -> bytes:
        message = path.encode() + b"\0" + payload
        return hmac.digest(key, message, hashlib.sha256)[:_TAG_BYTES]
