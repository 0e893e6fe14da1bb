"""Statements: which importer reads a file."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nestegg_core.application import Kernel
    from nestegg_core.importers.select import Importers


@dataclass(frozen=True)
class ImporterServices:
    importers: "Importers"


def wire(kernel: "Kernel") -> ImporterServices:
    from nestegg_core.importers.select import Importers

    options = [chosen.registration.options for chosen in kernel.selected.statement_importers]
    return ImporterServices(Importers(kernel.guarded.statement_importers(), options))
