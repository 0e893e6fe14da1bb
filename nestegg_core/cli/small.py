"""What keeps a process that runs for long small."""

import sys


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
