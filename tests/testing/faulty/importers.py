"""Statement importers, each with one fault, over one that reads lines of day and amount."""

import datetime
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import ClassVar

import pytest

from nestegg_core import (
    Question,
    RowProblem,
    Statement,
    StatementAccount,
    StatementError,
    StatementFile,
    StatementImporter,
    StatementRow,
)
from nestegg_testing import StatementImporterConformance, StatementSample

CONTENT = b"PAID EUR\n2026-01-31 -2.50\n2026-02-01 1.2345\n2026-02-30 7\n"


class Lines:
    def recognises(self, file: StatementFile) -> bool:
        return file.content.startswith(b"PAID ")

    def read(self, file: StatementFile, options: Mapping[str, str]) -> Statement:
        for name in options:
            if name != "sign":
                raise StatementError("bad_option", "There is no such option.", option=name)
        if options.get("sign", "+") not in {"+", "-"}:
            raise StatementError("bad_option", "The sign is + or -.", option="sign")
        try:
            head, *lines = file.content.decode("ascii").splitlines()
        except ValueError:
            raise StatementError("no_statement", "The file is no statement.") from None
        sign = -1 if options.get("sign") == "-" else 1
        rows = [self.row(line, number, sign) for number, line in enumerate(lines, 2)]
        return Statement(decisions={"sign": sign}, rows=rows, currency=head[5:] or None)

    def row(self, line: str, number: int, sign: int) -> StatementRow:
        try:
            day, written = line.split(" ")
            amount = Decimal(written)
            if amount.is_finite() and amount == amount.quantize(Decimal("0.0001")):
                return StatementRow(number, datetime.date.fromisoformat(day), sign * amount)
        except (ValueError, InvalidOperation):
            pass
        return StatementRow(number, problems=(RowProblem("bad_row", "The row is no booking."),))


class FaultyConformance(StatementImporterConformance):
    fault: ClassVar[type[Lines]] = Lines
    breaks: ClassVar[set[str]] = set()
    samples = (
        StatementSample(
            StatementFile(CONTENT, "paid.txt"),
            [("2026-01-31", "-2.50"), ("2026-02-01", "1.2345")],
            currency="EUR",
        ),
        StatementSample(
            StatementFile(CONTENT, "paid.txt"),
            [("2026-01-31", "2.50"), ("2026-02-01", "-1.2345")],
            currency="EUR",
            options={"sign": "-"},
        ),
    )
    options: ClassVar[Mapping[str, str]] = {"sign": "`-` turns every sign around."}

    @pytest.fixture
    def subject(self) -> StatementImporter:
        return self.fault()


class GoesByName(Lines):
    def recognises(self, file: StatementFile) -> bool:
        return bool(file.name.endswith(".paid"))


class TestGoesByName(FaultyConformance):
    fault = GoesByName
    breaks: ClassVar = {"test_samples_are_recognised"}


class IgnoresSigns(Lines):
    def row(self, line: str, number: int, sign: int) -> StatementRow:
        row = super().row(line, number, sign)
        return row if row.amount is None else replace(row, amount=abs(row.amount))


class TestIgnoresSigns(FaultyConformance):
    fault = IgnoresSigns
    breaks: ClassVar = {"test_samples_are_read"}


class Remembers(Lines):
    def __init__(self) -> None:
        self.times = 0

    def read(self, file: StatementFile, options: Mapping[str, str]) -> Statement:
        self.times += 1
        return replace(super().read(file, options), decisions={"times": self.times})


class TestRemembers(FaultyConformance):
    fault = Remembers
    breaks: ClassVar = {"test_reading_is_pure"}


class HalfARow(Lines):
    """Keeps the date of a row with problems."""

    def row(self, line: str, number: int, sign: int) -> StatementRow:
        row = super().row(line, number, sign)
        return replace(row, date=datetime.date(2026, 1, 1)) if "2026-02-30" in line else row


class TestHalfARow(FaultyConformance):
    fault = HalfARow
    breaks: ClassVar = {
        "test_rows_have_their_shape",
        *(f"test_damaged_files_are_read_or_refused[{seed}]" for seed in range(20)),
    }


class TakesEverything(Lines):
    def recognises(self, file: StatementFile) -> bool:
        del file
        return True


class TestTakesEverything(FaultyConformance):
    fault = TakesEverything
    breaks: ClassVar = {"test_foreign_files_are_left_to_others"}


class MixesAccounts(Lines):
    """Says of two accounts, and of no row whose it is."""

    def read(self, file: StatementFile, options: Mapping[str, str]) -> Statement:
        accounts = [StatementAccount("a"), StatementAccount("b")]
        return replace(super().read(file, options), accounts=accounts)


class TestMixesAccounts(FaultyConformance):
    fault = MixesAccounts
    breaks: ClassVar = {
        "test_accounts_are_told_apart",
        "test_rows_have_their_shape",
        *(f"test_damaged_files_are_read_or_refused[{seed}]" for seed in range(20)),
    }


class AsksForever(Lines):
    def read(self, file: StatementFile, options: Mapping[str, str]) -> Statement:
        asked = Question("sign", {"+": "in", "-": "out"}, "Nothing tells.", (2,))
        return replace(super().read(file, options), questions=[asked])


class TestAsksForever(FaultyConformance):
    fault = AsksForever
    breaks: ClassVar = {"test_questions_can_be_answered"}


class IgnoresOptions(Lines):
    def read(self, file: StatementFile, options: Mapping[str, str]) -> Statement:
        return super().read(file, {name: v for name, v in options.items() if name == "sign"})


class TestIgnoresOptions(FaultyConformance):
    fault = IgnoresOptions
    breaks: ClassVar = {"test_an_unknown_option_is_refused_by_name"}


class TrustsOptions(Lines):
    def read(self, file: StatementFile, options: Mapping[str, str]) -> Statement:
        if options.get("sign", "+") not in {"+", "-"}:
            raise KeyError(options["sign"])
        return super().read(file, options)


class TestTrustsOptions(FaultyConformance):
    fault = TrustsOptions
    breaks: ClassVar = {"test_wrong_values_of_options_are_refused"}


class TestExplainsNothing(FaultyConformance):
    options: ClassVar[Mapping[str, str]] = {"sign": ""}
    breaks: ClassVar = {"test_options_are_explained"}
