"""The pool's figures, over a real database."""

from collections.abc import Mapping

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool, QueuePool

from nestegg_core.observability.connections import ConnectionWatch


class Latest:
    def __init__(self) -> None:
        self.gauges: dict[str, float] = {}
        self.waits: list[float] = []

    def gauge(self, name: str, _labels: Mapping[str, str], value: float) -> None:
        self.gauges[name] = value

    def observe(self, _name: str, _labels: Mapping[str, str], value: float) -> None:
        self.waits.append(value)

    @property
    def figures(self) -> tuple[float, ...]:
        names = ("pool_size", "connections_in_use", "connections_overflow")
        return tuple(self.gauges[f"database_{name}"] for name in names)


def test_size_use_and_overflow_follow_the_pool() -> None:
    latest = Latest()
    engine = create_engine("sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=2)
    ConnectionWatch(latest).made(engine)

    with engine.connect():
        assert latest.figures == (1, 1, 0)
        with engine.connect():
            assert latest.figures == (1, 2, 1)
    assert latest.figures == (1, 0, 0)
    engine.dispose()
    assert latest.figures == (0, 0, 0)


def test_a_connection_that_died_is_given_back_as_well() -> None:
    latest = Latest()
    engine = create_engine("sqlite://", poolclass=QueuePool, pool_size=1)
    ConnectionWatch(latest).made(engine)

    with engine.connect() as connection:
        connection.invalidate()
    assert latest.figures == (1, 0, 0)
    engine.dispose()


def test_a_pool_that_keeps_nothing_has_no_figures() -> None:
    latest = Latest()
    engine = create_engine("sqlite://", poolclass=NullPool)
    ConnectionWatch(latest).made(engine)

    with engine.connect():
        assert latest.gauges == {}
