"""Takes the first wall away: every condition `org_id = <the transaction's organization>`."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, event

from nestegg_core.database import SqlStorage
from nestegg_core.database.rows import CompiledSelect

_CONDITION = re.compile(r"\b(\w+)\.org_id = %\(tenant_id\)s(?:::\w+)?")


@contextmanager
def without_where(storage: SqlStorage) -> Iterator[Counter[str]]:
    """Replace the condition by TRUE meanwhile, in statements that SQLAlchemy runs and in those
    that go straight to the driver.

    Yields:
        how many conditions were taken away, by table.
    """
    taken: Counter[str] = Counter()
    original = storage.compiled

    def bare(statement: str) -> str:
        taken.update(_CONDITION.findall(statement))
        without = _CONDITION.sub("TRUE", statement)
        assert "tenant_id" not in without, f"a condition stays: {without}"
        return without

    def executing(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> tuple[str, Any]:
        return bare(statement), parameters

    def compiled(statement: Select[Any]) -> CompiledSelect:
        known = original(statement)
        return replace(known, sql=bare(known.sql))

    event.listen(storage.engine, "before_cursor_execute", executing, retval=True)
    storage.compiled = compiled  # type: ignore[method-assign]
    try:
        yield taken
    finally:
        event.remove(storage.engine, "before_cursor_execute", executing)
        del storage.compiled
