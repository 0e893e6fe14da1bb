"""Column types that mean the same on every database: exact money, moments in UTC."""

from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Dialect, Numeric
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeDecorator, TypeEngine
from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a new id (UUIDv7)."""
    return uuid7()


MONEY_SCALE = 4
"""Decimals that are kept: enough for every currency of ISO 4217 and for unit prices."""

_SMALLEST = Decimal(1).scaleb(-MONEY_SCALE)
_LARGEST = Decimal(2**63 - 1).scaleb(-MONEY_SCALE)
_COLUMN = Context(prec=19, traps=[])  # NaN comes of what needs more digits than the column has


class Money(TypeDecorator[Decimal]):
    """An exact amount: `Numeric(19, 4)`, and on SQLite an integer of ten-thousandths.

    SQLite has no decimal type: what is declared NUMERIC there becomes a float.
    """

    impl = Numeric(19, MONEY_SCALE)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the storage of the dialect."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(Numeric(19, MONEY_SCALE))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Refuse what the column cannot hold exactly; a database would round it."""
        if value is None:
            return None
        exact = value.quantize(_SMALLEST, context=_COLUMN)
        if exact != value or abs(exact) > _LARGEST:
            raise ValueError("an amount has more than four decimals, or is out of range")
        return int(exact.scaleb(MONEY_SCALE)) if dialect.name == "sqlite" else value

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Read what SQLite keeps; other drivers give a Decimal, and no call is spent on it."""
        del coltype
        return _from_scaled if dialect.name == "sqlite" else None


def _from_scaled(value: int | str | None) -> Decimal | None:
    return None if value is None else Decimal(value).scaleb(-MONEY_SCALE)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC. SQLite forgets the zone, so it is put back; a storage whose
    driver knows zones connects in UTC.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a moment without a zone: nobody could say later which it was."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Put the zone back where it was forgotten."""
        if dialect.name != "sqlite":
            return None
        read = self.impl_instance.dialect_impl(dialect).result_processor(dialect, coltype)

        def in_utc(value: Any) -> datetime | None:
            moment: datetime | None = read(value) if read else value
            return None if moment is None else moment.replace(tzinfo=UTC)

        return in_utc


class exact_sum(GenericFunction[Decimal]):  # noqa: N801 - it reads as the SQL function it is
    """The sum of a money column, exact however many rows and however large.

    SQLite's `sum` fails once a 64-bit integer overflows, so it gets an aggregate of ours
    (`ExactSum`), which answers in text.
    """

    type = Money()
    inherit_cache = True
    name = "exact_sum"


@compiles(exact_sum)
def _compile_sum(element: exact_sum, compiler: SQLCompiler, **kw: Any) -> str:
    return f"sum({compiler.process(element.clauses, **kw)})"


@compiles(exact_sum, "sqlite")
def _compile_sqlite_sum(element: exact_sum, compiler: SQLCompiler, **kw: Any) -> str:
    return f"exact_sum({compiler.process(element.clauses, **kw)})"


class ExactSum:
    """SQLite aggregate behind `exact_sum`: adds integers of any size."""

    def __init__(self) -> None:
        self._total: int | None = None

    def step(self, value: int | None) -> None:
        """Add one row's value; NULL does not count."""
        if value is not None:
            self._total = (self._total or 0) + value

    def finalize(self) -> str | None:
        """Return the sum as text, or NULL when no row counted."""
        return None if self._total is None else str(self._total)
