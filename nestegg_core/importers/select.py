"""Chooses among the installed importers the one that reads a file."""

from collections.abc import Mapping, Sequence

from nestegg_core.contracts.importers import Statement, StatementFile, StatementImporter
from nestegg_core.errors import PluginFault, StatementError
from nestegg_core.importers.own_account import ACCOUNT, EXPLANATION, of_one_account


class Importers:
    def __init__(
        self, importers: Mapping[str, StatementImporter], options: Sequence[Mapping[str, str]] = ()
    ) -> None:
        self._importers = dict(sorted(importers.items()))
        known = {name: text for each in options for name, text in each.items()}
        self.options = {**known, ACCOUNT: EXPLANATION}

    def read(
        self, file: StatementFile, options: Mapping[str, str], name: str | None = None
    ) -> tuple[str, Statement]:
        """Read a file with the named importer, or with the only one that recognises it.

        `options` are the importer's, and `account` for one account of several. Where none
        recognises the file and one failed at it, its PluginFault is raised.
        """
        name = self._chosen(file) if name is None else self._known(name)
        own = {option: value for option, value in options.items() if option != ACCOUNT}
        statement = self._importers[name].read(file, own)
        return name, of_one_account(statement, options.get(ACCOUNT))

    def _known(self, name: str) -> str:
        if name not in self._importers:
            raise StatementError(
                "unknown_importer",
                f"There is no such importer; there are {', '.join(self._importers)}.",
                option="importer",
            )
        return name

    def _chosen(self, file: StatementFile) -> str:
        if not file.content:
            raise StatementError("empty_file", "The file is empty.")
        able, faults = self._able(file)
        if not able and faults:
            raise faults[0]
        if not able:
            raise StatementError(
                "unrecognised",
                "The file is of no known kind; there are importers for "
                f"{', '.join(self._importers)}.",
            )
        if len(able) > 1:
            raise StatementError(
                "ambiguous_importer",
                f"Several importers can read the file: name one of {', '.join(able)}.",
                option="importer",
            )
        return able[0]

    def _able(self, file: StatementFile) -> tuple[list[str], list[PluginFault]]:
        """Ask every importer: one that fails must not keep the others from their files."""
        able: list[str] = []
        faults: list[PluginFault] = []
        for name, importer in self._importers.items():
            try:
                if importer.recognises(file):
                    able.append(name)
            except PluginFault as fault:
                faults.append(fault)
        return able, faults
