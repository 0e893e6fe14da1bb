"""What a plugin's factory gets, made for a test from variables as an operator writes them."""

from pathlib import Path
from typing import TypeVar

from pydantic_settings import BaseSettings

from nestegg_core.contracts.context import Clock, PluginContext
from nestegg_core.settings import Environment

S = TypeVar("S", bound=BaseSettings)


class MakeContext:
    """Makes plugin contexts; the fixture `plugin_context` is one.

    Args:
        home: the data folder.
        clock: what the plugin takes for the present moment.

    Example:
        >>> from nestegg_testing import MovableClock
        >>> class OktaSettings(BaseSettings):
        ...     idp_okta_issuer: str
        >>> plugin_context = MakeContext(Path("var"), MovableClock())
        >>> plugin_context(OktaSettings, IDP_OKTA_ISSUER="https://id.example").settings
        OktaSettings(idp_okta_issuer='https://id.example')
    """

    def __init__(self, home: Path, clock: Clock) -> None:
        self._home = home
        self._clock = clock

    def __call__(self, settings: type[S], **variables: str) -> PluginContext[S]:
        """Load settings as the server does, and return the context with them.

        Args:
            settings: the plugin's settings class.
            variables: environment variables, e.g. `IDP_OKTA_ISSUER="https://id.example"`.
                Nothing else is read. `ENVIRONMENT` is `test` when not given.

        Raises:
            ConfigurationError: with everything that is wrong with the variables.
        """
        given = {"ENVIRONMENT": "test", "NESTEGG_HOME": str(self._home), **variables}
        environment = Environment.read(given, dotenv=None)
        return PluginContext(
            settings=environment.load(settings),
            environment=given["ENVIRONMENT"],
            home=self._home,
            clock=self._clock,
        )
