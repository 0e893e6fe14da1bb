"""Peers that need Node or Java. `make peers` runs these tests; `make test` does not.

A peer that cannot be had here, because Node or Java is absent, skips its tests. One that could be
had and is not reached fails them.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nestegg_core.application import Runtime
from support.serving import Serve, serving

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def database_kind() -> str:
    """The peers differ, not the databases: those have their turns in `make test`."""
    return "sqlite"


@pytest.fixture
def serve(runtime: Runtime, variables: dict[str, str]) -> Iterator[Serve]:
    """Starts further servers over one migrated database."""
    del runtime
    with serving(variables) as serve:
        yield serve
