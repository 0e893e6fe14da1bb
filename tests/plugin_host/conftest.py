"""Plugins to try the host with: made in memory, or installed as real distributions."""

import itertools
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from nestegg_core import (
    EncryptionBackendRegistration,
    IdentityProviderRegistration,
    MetricsExporterRegistration,
    RetentionPolicyRegistration,
    StorageRegistration,
    hookimpl,
)
from nestegg_core.settings import Settings, load
from nestegg_core.settings.environment import Environment

MakePlugin = Callable[..., ModuleType]
Install = Callable[..., list[EntryPoint]]


class NoSettings(BaseSettings):
    pass


@pytest.fixture
def make_plugin() -> MakePlugin:
    """Make a plugin whose hooks, named by keyword, return what is given."""

    def make(**hooks: object) -> ModuleType:
        plugin = ModuleType("plugin")
        for name, registrations in hooks.items():

            @hookimpl
            def hook(registrations: object = registrations) -> object:
                return registrations

            setattr(plugin, name, hook)
        return plugin

    return make


@pytest.fixture
def complete(make_plugin: MakePlugin) -> ModuleType:
    """A plugin that offers one of everything that the settings must name."""
    return make_plugin(
        nestegg_identity_providers=[IdentityProviderRegistration("acme", NoSettings, _made)],
        nestegg_encryption_backends=[EncryptionBackendRegistration("acmebox", NoSettings, _made)],
        nestegg_retention_policies=[RetentionPolicyRegistration("acmeage", NoSettings, _made)],
        nestegg_metrics_exporters=[MetricsExporterRegistration("acmestat", NoSettings, _made)],
        nestegg_storages=[StorageRegistration("acmedb", ("acmedb",), NoSettings, _made)],
    )


def _made(context: Any) -> Any:
    return ("made with", context)


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., tuple[Settings, Environment]]:
    """Settings that name everything that `complete` offers, with some variables changed."""

    def make(**variables: str) -> tuple[Settings, Environment]:
        named = {
            "NESTEGG_HOME": str(tmp_path / "home"),
            "IDENTITY_PROVIDER_CHAIN": "acme",
            "ENCRYPTION_BACKEND": "acmebox",
            "RETENTION_POLICIES": "acmeage",
            "METRICS_EXPORTERS": "acmestat",
            "DATABASE_URL": "acmedb://db/nestegg",
        }
        environment = Environment.read({**named, **variables}, dotenv=None)
        return load(environment), environment

    return make


_serial = itertools.count()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a distribution as pip leaves it: a module and its metadata on `sys.path`.

    The answer is the entry points that it added to the group.
    """

    def add(
        distribution: str, source: str, *, plugin: str = "acme", version: str = "1.2"
    ) -> list[EntryPoint]:
        serial = next(_serial)
        site = tmp_path / f"site{serial}"
        metadata = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir(parents=True)
        _write(
            {
                site / f"thirdparty_{serial}.py": source,
                metadata / "METADATA": (
                    f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
                ),
                metadata / "entry_points.txt": (
                    f"[nestegg.plugins]\n{plugin} = thirdparty_{serial}\n"
                ),
            }
        )
        monkeypatch.syspath_prepend(str(site))
        return [
            entry_point
            for entry_point in entry_points(group="nestegg.plugins")
            if entry_point.dist and entry_point.dist.name == distribution
        ]

    return add


def _write(files: Mapping[Path, str]) -> None:
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
