"""Whose code raised an error that nobody expected."""

from collections.abc import Iterator, Mapping
from types import FrameType

from nestegg_core import foreign
from nestegg_core.errors import PluginFault
from nestegg_core.guards.guard import Guard

CORE = "nestegg_core"


class Blame:
    """Finds the plugin that an unexpected error comes from, by its traceback.

    It costs nothing until something fails, so it serves where calls are many (storages) or cannot
    be seen (what a plugin's object does later).

    Args:
        guards: by the top-level package of each plugin.
    """

    def __init__(self, guards: Mapping[str, Guard]) -> None:
        self._guards = guards

    def fault(self, error: BaseException) -> PluginFault | None:
        """Return the recorded fault of the plugin whose code raised the error, if it was one's.

        Of the frames that are the core's or a plugin's, the innermost decides: what lies below it
        is libraries, which do what they are told.
        """
        error = foreign.raised(error)
        for frame in reversed(list(_frames(error))):
            package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
            if package == CORE:
                return None
            if guard := self._guards.get(package):
                name = frame.f_code.co_name
                return guard.fault(name, f"raised {type(error).__name__}", error)
        return None


def _frames(error: BaseException) -> Iterator[FrameType]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next
