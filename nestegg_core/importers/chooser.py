"""Chooses among the installed importers the one that reads a file."""

from collections.abc import Mapping, Sequence

from nestegg_core.contracts.importers import Statement, StatementFile, StatementImporter
from nestegg_core.errors import PluginFault, StatementError


class Importers:
    """The importers at hand, by name.

    Attributes:
        options: every option that any of them understands, with a line of explanation.
    """

    def __init__(
        self, importers: Mapping[str, StatementImporter], options: Sequence[Mapping[str, str]] = ()
    ) -> None:
        self._importers = dict(sorted(importers.items()))
        self.options = {name: text for known in options for name, text in known.items()}

    def read(
        self, file: StatementFile, options: Mapping[str, str], name: str | None = None
    ) -> tuple[str, Statement]:
        """Read a file with the named importer, or with the one that recognises it.

        Returns:
            the importer's name, and what it read.

        Raises:
            StatementError: no importer of that name, none recognises the file, several do, or
                the one that does cannot read it.
            PluginFault: the importer failed; or none recognises the file, and one failed at it.
        """
        if name is not None:
            if name not in self._importers:
                raise StatementError(
                    "unknown_importer",
                    f"There is no such importer; there are {', '.join(self._importers)}.",
                    option="importer",
                )
            return name, self._importers[name].read(file, options)
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
        return able[0], self._importers[able[0]].read(file, options)

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
