"""The jobs that there are."""

import pytest

from nestegg_core import ConfigurationError, JobRegistration
from nestegg_core.jobs.policy import Policy
from nestegg_core.jobs.pool import shares
from nestegg_core.jobs.registry import Registry


def test_two_jobs_of_one_name_are_refused_with_what_to_do() -> None:
    twice = [JobRegistration("fetch", print), JobRegistration("fetch", print)]

    with pytest.raises(
        ConfigurationError, match=r"the job fetch: is there twice.*PLUGINS_DISABLED"
    ):
        Registry(twice)


def test_no_wait_is_longer_than_an_hour_however_many_tries_there_were() -> None:
    assert Policy().wait_after(1000) == Policy().wait_after(5)


@pytest.mark.parametrize(
    ("queues", "concurrency", "dealt"),
    [
        (["default", "heavy"], 5, {"default": 3, "heavy": 2}),
        (["heavy", "default"], 5, {"heavy": 3, "default": 2}),
        (["heavy"], 2, {"heavy": 2}),
        (["default", "heavy"], 1, {"default": 1, "heavy": 1}),
    ],
)
def test_processes_are_dealt_out_to_queues(
    queues: list[str], concurrency: int, dealt: dict[str, int]
) -> None:
    assert shares(queues, concurrency) == dealt
