"""Unexpected errors go to Sentry: what failed and where, and nothing of anybody's data.

The SDK is imported where Sentry is asked for: without a DSN no process has it in memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from multiprocessing.util import Finalize
from traceback import walk_tb
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings

from nestegg_core import (
    ErrorReporterRegistration,
    HookContext,
    NestEggError,
    PluginContext,
    hookimpl,
)

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

FRAMES = 100
"""Frames of one error, the innermost, and links in the chain of its causes."""

LONGEST = 200
"""Characters of a tag, as Sentry takes no more."""

FLUSH_SECONDS = 2.0

_KEPT = frozenset(
    {"environment", "event_id", "exception", "level", "platform", "release", "tags", "timestamp"}
)


def _is_dsn(value: SecretStr) -> SecretStr:
    from sentry_sdk.utils import BadDsn, Dsn  # noqa: PLC0415 - see this file's head

    try:
        Dsn(value.get_secret_value())
    except (BadDsn, ValueError):
        # A port that is no number is a ValueError as well. Neither's text may be told: it repeats
        # parts of the value.
        raise ValueError("write https://KEY@HOST/PROJECT, as Sentry's settings show") from None
    return value


class SentrySettings(BaseSettings):
    """The variable of this reporter, which is in force when it is set."""

    sentry_dsn: Annotated[SecretStr, AfterValidator(_is_dsn)] | None = Field(
        default=None,
        description="Where Sentry takes errors: https://KEY@HOST/PROJECT. The reporter is in force "
        "when it is set.",
    )


class Sentry:
    """Fulfils `nestegg_core.ErrorReporter`.

    Errors are put into a queue, from which a thread of the SDK's sends them; it is started when
    the first error comes, so after every fork.

    Args:
        dsn: where to send to.
        environment: `production` and the like.
        release: of the core, for errors whose facts name none.
    """

    def __init__(self, dsn: str, *, environment: str, release: str = "") -> None:
        from sentry_sdk import Client  # noqa: PLC0415 - see this file's head

        self._client = Client(
            dsn=dsn,
            environment=environment,
            release=release,
            server_name="",  # else the SDK asks for the machine's name
            debug=False,
            spotlight=False,
            default_integrations=False,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            send_client_reports=False,
            enable_backpressure_handling=False,
            enable_metrics=False,
            include_local_variables=False,
            include_source_context=False,
            max_breadcrumbs=0,
            max_request_body_size="never",
            shutdown_timeout=FLUSH_SECONDS,
            before_send=_only_what_is_ours,
        )
        # At the end of every kind of process: workers are forked by multiprocessing, where `atexit`
        # has no say before Python 3.13.
        Finalize(None, self._client.close, kwargs={"timeout": FLUSH_SECONDS}, exitpriority=1)

    def report(self, error: BaseException, facts: Mapping[str, str]) -> None:
        """Put an error into the queue; when that is full, it is dropped."""
        tags = {name: text[:LONGEST] for name, text in facts.items() if name != "release"}
        event: Event = {
            "level": "error",
            "exception": {"values": [_described(one) for one in reversed(list(_chain(error)))]},
            "tags": tags,
        }
        if release := facts.get("release"):
            event["release"] = release[:LONGEST]
        self._client.capture_event(event)


def _only_what_is_ours(event: "Event", _hint: "Hint") -> "Event":
    """Take out whatever else the SDK has put in, in this version or a later one."""
    return cast("Event", {name: value for name, value in event.items() if name in _KEPT})


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error, what it was raised from, and so on; the causes may go round in a circle."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen and len(seen) < FRAMES:
        seen.add(id(following))
        yield following
        hidden = following.__suppress_context__
        following = following.__cause__ or (None if hidden else following.__context__)


def _described(error: BaseException) -> dict[str, Any]:
    described: dict[str, Any] = {
        "type": type(error).__qualname__,
        "module": type(error).__module__,
        # By the rule of the log: only our own messages are sure to hold no value.
        "value": str(error) if isinstance(error, NestEggError) else "",
    }
    if frames := list(_frames(error))[-FRAMES:]:
        described["stacktrace"] = {"frames": frames}
    return described


def _frames(error: BaseException) -> Iterator[dict[str, Any]]:
    for frame, line in walk_tb(error.__traceback__):
        module = frame.f_globals.get("__name__")
        yield {
            "filename": frame.f_code.co_filename,
            "function": frame.f_code.co_qualname,
            "module": module if isinstance(module, str) else "",
            "lineno": line,
            "in_app": isinstance(module, str) and module.startswith("nestegg"),
        }


def make(context: PluginContext[SentrySettings], release: str = "") -> Sentry:
    """Make the reporter from its settings.

    Raises:
        LookupError: `SENTRY_DSN` is not set, so nobody asked for it.
    """
    dsn = context.settings.sentry_dsn
    if dsn is None:
        raise LookupError("SENTRY_DSN is not set")
    return Sentry(dsn.get_secret_value(), environment=context.environment, release=release)


def _asked_for(settings: SentrySettings) -> bool:
    return settings.sentry_dsn is not None


@hookimpl
def nestegg_error_reporters(ctx: HookContext) -> Sequence[ErrorReporterRegistration]:
    """Offer Sentry, which the operator asks for with `SENTRY_DSN`."""
    factory = partial(make, release=ctx.core_version)
    return [ErrorReporterRegistration("sentry", SentrySettings, factory, _asked_for)]
