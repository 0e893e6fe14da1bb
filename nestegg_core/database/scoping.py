"""The organization's transaction as the routes of plugins get it: a statement that is not scoped is
refused, on every database alike, and not only where row-level security would hide the other rows.

It guards against mistakes. Code that runs in this process could get around it.
"""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID
from weakref import WeakSet

from sqlalchemy import (
    CompoundSelect,
    CursorResult,
    Delete,
    Executable,
    Insert,
    Join,
    Select,
    TableClause,
    TextClause,
    TextualSelect,
    Update,
)
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import (
    BinaryExpression,
    BindParameter,
    BooleanClauseList,
    ColumnClause,
    Grouping,
)
from sqlalchemy.sql.selectable import FromClauseAlias

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.tables import TENANT_PARAMETER, metadata


class _Held(threading.local):
    def __init__(self) -> None:
        self.readers: list[object] = []
        self.writers: list[object] = []


_held = _Held()


def enter(storage: object, *, write: bool) -> list[object]:
    """Note that this thread opens a transaction; `leave` takes what is returned. `RuntimeError`
    where it would write and a writing one of this thread is open.
    """
    if not write:
        _held.readers.append(storage)
        return _held.readers
    if any(writer is storage for writer in _held.writers):
        raise RuntimeError(
            "This thread has a write transaction open already, and would wait for itself. Hand "
            "that transaction on, or open the second one after it."
        )
    _held.writers.append(storage)
    return _held.writers


def leave(storage: object, held: list[object]) -> None:
    """`held` is the opener's list, also where another thread closes the transaction."""
    held.remove(storage)


def refuse_inside_a_transaction(what: str) -> None:
    """Refuse what may take long, such as a call over the network, while rows may be locked."""
    if _held.readers or _held.writers:
        raise RuntimeError(f"{what} must not be asked for while a transaction is open.")


_KINDS = (Select, CompoundSelect, TextualSelect, Insert, Update, Delete, TextClause)
_OWN_ROW = {"organizations": "id"}
_DATA = re.compile(r"\s*(select|insert|update|delete|with)\b", re.IGNORECASE)

Refuse = Callable[[str], Exception]


