"""Which column is what: by its name in the header, backed by what it holds, or by that alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nestegg_core.errors import StatementError
from nestegg_core.importers.csv.amounts import (
    currency_of,
    direction,
    looks_like_amount,
    looks_like_money,
)
from nestegg_core.importers.csv.dates import looks_like_date
from nestegg_core.importers.csv.options import COLUMN_ROLES, Options, bad_option
from nestegg_core.importers.csv.table import MOST_COLUMNS, Row, Table, roles
from nestegg_core.importers.csv.vocabulary import key

_SAMPLE = 1_000
_MOSTLY = 0.5
_NEARLY_ALL = 0.8


@dataclass(slots=True)
class Columns:
    """The column of each role; those of `description` are joined. A role without one is absent."""

    single: dict[str, int] = field(default_factory=dict)
    description: tuple[int, ...] = ()

    def get(self, role: str) -> int | None:
        return self.single.get(role)


class Sample:
    """A look at the columns of a table, through rows taken evenly from all of it."""

    def __init__(self, rows: Sequence[Row], width: int) -> None:
        self._rows = rows[:: max(1, len(rows) // _SAMPLE)]
        self.width = width

    def filled(self, index: int) -> list[str]:
        return [cell for row in self._rows if (cell := row.cell(index))]

    def fits(self, index: int, test: Callable[[str], bool], share: float) -> bool:
        cells = self.filled(index)
        return bool(cells) and sum(map(test, cells)) >= share * len(cells)


def choose_columns(table: Table, explicit: Columns, refused: frozenset[str]) -> Columns:
    """Find the columns that the caller did not name; `refused` roles have none."""
    return _Chooser(table, explicit, refused).choose()


class _Chooser:
    def __init__(self, table: Table, explicit: Columns, refused: frozenset[str]) -> None:
        self._sample = Sample(table.rows, table.width)
        self._found = Columns(dict(explicit.single), explicit.description)
        self._refused = refused
        self._named = [roles(name) for name in table.header]

    def choose(self) -> Columns:
        self._date()
        self._money()
        self._take("balance", looks_like_amount)
        if "amount" in self._found.single:
            self._sign()
        self._take("currency", lambda cell: bool(currency_of(cell)))
        self._account()
        for role in ("category", "notes", "external_id", "check", "card"):
            self._take(role)
        self._texts()
        return self._found

    def _open(self, role: str) -> bool:
        return role not in self._found.single and role not in self._refused

    def _taken(self) -> set[int]:
        return {*self._found.single.values(), *self._found.description}

    def _candidates(self, role: str) -> list[int]:
        """Columns whose names fit, the best first."""
        taken = self._taken()
        fitting = [
            (fits[role], index)
            for index, fits in enumerate(self._named)
            if role in fits and index not in taken
        ]
        return [index for _, index in sorted(fitting)]

    def _free(self) -> list[int]:
        """Columns that no name speaks for: what they hold decides."""
        taken = self._taken()
        return [
            index
            for index in range(self._sample.width)
            if index not in taken and not (index < len(self._named) and self._named[index])
        ]

    def _take(
        self, role: str, test: Callable[[str], bool] = bool, share: float = _MOSTLY
    ) -> int | None:
        """Give a role to the first column that is named for it and holds what it should."""
        if self._open(role):
            for index in self._candidates(role):
                if self._sample.fits(index, test, share):
                    self._found.single[role] = index
                    return index
        return None

    def _give(self, role: str, columns: Sequence[int]) -> None:
        if columns:
            self._found.single[role] = columns[0]

    def _date(self) -> None:
        if not self._open("date"):
            return
        named = self._candidates("date")
        dated = [i for i in named if self._sample.fits(i, looks_like_date, _MOSTLY)]
        fullest = max((len(self._sample.filled(index)) for index in dated), default=0)
        # The better name loses to a fuller column: some banks leave one of two dates empty.
        good = [i for i in dated if len(self._sample.filled(i)) >= _MOSTLY * fullest]
        good += [i for i in self._free() if self._sample.fits(i, looks_like_date, _NEARLY_ALL)]
        good += [index for index in named if self._sample.filled(index)]
        if not good:
            raise _missing("date", "holds the dates")
        self._give("date", good)

    def _money(self) -> None:
        explicit = self._found.single.keys() & {"amount", "debit", "credit"}
        if "amount" in explicit:
            return
        for role in ("debit", "credit"):
            self._take(role, looks_like_amount)
        pair = self._found.single.keys() & {"debit", "credit"}
        for role, other in (("debit", "credit"), ("credit", "debit")):
            if other in pair and self._open(role):
                # A month without income has an empty column of deposits.
                empty = [i for i in self._candidates(role) if not self._sample.filled(i)]
                self._give(role, empty)
        if explicit:
            return
        if not {"debit", "credit"} <= self._found.single.keys() and self._amount():
            for role in ("debit", "credit"):
                self._found.single.pop(role, None)
        if not self._found.single.keys() & {"amount", "debit", "credit"}:
            self._unlikely_amount()

    def _amount(self) -> bool:
        if self._take("amount", looks_like_amount) is not None:
            return True
        if self._found.single.keys() & {"debit", "credit"} or not self._open("amount"):
            return False
        numbers = [
            index
            for index in self._free()
            if self._sample.fits(index, looks_like_amount, _NEARLY_ALL)
            and not self._sample.fits(index, looks_like_date, _MOSTLY)
        ]
        money = [i for i in numbers if self._sample.fits(i, looks_like_money, _MOSTLY)]
        best = max(money or numbers, key=lambda i: len(self._sample.filled(i)), default=None)
        if best is not None:
            self._found.single["amount"] = best
        return best is not None

    def _unlikely_amount(self) -> None:
        """Take a column that is only called an amount: its rows then say what is wrong."""
        named = [
            (role, index)
            for role in ("amount", "debit", "credit")
            if self._open(role)
            for index in self._candidates(role)
            if self._sample.filled(index)
        ]
        if not named:
            raise _missing("amount", "holds the amounts")
        self._found.single.update(named[:1])

    def _sign(self) -> None:
        def test(cell: str) -> bool:
            return direction(cell) != 0

        if self._take("sign", test, _NEARLY_ALL) is None and self._open("sign"):
            # Without a name to go by, both directions must be there to be told apart.
            signs = [
                index
                for index in self._free()
                if self._sample.fits(index, test, 1)
                and len({direction(cell) for cell in self._sample.filled(index)}) > 1
            ]
            self._give("sign", signs)

    def _account(self) -> None:
        """Find the own account; a column with ever new numbers is the other side's."""
        if self._open("account"):
            for index in self._candidates("account"):
                cells = self._sample.filled(index)
                if cells and len(set(cells)) <= max(2, len(cells) // 3):
                    self._found.single["account"] = index
                    return

    def _texts(self) -> None:
        if self._take("payee") is None and self._open("payee"):
            self._give("payee", self._candidates("payee"))
        merchants = [i for i, fits in enumerate(self._named) if "merchant" in fits]
        self._give("merchant", merchants)
        if self._found.description or "description" in self._refused:
            texts: list[int] = []
        else:
            texts = [i for i in self._candidates("description") if self._sample.filled(i)]
            if not texts and "payee" not in self._found.single:
                texts = [i for i in self._free() if self._sample.fits(i, _is_text, _MOSTLY)]
        if texts and self._open("payee"):
            self._found.single["payee"] = texts[0]
        rest = tuple(sorted(set(texts) - {self._found.single.get("payee", -1)}))
        self._found.description = self._found.description or rest


def _is_text(cell: str) -> bool:
    return any(c.isalpha() for c in cell) and not (looks_like_date(cell) or looks_like_amount(cell))


def _missing(role: str, what: str) -> StatementError:
    return StatementError(
        f"no_{role}_column",
        f"No column {what}, by its name or its cells. Name one in `{role}_column`.",
    )


_JOIN = "|"
_LONGEST = 100


def explicit_columns(table: Table, options: Options) -> tuple[Columns, frozenset[str]]:
    """Look up the columns that the caller named, and the roles that have none."""
    explicit, refused = Columns(), set()
    for role, value in options.columns.items():
        if not value.strip():
            if role == "date":
                raise bad_option("date_column", "A statement cannot do without a date column.")
            refused.add(role)
        elif role == "description":
            explicit.description = _find_several(table, value)
        else:
            explicit.single[role] = _find(table, value, role)
    return explicit, frozenset(refused)


def label(table: Table, index: int | None) -> str | None:
    """Name a column so that the same option finds it again; None for no column."""
    if index is None:
        return None
    name = table.header[index] if index < len(table.header) else ""
    usable = _JOIN not in name and name.isprintable() and len(name) <= _LONGEST
    return name if name and usable and _lookup(table, name) == index else str(index + 1)


def labels(table: Table, columns: Columns) -> dict[str, str | None]:
    named = {f"{role}_column": label(table, columns.get(role)) for role in COLUMN_ROLES}
    several = [label(table, index) or "" for index in columns.description]
    return named | {"description_column": _JOIN.join(several) or None}


def _find_several(table: Table, value: str) -> tuple[int, ...]:
    whole = _lookup(table, value)
    if whole is not None:
        return (whole,)
    return tuple(_find(table, part, "description") for part in value.split(_JOIN))


def _find(table: Table, value: str, role: str) -> int:
    index = _lookup(table, value)
    if index is None:
        known = f"Its header has {len(table.header)} names" if table.header else "It has no header"
        raise bad_option(
            f"{role}_column",
            f"The file has no such column. {known} and {table.width} columns, counted from 1.",
        )
    return index


def _lookup(table: Table, value: str) -> int | None:
    exact = [i for i, name in enumerate(table.header) if name == value.strip()]
    alike = [i for i, name in enumerate(table.header) if key(value) and key(name) == key(value)]
    if exact or alike:
        return (exact or alike)[0]
    number = value.strip()
    if number.isascii() and number.isdecimal() and len(number) <= len(str(MOST_COLUMNS)):
        index = int(number) - 1
        return index if 0 <= index < table.width else None
    return None
