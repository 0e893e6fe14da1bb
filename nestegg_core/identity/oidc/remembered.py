"""Tokens that were verified, so that the next request with one costs a look-up."""

import hashlib
import threading
from datetime import datetime

from nestegg_core.contracts.identity import Valid
from nestegg_core.identity.oidc.keys import KeySet


def token_digest(token: str) -> bytes:
    """Return what stands for a token here: its SHA-256, so that none is kept in memory."""
    return hashlib.sha256(token.encode("ascii")).digest()


class RememberedTokens:
    """A bounded memory of verdicts; the oldest entry leaves first.

    Only verified tokens get in, so that strangers cannot push others out.

    Args:
        capacity: entries at most.
    """

    def __init__(self, capacity: int = 4096) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._entries: dict[bytes, tuple[Valid, KeySet]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, digest: bytes, now: datetime) -> tuple[Valid, KeySet] | None:
        """Return the verdict and the keys that it rests on, unless the token has expired.

        The caller must see to it that those keys are still the provider's.
        """
        entry = self._entries.get(digest)
        if entry is None:
            return None
        return entry if now < entry[0].identity.expires_at else None

    def put(self, digest: bytes, verdict: Valid, keys: KeySet) -> None:
        """Remember a verdict, and forget the oldest when there are too many."""
        with self._lock:
            self._entries.pop(digest, None)
            while len(self._entries) >= self._capacity:
                del self._entries[next(iter(self._entries))]
            self._entries[digest] = (verdict, keys)
