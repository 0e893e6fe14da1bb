"""What is installed and what is set, also when nothing can start."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic_settings import BaseSettings

from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.server.listening import ServerSettings
from nestegg_core.settings import CommaList, Environment, Settings, preview
from nestegg_core.settings.loading import fields_of
from nestegg_core.settings.production import doubts

if TYPE_CHECKING:
    from nestegg_core.plugin_host import PluginHost

OF_COMPOSE = frozenset(
    {
        "NESTEGG_PACKAGES",
        "NESTEGG_PLUGINS",
        "NESTEGG_SUBNET",
        "NESTEGG_TAG",
        "POSTGRES_CLIENT",
        "SECRETS_GROUP",
    }
)
"""What `compose.yaml` alone takes from the same `.env`."""


class _Wanted(BaseSettings):
    """The settings that discovery needs, readable when the others are wrong."""

    plugins_disabled: CommaList = ()
    plugins_for_any_core: CommaList = ()


def discover(environment: Environment) -> "PluginHost":
    """Load every plugin that `PLUGINS_DISABLED` does not name, whatever the other settings are."""
    from nestegg_core.plugin_host import PluginHost

    try:
        wanted = environment.preview(_Wanted)
    except ConfigurationError:
        return PluginHost.discover(environment=environment)
    return PluginHost.discover(
        disabled=wanted.plugins_disabled,
        environment=environment,
        any_core=wanted.plugins_for_any_core,
    )


def load_both(
    host: "PluginHost", environment: Environment
) -> tuple[Settings | None, tuple[Problem, ...]]:
    """Return the core's settings, `None` if wrong, and every problem of core and plugins."""
    try:
        settings = preview(environment)
    except ConfigurationError as error:
        return None, host.with_own(error.problems, environment)
    try:
        host.select(settings, environment)
    except ConfigurationError as error:
        return settings, error.problems
    return settings, ()


def doubts_of(environment: Environment, host: "PluginHost") -> Sequence[Problem]:
    if environment.dotenv is None:
        return ()
    known = {
        name
        for _, settings_class in sections(host)
        for field in fields_of(settings_class)
        for name in field.variables
    }
    return tuple(doubts(environment.dotenv, known | OF_COMPOSE))


def sections(host: "PluginHost") -> list[tuple[str, type[BaseSettings]]]:
    found: dict[type[BaseSettings], str] = {Settings: "Core", ServerSettings: "Server"}
    for entry in host.registered():
        settings_class = getattr(entry.registration, "settings", None)
        if settings_class is not None:
            kind = entry.kind.label.capitalize()
            heading = f"{kind} {entry.name} ({entry.source.distribution})"
            found.setdefault(settings_class, heading)
    return [(heading, settings_class) for settings_class, heading in found.items()]
