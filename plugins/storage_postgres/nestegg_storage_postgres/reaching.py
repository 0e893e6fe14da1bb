"""Where a connection that failed was to go, and why it did not get there: for operators."""

from sqlalchemy import URL, Engine, ExceptionContext, event

_CAUSES = (
    ("connection refused", "the connection was refused, nothing listens there"),
    ("timeout expired", "the connection timed out"),
    ("timed out", "the connection timed out"),
    ("failed to resolve", "the name is unknown"),
    ("could not translate host name", "the name is unknown"),
    ("no such file", "there is no such socket"),
    ("no route to host", "there is no way there"),
    ("network is unreachable", "there is no way there"),
)
"""What libpq's or psycopg's words mean; they themselves may hold what is secret."""


def tell_where(engine: Engine, variable: str) -> Engine:
    """Let connections of an engine that fail say in a note where they were to go; return it.

    Args:
        engine: that has not connected yet.
        variable: which its URL stands in.
    """

    def failed(context: ExceptionContext) -> None:
        if context.connection is None and context.sqlalchemy_exception is not None:
            said = str(context.original_exception).lower()
            why = next((cause for words, cause in _CAUSES if words in said), None)
            if why is not None:
                note = f"The way to {_place(engine.url)} ({variable}): {why}."
                context.sqlalchemy_exception.add_note(note)

    event.listen(engine, "handle_error", failed)
    return engine


def _place(url: URL) -> str:
    """Name host and port, never user or password."""
    hosts = url.query.get("host", ())
    host = url.host or (hosts if isinstance(hosts, str) else ", ".join(hosts)) or "this machine"
    return host if host.startswith("/") else f"{host}, port {url.port or 5432}"
