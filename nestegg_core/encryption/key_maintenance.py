"""What the work on keys needs: the database, the keys at hand, and what new values are like."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from nestegg_core.contracts.storage import Storage
from nestegg_core.database.rows import SealedRows
from nestegg_core.encryption.keyring import Keyring
from nestegg_core.encryption.sealed_columns import SealedColumn
from nestegg_core.encryption.token import Token

EXAMPLES = 20
"""How many failures of one kind are kept with their place; all are counted."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Handed to `rewrap`, `verify`, `retire` and `status`; `backend` is the one for new values."""

    storage: Storage
    rows: SealedRows
    keyring: Keyring
    backend: str
    clock: Callable[[], datetime]

    @property
    def target(self) -> Token:
        return Token(self.backend, self.keyring.current)


@dataclass(frozen=True, slots=True)
class Failure:
    """A stored value that does not open; the value itself is nowhere in it."""

    table: str
    column: str
    org_id: UUID | None
    row_key: Sequence[str]
    reason: str


@dataclass(slots=True)
class Failures:
    examples: list[Failure] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)

    def add(
        self, column: SealedColumn, org_id: UUID | None, row_key: Sequence[str], reason: str
    ) -> None:
        self._counts[reason] += 1
        if self._counts[reason] <= EXAMPLES:
            self.examples.append(
                Failure(column.table.name, column.column.name, org_id, row_key, reason)
            )

    def __len__(self) -> int:
        return self._counts.total()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long work is: values of a column (`transactions.notes`) so far, and those counted
    in the beginning.
    """

    column: str
    done: int
    total: int


Report = Callable[[Progress], None]


def no_report(progress: Progress) -> None:
    del progress
