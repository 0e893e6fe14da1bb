"""Spreadsheets of banks: XLSX, XLSB, XLS and ODS, and pages and XML that are named .xls.

A sheet becomes the text of a CSV file and is read by the core's CSV importer: which column is what,
what the signs mean and what the balances verify is decided there, for every table alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from pydantic_settings import BaseSettings

from nestegg_core import (
    PluginContext,
    Question,
    Statement,
    StatementError,
    StatementFile,
    StatementImporterRegistration,
    hookimpl,
)
from nestegg_core.importers.csv import CSV_OPTIONS
from nestegg_import_excel.sheets import Sheet, kind_of, sheets_of

_NOT_OURS = ("delimiter", "encoding")  # a sheet has neither
_MOST_SHEETS = 20

OPTIONS: Mapping[str, str] = MappingProxyType(
    {name: text for name, text in CSV_OPTIONS.items() if name not in _NOT_OURS}
    | {"sheet": "Number or name of the sheet, or number of the table on a page; counted from 1."}
)


class ExcelSettings(BaseSettings):
    """Nothing to set: an upload says what its file needs."""


class Excel:
    """Fulfils `nestegg_core.StatementImporter`."""

    def __init__(self) -> None:
        # Where a statement is read: other processes load plugins as well.
        from nestegg_core.importers.csv import CsvImporter  # noqa: PLC0415

        self._csv = CsvImporter()

    def recognises(self, file: StatementFile) -> bool:
        """Look for what a workbook begins with, or for a table in HTML or SpreadsheetML."""
        return bool(kind_of(file.content))

    def read(self, file: StatementFile, options: Mapping[str, str]) -> Statement:
        """Read the chosen sheet, or the only one that is a statement; ask if there are several.

        Raises:
            StatementError: no sheet is a statement, the file is damaged, encrypted or too large,
                or an option is wrong.
        """
        for name in options:
            if name not in OPTIONS:
                raise StatementError("bad_option", "There is no such option.", option=name)
        sheets, hidden = sheets_of(file.content)
        chosen = options.get("sheet")
        tried = sheets[:_MOST_SHEETS] if chosen is None else [_chosen(sheets, chosen)]
        found: list[tuple[Sheet, Statement]] = []
        refusal = StatementError("empty_file", "No sheet of the file has anything in it.")
        refused = 0
        for sheet in tried:
            try:
                found.append((sheet, self._read(sheet, options)))
            except StatementError as error:
                # The first refusal stands for all.
                refusal = refusal if refused else error
                refused += 1
        if not found:
            raise refusal
        sheet, statement = found[0]
        return replace(
            statement,
            decisions={**_decisions(statement), "sheet": str(sheet.number)},
            warnings=[*statement.warnings, *_remarks(hidden, len(sheets))],
            questions=[*statement.questions, *_several(found)],
        )

    def _read(self, sheet: Sheet, options: Mapping[str, str]) -> Statement:
        own = {name: value for name, value in options.items() if name != "sheet"}
        certain = {"delimiter": ","} | ({"decimal_mark": "."} if sheet.has_numbers else {})
        return self._csv.read(StatementFile(sheet.content), certain | own)


def _chosen(sheets: Sequence[Sheet], chosen: str) -> Sheet:
    for sheet in sheets:
        if chosen in {str(sheet.number), sheet.name} - {""}:
            return sheet
    numbers = ", ".join(str(sheet.number) for sheet in sheets)
    raise StatementError(
        "bad_option",
        f"There is no such sheet with anything in it; there are {numbers}.",
        option="sheet",
    )


def _decisions(statement: Statement) -> Mapping[str, object]:
    return {name: what for name, what in statement.decisions.items() if name not in _NOT_OURS}


def _remarks(hidden: int, sheets: int) -> list[str]:
    remarks = []
    if hidden:
        remarks.append(f"{hidden} hidden sheet(s) were left out.")
    if sheets > _MOST_SHEETS:
        remarks.append(f"Only the first {_MOST_SHEETS} of {sheets} sheets were looked at.")
    return remarks


def _several(found: Sequence[tuple[Sheet, Statement]]) -> list[Question]:
    if len(found) == 1:
        return []
    choices = {
        str(sheet.number): f"Sheet {sheet.number}, with {len(statement.rows)} row(s)."
        for sheet, statement in found
    }
    evidence = f"{len(found)} sheets can be read as statements. Import one after the other."
    return [Question("sheet", choices, evidence)]


def make(context: PluginContext[ExcelSettings]) -> Excel:
    """Make the importer."""
    del context
    return Excel()


@hookimpl
def nestegg_statement_importers() -> Sequence[StatementImporterRegistration]:
    """Offer the importer `excel`."""
    return [StatementImporterRegistration("excel", ExcelSettings, make, options=OPTIONS)]
