"""One set of wheels for all tests here: building and installing them takes a while."""

from importlib.metadata import version
from pathlib import Path

import pytest

from nestegg_core.plugin_host.scaffold import KINDS, names_for, write
from support.environments import EXAMPLE, FreshEnvironment, Wheelhouse, build_house

NAME = "acme-one"


@pytest.fixture(scope="session")
def scaffolded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A new plugin of every kind, by kind."""
    parent = tmp_path_factory.mktemp("scaffolded")
    return {kind: write(names_for(kind, NAME), parent, version("nestegg-core")) for kind in KINDS}


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, scaffolded: dict[str, Path]) -> Wheelhouse:
    """Wheels of the core, its plugins, the example, and the new plugins."""
    return build_house(tmp_path_factory.mktemp("house"), scaffolded.values())


@pytest.fixture(scope="session")
def everything(
    tmp_path_factory: pytest.TempPathFactory, house: Wheelhouse, scaffolded: dict[str, Path]
) -> FreshEnvironment:
    """One environment with the core, all new plugins and the example."""
    names = [folder.name for folder in scaffolded.values()]
    folder = tmp_path_factory.mktemp("everything")
    return FreshEnvironment.make(
        house, folder, "nestegg-core", "nestegg-testing", EXAMPLE.name, *names
    )
