"""A guard whose faults can be looked at."""

from dataclasses import dataclass, field

import pytest

from nestegg_core.plugin_host import Source
from nestegg_core.plugin_host.proxies import Guard


@dataclass
class Recorded:
    """Takes faults: the call and the error of each."""

    faults: list[tuple[str, BaseException]] = field(default_factory=list)

    def record(self, source: Source, call: str, error: BaseException) -> None:
        assert source.name == "acme"
        self.faults.append((call, error))


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def guard(recorded: Recorded) -> Guard:
    return Guard(Source("acme", "acme-nestegg", "1.2", package="acme_package"), recorded)
