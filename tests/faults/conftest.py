"""One server for all faults: each is switched on for its own test."""

from collections.abc import Iterator

import pytest

from support.faulty.world import World, bare, running


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A running server with every fault at hand."""
    with running(tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.fixture
def plain(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A place where commands can be tried, without any faulty plugin yet."""
    return bare(tmp_path_factory.mktemp("plain"))
