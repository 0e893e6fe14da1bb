"""What holds of every statement importer."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import ClassVar

import pytest

from nestegg_core.contracts.importers import Statement, StatementFile, StatementImporter
from nestegg_core.errors import StatementError
from nestegg_testing.conformance.base import Conformance

_DECIMALS = 4
_FOREIGN = (
    StatementFile(b"", "empty"),
    StatementFile(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", "picture.png", "image/png"),
    StatementFile(b"PK\x03\x04\x14\0\0\0\x08\0", "archive.zip", "application/zip"),
    StatementFile(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "letter.pdf", "application/pdf"),
    StatementFile(b"<!doctype html><html><body>Sign in</body></html>", "page.html", "text/html"),
    StatementFile(b"\0" * 512, "zeros"),
)


@dataclass(frozen=True, slots=True)
class StatementSample:
    """A file, and what is to be read from it.

    Attributes:
        file: the upload.
        rows: date and signed amount of each good row, as `("2026-01-31", "-2.50")`.
        options: what the caller sends along.
        currency: what the statement says of it.
        closing_balance: the balance after the newest row, as `"100.00"`.
    """

    file: StatementFile
    rows: Sequence[tuple[str, str]]
    options: Mapping[str, str] = field(default_factory=dict)
    currency: str | None = None
    closing_balance: str | None = None


class StatementImporterConformance(Conformance):
    """Reads samples with a `StatementImporter`, whole and damaged.

    The fixture `subject` returns the importer.

    Attributes:
        samples: files of the importer's formats, at least one. Damaged copies of them are read
            as well.
        options: what was registered: the options with a line of explanation each.
        foreign: files that the importer must not recognise.

    Example:
        ```python
        class TestOfx(StatementImporterConformance):
            samples = (
                StatementSample(StatementFile(OFX, "bank.ofx"), [("2026-01-31", "-2.50")]),
            )

            @pytest.fixture
            def subject(self):
                return OfxImporter()
        ```
    """

    kind = "StatementImporter"
    section = "statement-importer"

    samples: ClassVar[Sequence[StatementSample]] = ()
    options: ClassVar[Mapping[str, str]] = {}
    foreign: ClassVar[Sequence[StatementFile]] = _FOREIGN

    def test_samples_are_recognised(self, subject: StatementImporter) -> None:
        """An importer recognises the files that it reads; without a sample nothing is verified."""
        assert self.samples, "`samples` is empty: add at least one StatementSample"
        for sample in self.samples:
            assert subject.recognises(sample.file) is True, sample.file.name
            bare = StatementFile(sample.file.content)
            assert isinstance(subject.recognises(bare), bool), "without a name and a type"

    def test_samples_are_read(self, subject: StatementImporter) -> None:
        """A sample is read to its rows: dates, and amounts with the sign of the account's view."""
        for sample in self.samples:
            statement = subject.read(sample.file, sample.options)
            rows = [(row.date, row.amount) for row in statement.rows if not row.problems]
            wanted = [(date.fromisoformat(day), Decimal(amount)) for day, amount in sample.rows]
            assert rows == wanted, sample.file.name
            assert statement.currency == sample.currency
            balance = sample.closing_balance
            assert statement.closing_balance == (None if balance is None else Decimal(balance))

    def test_reading_is_pure(self, subject: StatementImporter) -> None:
        """The same file and options give the same answer, whatever was read in between."""
        first = [subject.read(sample.file, sample.options) for sample in self.samples]
        again = [subject.read(sample.file, sample.options) for sample in reversed(self.samples)]
        assert [_plain(one) for one in first] == [_plain(one) for one in reversed(again)]

    def test_rows_have_their_shape(self, subject: StatementImporter) -> None:
        """A row has a line, and either a date and an exact amount of at most four decimals, or
        problems that say why not.
        """
        for statement in self._statements(subject):
            _check_shape(statement)

    def test_foreign_files_are_left_to_others(self, subject: StatementImporter) -> None:
        """What is of another format is not recognised, so that another importer may read it."""
        for file in self.foreign:
            assert subject.recognises(file) is False, file.name

    @pytest.mark.parametrize("seed", range(20))
    def test_damaged_files_are_read_or_refused(self, seed: int, subject: StatementImporter) -> None:
        """Whatever is in a file, recognising it never raises, and reading it raises StatementError
        or gives rows and problems of the right shape.
        """
        for content in _damaged(self.samples, random.Random(seed)):  # noqa: S311 - no secret
            file = StatementFile(content, "damaged")
            assert isinstance(subject.recognises(file), bool)
            statement = _read_or_refused(subject, file)
            if statement is not None:
                _check_shape(statement)

    def test_accounts_are_told_apart(self, subject: StatementImporter) -> None:
        """Accounts of a file have a key each, and every good row of a file with several accounts
        names one of them. `account` is no option of the importer: the application picks.
        """
        assert "account" not in self.options, "the application answers the option `account`"
        for statement in self._statements(subject):
            _check_accounts(statement)

    def test_questions_can_be_answered(self, subject: StatementImporter) -> None:
        """A question names a declared option, and giving any of its choices answers it."""
        for sample in self.samples:
            for question in subject.read(sample.file, sample.options).questions:
                assert question.decision in self.options, "the decision is a declared option"
                assert question.choices, "a question has choices"
                assert question.evidence, "a question says why it is asked"
                for choice in question.choices:
                    answered = {**sample.options, question.decision: choice}
                    again = subject.read(sample.file, answered).questions
                    assert question.decision not in {one.decision for one in again}

    def test_an_unknown_option_is_refused_by_name(self, subject: StatementImporter) -> None:
        """An option that is not declared raises StatementError with the code bad_option and the
        option's name.
        """
        for sample in self.samples:
            with pytest.raises(StatementError) as caught:
                subject.read(sample.file, {**sample.options, "no_such_option": "1"})
            assert (caught.value.code, caught.value.option) == ("bad_option", "no_such_option")

    def test_wrong_values_of_options_are_refused(self, subject: StatementImporter) -> None:
        """A value that a declared option cannot have raises StatementError and nothing else."""
        for sample in self.samples:
            for option in self.options:
                for value in ("", "\0", "9" * 400, "quokka"):
                    _read_or_refused(subject, sample.file, {**sample.options, option: value})

    def test_options_are_explained(self, subject: StatementImporter) -> None:
        """Every option is declared with a line of explanation, and samples use no other."""
        del subject
        assert all(name and text.strip() for name, text in self.options.items())
        used = {option for sample in self.samples for option in sample.options}
        assert used <= set(self.options), "`options` of the class must be those of the registration"

    def _statements(self, subject: StatementImporter) -> list[Statement]:
        return [subject.read(sample.file, sample.options) for sample in self.samples]


