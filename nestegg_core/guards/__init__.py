"""Every call of a plugin's code at run time passes here: what goes wrong in it gets its name.

A guard fulfils the same Protocol as what it guards. It lets pass what the contract allows, and
raises `PluginFault` for everything else, which the log names and the metrics count. Built-ins are
part of the core and go unguarded; a storage's calls are too many for it, and are attributed by
`Blame` when one fails.
"""

from nestegg_core.guards.blame import Blame
from nestegg_core.guards.checks import BoundedCheck
from nestegg_core.guards.encryption import GuardedBackend
from nestegg_core.guards.guard import FaultLog, Guard
from nestegg_core.guards.identity import GuardedProvider
from nestegg_core.guards.importers import GuardedImporter
from nestegg_core.guards.routes import guarded_route

__all__ = [
    "Blame",
    "BoundedCheck",
    "FaultLog",
    "Guard",
    "GuardedBackend",
    "GuardedImporter",
    "GuardedProvider",
    "guarded_route",
]
