"""Error reporters: where unexpected failures are sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from nestegg_core.contracts.context import PluginContext


class ErrorReporter(Protocol):
    """Sends one failure. It must not block the request for long and must not raise."""

    def report(self, error: BaseException, facts: Mapping[str, str]) -> None:
        """Take an exception and facts about where it happened (request id, route, release).

        The facts never hold a person's data, a secret or a request's body.
        """
        ...


@dataclass(frozen=True, slots=True)
class ErrorReporterRegistration:
    """An error reporter on offer: in force when its own settings say so, e.g. `SENTRY_DSN`.

    Attributes:
        enabled: tells from the loaded settings whether the operator asked for it.
    """

    name: str
    settings: type["BaseSettings"]
    factory: Callable[["PluginContext[Any]"], ErrorReporter]
    enabled: Callable[[Any], bool]
