"""A plugin whose job does what a test says, and an instance whose worker is the test."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from redis import Redis

from nestegg_core import JobRegistration, hookimpl
from nestegg_core.application import Runtime

SECRET = "ada@example.org"
"""What must not be found where it does not belong."""


@dataclass
class Work:
    """A plugin with one job, `work`, that does what a test says.

    Attributes:
        does: called with the arguments in every run.
        runs: the arguments of every run.
    """

    does: Callable[[Mapping[str, Any]], None] = lambda _: None
    runs: list[Mapping[str, Any]] = field(default_factory=list)

    def plugin(self) -> ModuleType:
        def work(arguments: Mapping[str, Any]) -> None:
            self.runs.append(arguments)
            self.does(arguments)

        @hookimpl
        def nestegg_jobs() -> list[JobRegistration]:
            return [JobRegistration("work", work), JobRegistration("hard", work, queue="heavy")]

        module = ModuleType("work")
        module.nestegg_jobs = nestegg_jobs  # type: ignore[attr-defined]  # a hook, as in a file
        return module


@dataclass
class Instance:
    """One instance with a queue, whose worker is the test."""

    runtime: Runtime
    redis: Redis

    def ask(self, name: str = "work", **arguments: Any) -> str:
        return self.runtime.jobs.enqueue(name, arguments)

    def row(self, job_id: str) -> dict[str, Any]:
        return self.runtime.job_list.read(job_id)

    def messages(self, queue: str = "default") -> list[str]:
        return [_text(found) for found in self.redis.lrange(f"rq:queue:{queue}", 0, -1)]

    def deliver_all(self, queue: str = "default") -> list[str]:
        delivered = []
        while found := self.redis.lpop(f"rq:queue:{queue}"):
            delivered.append(_text(found))
            self.runtime.jobs.deliver(delivered[-1])
        return delivered


def fail(_arguments: Mapping[str, Any]) -> None:
    """Fail with an error that repeats what is secret."""
    raise ZeroDivisionError(SECRET)


def _text(answer: object) -> str:
    assert isinstance(answer, bytes)
    return answer.decode()