def _read_or_refused(
    subject: StatementImporter, file: StatementFile, options: Mapping[str, str] | None = None
) -> Statement | None:
    try:
        return subject.read(file, options or {})
    except StatementError as error:
        refusal = error
    assert refusal.code, "a StatementError needs a code"
    assert str(refusal), "a StatementError says why"
    assert refusal.line >= 0
    return None


def _check_shape(statement: Statement) -> None:
    assert all(isinstance(name, str) for name in statement.decisions)
    assert all(isinstance(warning, str) and warning for warning in statement.warnings)
    _check_accounts(statement)
    for row in statement.rows:
        assert row.line >= 1
        assert row.status in {"booked", "pending", "reverted"}
        assert bool(row.problems) == (row.date is None) == (row.amount is None)
        for problem in row.problems:
            assert problem.code
            assert problem.detail
        if row.amount is not None:
            assert type(row.date) is date
            assert isinstance(row.amount, Decimal), "an amount is never a float"
            exponent = row.amount.as_tuple().exponent
            assert isinstance(exponent, int), "an amount is a number"
            assert -exponent <= _DECIMALS, "an amount has at most four decimals"


def _check_accounts(statement: Statement) -> None:
    keys = [account.key for account in statement.accounts]
    assert all(keys), "an account has a key"
    assert len(set(keys)) == len(keys), "two accounts have one key"
    for row in statement.rows:
        assert row.account in {"", *keys}, "a row names an account that the file does not have"
        if len(keys) > 1 and not row.problems:
            assert row.account, "a good row of a file with several accounts names one"
    for question in statement.questions:
        assert question.account in {"", *keys}, "a question names an account of the file"


def _plain(statement: Statement) -> object:
    several = (statement.rows, statement.warnings, statement.accounts, statement.questions)
    return (dict(statement.decisions), *map(list, several))


def _damaged(samples: Sequence[StatementSample], dice: random.Random) -> list[bytes]:
    """Return random bytes, and samples that were cut, doubled or written over."""
    damaged = [dice.randbytes(dice.randrange(400))]
    for sample in samples:
        content = sample.file.content
        start, end = sorted(dice.randrange(len(content) + 1) for _ in range(2))
        scribble = dice.choice((b"", b"\0", b"\xff\xfe", b'"', b",;\t", dice.randbytes(8)))
        damaged += [
            content[:end],
            content[start:],
            content[:start] + scribble + content[end:],
            content[:end] + content[start:],
        ]
    return damaged
