"""Error reporters: where unexpected failures are sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from nestegg_core.contracts.context import PluginContext


class ErrorReporter(Protocol):
    """Sends one failure. It must not raise, nor block the request for more than two seconds.

    Example:
        >>> class ToStandardError:
        ...     def report(self, error, facts):
        ...         print(type(error).__name__, "in", facts.get("route", "no route"))
        >>> reporter: ErrorReporter = ToStandardError()
        >>> reporter.report(KeyError("secret"), {"route": "/api/v1/me"})
        KeyError in /api/v1/me
    """

    def report(self, error: BaseException, facts: Mapping[str, str]) -> None:
        """Take an exception and facts about where it happened.

        What is sent must not hold values of variables: they may be a user's data or a secret.

        Args:
            error: the exception, with its traceback.
            facts: such as `request_id`, `route` and `release`; any may be missing. They never
                hold a user's data, a secret or a request's body.
        """
        ...


@dataclass(frozen=True, slots=True)
class ErrorReporterRegistration:
    """An error reporter on offer: in force when its own settings say so, e.g. `SENTRY_DSN`.

    Attributes:
        name: what reports call it, e.g. `sentry`.
        settings: settings class, loaded at every start.
        factory: makes the reporter; must not touch the network.
        enabled: tells from the loaded settings whether the operator asked for it.

    Example:
        >>> from pydantic_settings import BaseSettings
        >>> class SentrySettings(BaseSettings):
        ...     sentry_dsn: str = ""
        >>> def has_dsn(settings):
        ...     return bool(settings.sentry_dsn)
        >>> sentry = ErrorReporterRegistration(
        ...     "sentry", SentrySettings, lambda context: ..., enabled=has_dsn
        ... )
        >>> sentry.enabled(SentrySettings(sentry_dsn="https://key@sentry.example/1"))
        True
    """

    name: str
    settings: type["BaseSettings"]
    factory: Callable[["PluginContext[Any]"], ErrorReporter]
    enabled: Callable[[Any], bool]
