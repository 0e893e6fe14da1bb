"""Finds the installed plugins, loads each by itself, and chooses what the settings ask for.

A plugin that fails takes nothing with it: neither another plugin nor the server. Whether the
server starts without it is for `PluginHost.select` to say, which knows what the settings need.

`candidates` -> `loading` (with `kinds`) -> `host` -> `selection` (with `missing`) or `statuses`;
`records` and `chosen` hold what passes between them.
"""

from nestegg_core.plugin_host.host import PluginHost, configured
from nestegg_core.plugin_host.records import Offer, PluginFailure, PluginStatus, Source, fault
from nestegg_core.plugin_host.selection import Chosen, Plugins

__all__ = [
    "Chosen",
    "Offer",
    "PluginFailure",
    "PluginHost",
    "PluginStatus",
    "Plugins",
    "Source",
    "configured",
    "fault",
]
