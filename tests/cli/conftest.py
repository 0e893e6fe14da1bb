"""The command line over the databases of the other tests."""

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from support.command_line import CommandLine


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No `.env` is found, and commands leave no log handlers behind that write to closed files."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    root = logging.getLogger()
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configured)


@pytest.fixture
def nestegg(variables: dict[str, str], runtime: object) -> CommandLine:
    """The command line over the shared, migrated database."""
    del runtime
    return CommandLine(variables)


@pytest.fixture
def fresh_nestegg(fresh_variables: dict[str, str]) -> CommandLine:
    """The command line over an empty database."""
    return CommandLine(fresh_variables)


@pytest.fixture
def plain_nestegg(tmp_path: Path) -> CommandLine:
    """The command line with nothing but a folder for data, which does not exist yet."""
    return CommandLine({"NESTEGG_HOME": str(tmp_path / "home")})


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Install a distribution `acme-plugin` with a plugin of that source, as pip leaves it."""

    def add(source: str) -> None:
        site = tmp_path / "site"
        metadata = site / "acme_plugin-1.2.dist-info"
        metadata.mkdir(parents=True)
        (site / "acme_plugin.py").write_text(source)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-plugin\nVersion: 1.2")
        (metadata / "entry_points.txt").write_text("[nestegg.plugins]\nidp_acme = acme_plugin\n")
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, "acme_plugin", raising=False)

    return add
