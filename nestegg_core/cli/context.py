"""What keeps a process that runs for long small."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nestegg_core.errors import MigrationsPending

if TYPE_CHECKING:
    from nestegg_core.application import Background, Runtime
    from nestegg_core.settings import Environment


def import_structlog_alone() -> None:
    """Import structlog without rich, which it would import at once to draw tracebacks with it.

    Ours are drawn by `observability.tracebacks`, and rich takes four megabytes in each process.
    `None` in `sys.modules` says that a module cannot be had (the language reference, 5.3.1); those
    commands that write tables import it when they need it. Call this before anything else
    imports structlog.
    """
    if "structlog" in sys.modules or "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog  # noqa: F401
    finally:
        del sys.modules["rich"]


@contextmanager
def opened(
    *, at_head: bool = True, check_keys: bool = True, environment: "Environment | None" = None
) -> Iterator["Runtime"]:
    """Give a command its services, and close their connections in the end.

    With `at_head` a storage that migrates itself is migrated first, and of another
    MigrationsPending is raised; `check_keys` counts only together with it.
    """
    from nestegg_core.settings import Environment

    runtime = started(environment or Environment.read())
    try:
        if at_head:
            _bring_to_head(runtime)
            if check_keys:
                runtime.check_keys()
        yield runtime
    finally:
        runtime.storage.dispose()


def started(environment: "Environment") -> "Runtime":
    from nestegg_core.application import start

    runtime = start(environment)
    _begin_logs(environment, runtime)
    return runtime


def started_background(environment: "Environment") -> "Background":
    from nestegg_core.application import start_background

    services = start_background(environment)
    _begin_logs(environment, services)
    return services


def _begin_logs(environment: "Environment", runtime: "Background") -> None:
    import structlog

    from nestegg_core.cli.inspection import discover, doubts_of
    from nestegg_core.observability.logs import configure_logging

    configure_logging(runtime.settings.log_format, runtime.settings.log_level)
    log = structlog.get_logger("nestegg.start")
    for notice in environment.notices:
        log.warning(notice)
    for problem in doubts_of(environment, discover(environment)):
        log.warning("hardly meant", where=problem.where, what=problem.what, fix=problem.fix)
    for problem in runtime.skipped:
        log.warning("left out", where=problem.where, what=problem.what, fix=problem.fix)


def _bring_to_head(runtime: "Runtime") -> None:
    from nestegg_core.database.migrator import head, not_at_head

    if runtime.migrates_itself:
        runtime.storage.upgrade()
    elif (current := runtime.storage.current_revision()) != head():
        raise MigrationsPending(not_at_head(current))
