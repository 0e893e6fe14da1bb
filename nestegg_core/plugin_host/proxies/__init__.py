"""Every call of a plugin's code at run time passes here: what goes wrong in it gets its name.

A guard fulfils the same Protocol as what it guards. It lets pass what the contract allows, and
raises `PluginFault` for everything else, which the log names and the metrics count. Built-ins are
part of the core and go unguarded. A storage's calls are too many to guard, so `Blame` attributes
what comes out of them.
"""

from nestegg_core.plugin_host.proxies.guard import Blame, FaultLog, Guard
from nestegg_core.plugin_host.proxies.providers import BoundedCheck
from nestegg_core.plugin_host.proxies.wiring import GuardedPlugins

__all__ = ["Blame", "BoundedCheck", "FaultLog", "Guard", "GuardedPlugins"]
