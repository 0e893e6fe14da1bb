"""The manifest of a backup, as it stands in the archive."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from nestegg_core.backups.verify import Figures, Sums
from nestegg_core.errors import NestEggError


class BackupRefused(NestEggError):
    """A backup file cannot be used; the message says why."""


class BackupFailed(NestEggError):
    """A backup was not made; nothing of it is left."""


FORMAT = 1


@dataclass(frozen=True, slots=True)
class KeyPrint:
    """An encryption key that the data may need: its fingerprint says nothing else about it."""

    version: int
    fingerprint: str
    retired: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    created_at: datetime
    release: str
    revision: str
    dump_format: str
    dump_size: int
    dump_sha256: str
    keys: Sequence[KeyPrint] = field(repr=False)
    figures: Figures = field(repr=False)

    def to_json(self) -> bytes:
        document = {"format": FORMAT, **asdict(self), "created_at": self.created_at.isoformat()}
        return json.dumps(document, indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        try:
            found = json.loads(text)
            if found.pop("format") != FORMAT:
                raise BackupRefused(_NEWER)
            return cls(
                **{
                    **found,
                    "created_at": datetime.fromisoformat(found["created_at"]),
                    "keys": [KeyPrint(**one) for one in found["keys"]],
                    "figures": _figures(found["figures"]),
                }
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BackupRefused("The manifest of the backup cannot be read.") from None


_NEWER = "A newer release of Nest Egg made this backup: install that one (see its manifest.json)."


def _figures(found: Mapping[str, Any]) -> Figures:
    sums = {
        org_id: {currency: Sums(**one) for currency, one in by_currency.items()}
        for org_id, by_currency in found["sums"].items()
    }
    return Figures(found["rows"], sums)
