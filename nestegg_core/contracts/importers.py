"""Statement importers: a bank's file in, dated amounts out. They store nothing."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from nestegg_core.contracts.context import PluginContext


@dataclass(frozen=True, slots=True)
class StatementFile:
    """A file as it was uploaded.

    Attributes:
        content: the bytes, within the server's limit.
        name: the file's name without folders; may be empty.
        content_type: as the client said it; may be empty.

    Example:
        >>> StatementFile(b"Date,Amount", "january.csv", "text/csv").name
        'january.csv'
    """

    content: bytes = field(repr=False)
    name: str = ""
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row cannot be taken.

    Attributes:
        code: stable, for programs, e.g. `bad_date`.
        detail: for users; never repeats more of the row than the name of its column.
        field: which value is wrong: `date`, `amount`, `payee`, ...; empty for the whole row.

    Example:
        >>> RowProblem("bad_date", "The date does not exist.", "date").field
        'date'
    """

    code: str
    detail: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One booking of a statement, or the reason why it cannot be read.

    Attributes:
        line: where the row begins in the file, counted from 1.
        date: booking day.
        amount: signed: money into the account is positive, out of it negative. At most four
            decimals.
        payee: the other side, or the bank's text where it names none.
        description: what it was for; may be empty.
        category: the file's own word for it; may be empty.
        notes: free remarks; may be empty.
        external_id: the bank's id of the booking; evidence, never proof.
        problems: empty for a good row; `date` and `amount` are set exactly then.
        account: key of one of the statement's accounts; empty where the file has one account.
        currency: ISO 4217 code of the amount, where the row itself says one.
        status: only what is `booked` is booked; `pending` may change or vanish yet, `reverted`
            was taken back or failed. Both are shown.

    Example:
        >>> row = StatementRow(2, datetime.date(2026, 1, 31), Decimal("-2.50"), payee="Bakery")
        >>> row.problems
        ()
    """

    line: int
    date: datetime.date | None = None
    amount: Decimal | None = None
    payee: str = ""
    description: str = ""
    category: str = ""
    notes: str = field(default="", repr=False)
    external_id: str = ""
    problems: tuple[RowProblem, ...] = ()
    account: str = ""
    currency: str | None = None
    status: Literal["booked", "pending", "reverted"] = "booked"


@dataclass(frozen=True, slots=True)
class StatementAccount:
    """An account that a file tells of.

    Attributes:
        key: differs from account to account of the file; rows refer to it.
        number: the account's number or IBAN as the file writes it; may be masked or empty.
        currency: ISO 4217 code, where the file says one.
        name: what the file calls the account; may be empty.
        opening_balance: the balance before the account's first row, where the file tells.
        closing_balance: the balance after its newest row, where the file tells.

    Example:
        >>> account = StatementAccount("1", "DE02120300000000202051", "EUR")
        >>> account.closing_balance is None
        True
    """

    key: str
    number: str = field(default="", repr=False)
    currency: str | None = None
    name: str = ""
    opening_balance: Decimal | None = None
    closing_balance: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What the importer cannot be certain of; nothing is booked until it is answered.

    Attributes:
        decision: name of the option that answers it.
        choices: what the option can be, each with what it would mean.
        evidence: what speaks for and against, one sentence.
        lines: lines of the rows that it is about, or of the first few of them.
        account: key of the account that it is about; empty for the whole file.

    Example:
        >>> question = Question(
        ...     "date_order",
        ...     {"day": "03/04 is 3 April", "month": "03/04 is 4 March"},
        ...     "No day in the file is above 12.",
        ...     lines=(2, 3),
        ... )
        >>> list(question.choices)
        ['day', 'month']
    """

    decision: str
    choices: Mapping[str, str]
    evidence: str
    lines: Sequence[int] = ()
    account: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A file, read.

    Attributes:
        decisions: what was decided for the whole file, as JSON values, in the importer's own
            words; the same names are the options that override them.
        rows: every row in the file's order, the bad ones too.
        warnings: what a user should look at before committing, one sentence each.
        currency: ISO 4217 code, where the whole file says one.
        closing_balance: the account's balance after the newest row, where the file tells.
        accounts: the accounts that the file names. Where there are several, every good row says
            whose it is, and the caller picks one with the option `account`, which the
            application answers itself: importers do not declare it.
        questions: what a user has to decide before anything is booked. An option that is given
            is an answer, and its question is not asked again.

    Example:
        >>> Statement(decisions={"encoding": "utf-8"}, rows=[], currency="EUR").warnings
        ()
    """

    decisions: Mapping[str, Any]
    rows: Sequence[StatementRow]
    warnings: Sequence[str] = ()
    currency: str | None = None
    closing_balance: Decimal | None = None
    accounts: Sequence[StatementAccount] = ()
    questions: Sequence[Question] = ()


class StatementImporter(Protocol):
    """Reads one family of file formats. Pure: the same file and options give the same answer.

    Example:
        >>> class OneLine:
        ...     def recognises(self, file):
        ...         return file.content.startswith(b"PAID ")
        ...
        ...     def read(self, file, options):
        ...         _, day, amount = file.content.decode("ascii").split()
        ...         row = StatementRow(1, datetime.date.fromisoformat(day), -Decimal(amount))
        ...         return Statement(decisions={}, rows=[row])
        >>> importer: StatementImporter = OneLine()
        >>> importer.read(StatementFile(b"PAID 2026-01-31 2.50"), {}).rows[0].amount
        Decimal('-2.50')
    """

    def recognises(self, file: StatementFile) -> bool:
        """Tell from the first bytes, name or type whether `read` is worth trying. Never raises."""
        ...

    def read(self, file: StatementFile, options: Mapping[str, str]) -> Statement:
        """Read the whole file.

        Decisions (encoding, date format, decimal mark) are made once, from all rows, and never
        row by row.

        Args:
            file: what was uploaded.
            options: the caller's overrides of decisions, by name.

        Raises:
            StatementError: the file is no statement, or an option is not understood; says why
                and in which line or option. An option that is not declared has the code
                `bad_option`. Nothing else is raised, whatever is in the file.
        """
        ...


@dataclass(frozen=True, slots=True)
class StatementImporterRegistration:
    """A statement importer on offer, chosen by what recognises the file.

    Attributes:
        name: what callers write in `importer`, e.g. `ofx`.
        settings: settings class, loaded when the importer is installed and in order.
        factory: makes the importer.
        options: the options that `read` understands, each with a line of explanation.

    Example:
        >>> from pydantic_settings import BaseSettings
        >>> class NoSettings(BaseSettings):
        ...     pass
        >>> options = {"encoding": "Encoding of the file, e.g. utf-8."}
        >>> StatementImporterRegistration("ofx", NoSettings, lambda context: ..., options).name
        'ofx'
    """

    name: str
    settings: type["BaseSettings"]
    factory: Callable[["PluginContext[Any]"], StatementImporter]
    options: Mapping[str, str]
