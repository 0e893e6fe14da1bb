"""What administrators of the instance see of it."""

from collections.abc import Sequence
from dataclasses import asdict

from nestegg_core.plugin_host import PluginStatus
from nestegg_core.web.models import admin as models
from nestegg_core.web.operation import PREFIX, Answer, Call, operation


class Admin:
    """`/admin`."""

    def __init__(self, plugins: Sequence[PluginStatus]) -> None:
        self._plugins = plugins

    @operation("GET", PREFIX + "/admin/plugins", administrators=True, answer=models.PluginList)
    def plugins(self, _call: Call) -> Answer:
        """List the plugins as they were at the server's start, as `nestegg plugins --json` does."""
        return Answer({"plugins": [asdict(status) for status in self._plugins]})
