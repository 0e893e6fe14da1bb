"""What the host hands to a plugin: once when it registers, once when its object is made."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

SettingsT = TypeVar("SettingsT", bound="BaseSettings")

Clock = Callable[[], datetime]
"""Gives the present moment as an aware datetime in UTC. Tests hand in one that can be moved."""


@dataclass(frozen=True, slots=True)
class HookContext:
    """What every hook may look at while it registers. It grows without breaking a plugin.

    Example:
        >>> HookContext(core_version="0.1.0").core_version
        '0.1.0'
    """

    core_version: str


@dataclass(frozen=True, slots=True)
class PluginContext(Generic[SettingsT]):
    """What a factory gets when the configuration has chosen its registration.

    Attributes:
        settings: the plugin's own settings, loaded and validated.
        environment: `development`, `test` or `production`.
        home: the data folder; a plugin keeps its files in a folder of its own name below it.
        clock: the present moment, aware, in UTC.
    """

    settings: SettingsT
    environment: str
    home: Path
    clock: Clock
