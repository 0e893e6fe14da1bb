"""The jobs that there are."""

import pytest

from nestegg_core import InvalidInput, JobRegistration
from nestegg_core.jobs.model import Policy, Registry
from nestegg_core.jobs.rq_worker import shares


def registry(*names: str) -> Registry:
    return Registry([JobRegistration(name, print) for name in names])


def test_a_plugins_job_goes_by_its_short_name_while_that_is_free() -> None:
    jobs = registry("backup", "acme.fetch", "acme.backup")

    assert jobs.wanted("fetch").name == jobs.wanted("acme.fetch").name == "acme.fetch"
    assert jobs.wanted("backup").name == "backup"
    assert jobs.accepted("fetch").name == "acme.fetch"


def test_a_short_name_of_two_plugins_is_refused_with_both_full_names() -> None:
    with pytest.raises(InvalidInput, match=r"there are: acme\.fetch, beta\.fetch$"):
        registry("backup", "acme.fetch", "beta.fetch").wanted("fetch")


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
