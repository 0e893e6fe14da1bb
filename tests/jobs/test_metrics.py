"""Runs are counted and timed."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from pydantic_settings import BaseSettings

from nestegg_core import MetricsExporterRegistration, hookimpl
from nestegg_testing import MovableClock
from support.job_work import Instance, Work, fail
from support.redis import RedisServer
from support.serving import Serve


class Recorder:
    """Fulfils `MetricsExporter`; keeps what it is told, durations without their values."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def count(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        self.told.append((name, dict(labels), amount))

    def observe(self, name: str, labels: Mapping[str, str], value: float) -> None:
        assert 0 <= value < 60
        self.told.append((name, dict(labels)))

    def gauge(self, name: str, labels: Mapping[str, str], value: float) -> None:
        self.told.append((name, dict(labels), value))


def test_runs_are_counted_and_timed_and_those_that_wait_are_told(
    serve: Serve, work: Work, clock: MovableClock, redis: RedisServer
) -> None:
    recorder = Recorder()

    @hookimpl
    def nestegg_metrics_exporters() -> list[MetricsExporterRegistration]:
        return [MetricsExporterRegistration("recorder", BaseSettings, lambda _: recorder)]

    exporter = ModuleType("exporter")
    exporter.nestegg_metrics_exporters = nestegg_metrics_exporters  # type: ignore[attr-defined]
    made = serve.runtime(
        clock=clock,
        plugins={"work": work.plugin(), "exporter": exporter},
        METRICS_EXPORTERS="recorder",
        REDIS_URL=redis.url,
    )
    with redis.client() as client:
        instance = Instance(made, client)
        instance.ask(number=1)
        instance.ask("hard", number=2)
        instance.deliver_all()
        made.jobs.sweep()
        work.does = fail
        instance.deliver_all("heavy")

    told = [one for one in recorder.told if one[0].startswith("job")]
    assert told == [
        ("jobs", {"job": "work.work", "outcome": "done"}, 1),
        ("job_seconds", {"job": "work.work"}),
        ("jobs_waiting", {"queue": "default"}, 0),
        ("jobs_waiting", {"queue": "heavy"}, 1),
        ("jobs", {"job": "work.hard", "outcome": "retried"}, 1),
        ("job_seconds", {"job": "work.hard"}),
    ]
