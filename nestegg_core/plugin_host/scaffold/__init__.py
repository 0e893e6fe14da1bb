"""Writes the first version of a plugin: a distribution that installs and passes its own tests.

The templates lie beside this module and are part of the core's wheel, so that they cannot fall
behind it; a test generates, installs and tests one of every kind.
"""

from nestegg_core.plugin_host.scaffold.names import KINDS, InvalidName, Names, names_for
from nestegg_core.plugin_host.scaffold.writer import write

__all__ = ["KINDS", "InvalidName", "Names", "names_for", "write"]
