"""`nestegg worker`: what it does not begin with. That it works is seen in `tests/jobs`."""

from pathlib import Path

import pytest

from support.command_line import CommandLine
from support.redis import running_redis
from support.traces import eventually
from support.workers import running


def with_redis(nestegg: CommandLine, **variables: str) -> CommandLine:
    return CommandLine({**nestegg.variables, **variables})


@pytest.mark.parametrize("variable", ["REDIS_URL", "QUEUE_REDIS_URL", "CELERY_BROKER_URL"])
def test_a_redis_that_may_drop_jobs_is_refused_with_the_setting_to_change(
    plain_nestegg: CommandLine, variable: str
) -> None:
    with running_redis("--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru") as server:
        answer = with_redis(plain_nestegg, **{variable: server.url})("worker")

    assert answer.exit_code == 2
    own = "REDIS_URL" if variable == "REDIS_URL" else "QUEUE_REDIS_URL"
    assert f" {own} names a Redis that may drop jobs" in answer.output
    assert "allkeys-lru" in answer.output
    assert "maxmemory-policy noeviction" in answer.output


def test_a_wrong_password_is_no_reason_to_wait(plain_nestegg: CommandLine) -> None:
    with running_redis() as server, server.client() as client:
        client.config_set("requirepass", "hush")
        answer = with_redis(plain_nestegg, REDIS_URL=server.url)("worker")

    assert answer.exit_code == 2
    assert "REDIS_URL has a user or password that Redis refuses" in answer.output


def test_without_redis_there_is_nothing_to_work_at(plain_nestegg: CommandLine) -> None:
    answer = plain_nestegg("worker")

    assert answer.exit_code == 2
    assert "REDIS_URL is not set, and workers need it" in answer.output


@pytest.mark.parametrize("queues", ["default,fast", "", ","])
def test_queues_that_there_are_not_are_refused_with_those_that_there_are(
    plain_nestegg: CommandLine, queues: str
) -> None:
    answer = plain_nestegg("worker", "--queues", queues)

    assert answer.exit_code == 2
    assert "--queues takes some of: default, heavy." in answer.output


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True, scope="session")
@pytest.mark.usefixtures("runtime")  # so that the application's role is there
@pytest.mark.parametrize("command", ["worker", "scheduler"])
def test_it_ends_in_order_when_told_to_before_it_has_begun(
    fresh_variables: dict[str, str], tmp_path: Path, command: str
) -> None:
    with running_redis() as redis:
        variables = {**fresh_variables, "REDIS_URL": redis.url}
        with running(tmp_path, variables, command) as process:
            eventually(lambda: process.logged("waits for the migrations"))
            assert process.stop() == 0
