"""Jobs over the databases of the other tests, with a real Redis between."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete

from nestegg_core.application import Runtime
from nestegg_core.database.tables import jobs
from nestegg_testing import MovableClock
from support.job_work import Instance, Work
from support.redis import RedisServer, running_redis
from support.serving import Serve, serving
from support.traces import Traces


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """A running Redis for tests that leave it running."""
    with running_redis() as server:
        yield server


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    """A running Redis with nothing in it."""
    with shared_redis.client() as client:
        client.flushall()
    return shared_redis


@pytest.fixture
def serve(runtime: Runtime, variables: dict[str, str]) -> Iterator[Serve]:
    """Builds runtimes over the shared database, in which there are no jobs."""
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(delete(jobs))
    with serving(variables) as serve:
        yield serve


@pytest.fixture
def clock() -> MovableClock:
    """A clock that stands still until it is moved."""
    return MovableClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    """Where the jobs of a test leave their traces."""
    return Traces(tmp_path)


@pytest.fixture
def work() -> Work:
    """The job `work`, which does nothing until a test says what."""
    return Work()


@pytest.fixture
def alone(serve: Serve, work: Work, clock: MovableClock) -> Runtime:
    """A runtime without Redis."""
    return serve.runtime(clock=clock, plugins={"work": work.plugin()})


@pytest.fixture
def instance(
    serve: Serve, work: Work, clock: MovableClock, redis: RedisServer
) -> Iterator[Instance]:
    """A runtime with Redis."""
    made = serve.runtime(clock=clock, plugins={"work": work.plugin()}, REDIS_URL=redis.url)
    with redis.client() as client:
        yield Instance(made, client)
