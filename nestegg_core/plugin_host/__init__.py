"""Finds the installed plugins, loads each by itself, and chooses what the settings ask for.

A plugin that fails takes nothing with it: neither another plugin nor the server. Whether the
server starts without it is for `PluginHost.select` to say, which knows what the settings need.

`discovery` -> `loading` (with `kinds`) -> `host` -> `selection`; `records` passes between them.
"""

from nestegg_core.plugin_host.host import PluginHost, configured
from nestegg_core.plugin_host.records import PluginFailure, PluginStatus, Registered, Source, fault
from nestegg_core.plugin_host.selection import Plugins, Selected

__all__ = [
    "PluginFailure",
    "PluginHost",
    "PluginStatus",
    "Plugins",
    "Registered",
    "Selected",
    "Source",
    "configured",
    "fault",
]
