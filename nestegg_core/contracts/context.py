"""What the host hands to a plugin: once when it registers, once when its object is made."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

SettingsT = TypeVar("SettingsT", bound="BaseSettings")

Clock = Callable[[], datetime]
"""Gives the present moment as an aware datetime in UTC. Tests hand in one that can be moved.

Example:
    >>> from datetime import UTC
    >>> clock: Clock = lambda: datetime.now(UTC)
    >>> clock().tzinfo
    datetime.timezone.utc
"""


def _no_settings(settings_class: type[Any]) -> Any:
    raise LookupError(f"this context was made without settings for {settings_class.__name__}")


@dataclass(frozen=True, slots=True)
class HookContext:
    """What every hook may look at while it registers. It grows without breaking a plugin.

    Attributes:
        core_version: the running core's version.
        loader: gives an instance of a settings class; use `load`, which is typed.

    Example:
        >>> HookContext(core_version="0.1.0").core_version
        '0.1.0'
    """

    core_version: str
    loader: Callable[[type[Any]], Any] = field(default=_no_settings, repr=False)

    def load(self, settings_class: type[SettingsT]) -> SettingsT:
        """Return the plugin's settings, from where all settings come.

        For what has no factory: checks, jobs, commands and routes. Call it when they run and not
        in the hook, whose error would cost the whole plugin.

        Raises:
            ConfigurationError: with everything that is wrong with them.
        """
        settings: SettingsT = self.loader(settings_class)
        return settings


@dataclass(frozen=True, slots=True)
class PluginContext(Generic[SettingsT]):
    """What a factory gets when the configuration has chosen its registration.

    Attributes:
        settings: the plugin's own settings, loaded and validated.
        environment: `development`, `test` or `production`.
        home: the data folder; a plugin keeps its files in a folder of its own name below it.
        clock: the present moment, aware, in UTC.

    Example:
        >>> from datetime import UTC
        >>> noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
        >>> PluginContext(None, "test", Path("var"), clock=lambda: noon).clock().hour
        12
    """

    settings: SettingsT
    environment: str
    home: Path
    clock: Clock