class ScopedTransaction:
    """Fulfils `nestegg_core.Transaction` over an organization's; `refuse` makes the error from what
    is wrong with a statement.
    """

    _judged: ClassVar[WeakSet[Any]] = WeakSet()

    def __init__(self, transaction: Transaction, refuse: Refuse) -> None:
        self._transaction = transaction
        self._refuse = refuse

    @property
    def org_id(self) -> UUID:
        return self._transaction.org_id

    def execute(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[Any]:
        self._judge(statement, parameters)
        return self._transaction.execute(statement, parameters)

    def rows(
        self, statement: Select[Any], parameters: Mapping[str, Any]
    ) -> Sequence[Sequence[Any]]:
        self._judge(statement, parameters)
        return self._transaction.rows(statement, parameters)

    def lock(self, name: str) -> None:
        self._transaction.lock(name)

    def _judge(self, statement: Any, parameters: Any) -> None:
        if statement in self._judged:
            return
        given = [parameters] if isinstance(parameters, Mapping) else list(parameters or [])
        if wrong := unscoped(statement, given, self.org_id):
            raise self._refuse(wrong)
        if not isinstance(statement, Insert | Update):  # their values decide as well
            self._judged.add(statement)


def unscoped(statement: Any, parameters: Sequence[Mapping[str, Any]], org_id: UUID) -> str | None:
    """Why a statement is not one of this organization alone; `None` when it is. Every table with
    `org_id`, at every level, must have `in_org(table)` among its conditions.
    """
    if not isinstance(statement, _KINDS):
        return "runs what is no SELECT, INSERT, UPDATE or DELETE"
    if isinstance(statement, TextClause) and not _DATA.match(statement.text):
        return "runs a text that is no SELECT, INSERT, UPDATE or DELETE"
    found = (
        wrong
        for element in visitors.iterate(statement)
        for wrong in _wrong(element, parameters, org_id)
    )
    return next(found, None)


def _wrong(element: Any, parameters: Sequence[Mapping[str, Any]], org_id: UUID) -> Iterator[str]:
    if isinstance(element, TextClause):
        yield from _of_text(element.text)
    elif isinstance(element, ColumnClause) and element.is_literal:
        yield from _of_text(element.name)
    elif isinstance(element, Select):
        froms = element.get_final_froms()
        yield from _of_froms(froms, _conjuncts(element.whereclause))
    elif isinstance(element, Insert):
        yield from _of_insert(element, parameters, org_id)
    elif isinstance(element, Update | Delete):
        if isinstance(element, Update) and _sets_organization(element, parameters):
            yield f"moves rows of {_name(element.table)!r} to another organization"
        yield from _of_froms([element.table], _conjuncts(element.whereclause))


def _of_text(text: str) -> Iterator[str]:
    if ";" in text.rstrip().removesuffix(";"):
        yield "runs a text with a `;` in it: bind values, and run one statement at a time"
    words = set(re.findall(r"\w+", text.lower()))
    for name in sorted(words & set(metadata.tables)):
        if _scope(name) is None:
            yield f"uses the table {name!r}, which is of no organization"
        elif f":{TENANT_PARAMETER}" not in text:
            yield f"uses the table {name!r} in a text without `org_id = :{TENANT_PARAMETER}`"


def _of_froms(froms: Iterable[Any], where: Sequence[Any]) -> Iterator[str]:
    tables: list[Any] = []
    conditions = list(where)
    outer: list[tuple[set[Any], Any]] = []
    for source in froms:
        tables += _tables(source, conditions, outer)
    scoped = {table for table in tables if _is_scoped(table, conditions)}
    scoped |= {t for right, on in outer for t in right if _is_scoped(t, _conjuncts(on))}
    while more := {t for t in tables if t not in scoped and _follows(t, scoped, conditions)}:
        scoped |= more
    for table in tables:
        name = _name(table)
        if name not in metadata.tables:
            continue
        if _scope(name) is None:
            yield f"uses the table {name!r}, which is of no organization"
        elif table not in scoped:
            yield f"uses the table {name!r} without `in_org(...)` among its conditions"


def _tables(one: Any, conditions: list[Any], outer: list[tuple[set[Any], Any]]) -> list[Any]:
    """The tables of a FROM; adds what its joins demand of all rows, or of the right alone."""
    if not isinstance(one, Join):
        return [one]
    left = _tables(one.left, conditions, outer)
    right = _tables(one.right, conditions, outer)
    if not one.isouter and not one.full:
        conditions += _conjuncts(one.onclause)
    elif not one.full:
        outer.append((set(right), one.onclause))
    return left + right


def _of_insert(
    insert: Insert, parameters: Sequence[Mapping[str, Any]], org_id: UUID
) -> Iterator[str]:
    name = _name(insert.table)
    if name not in metadata.tables:
        return
    column = _scope(name)
    if column is None or name in _OWN_ROW:
        yield f"writes into {name!r}, which is of no organization"
    elif insert.select is not None:
        yield f"fills {name!r} from a SELECT, whose organization nothing can tell"
    elif not all(value == org_id for value in _inserted(insert, column, parameters)):
        yield f"writes rows into {name!r} whose {column!r} is not the organization of the call"


def _inserted(
    insert: Insert, column: str, parameters: Sequence[Mapping[str, Any]]
) -> Iterator[Any]:
    compiled: Any = insert
    values = [dict(compiled._values or {})]
    if compiled._multi_values:
        values = [row for rows in compiled._multi_values for row in rows]
    for row in values:
        fixed = {getattr(key, "name", key): value for key, value in row.items()}
        if column in fixed:
            yield getattr(fixed[column], "value", fixed[column])
        elif not parameters:
            yield None
        else:
            yield from (row.get(column) for row in parameters)


def _sets_organization(update: Update, parameters: Sequence[Mapping[str, Any]]) -> bool:
    column = _scope(_name(update.table))
    changed: Any = update
    names = {getattr(key, "name", key) for key in (changed._values or {})}
    names |= {
        getattr(key, "name", key) for key, _ in (getattr(changed, "_ordered_values", None) or ())
    }
    return column in names or any(column in row for row in parameters)


def _conjuncts(clause: Any) -> list[Any]:
    if isinstance(clause, Grouping):
        return _conjuncts(clause.element)
    if isinstance(clause, BooleanClauseList) and clause.operator is operators.and_:
        return [one for part in clause.clauses for one in _conjuncts(part)]
    return [] if clause is None else [clause]


def _is_scoped(table: Any, conditions: Iterable[Any]) -> bool:
    return any(
        _is_column(one, table)
        and isinstance(other, BindParameter)
        and other.key == TENANT_PARAMETER
        for one, other in _equalities(conditions)
    )


def _follows(table: Any, scoped: set[Any], conditions: Iterable[Any]) -> bool:
    return any(
        _is_column(one, table) and any(_is_column(other, known) for known in scoped)
        for one, other in _equalities(conditions)
    )


def _equalities(conditions: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    for one in conditions:
        if isinstance(one, BinaryExpression) and one.operator is operators.eq:
            yield one.left, one.right
            yield one.right, one.left


def _is_column(column: Any, table: Any) -> bool:
    is_its_own = isinstance(column, ColumnClause) and column.table is table
    return is_its_own and column.name == _scope(_name(table))


def _name(table: Any) -> str:
    while isinstance(table, FromClauseAlias):
        table = table.element
    return str(table.name).lower() if isinstance(table, TableClause) else ""


def _scope(name: str) -> str | None:
    """The column that says whose a table's rows are."""
    table = metadata.tables.get(name)
    own = "org_id" if table is not None and "org_id" in table.c else None
    return _OWN_ROW.get(name, own)
