"""Installed from wheels into fresh environments: everything together, and each alone."""

import re
from pathlib import Path

import pytest

from nestegg_core.plugin_host.scaffold import KINDS, names_for
from support.environments import EXAMPLE, PLUGINS, FreshEnvironment, Wheelhouse

pytestmark = pytest.mark.long

ALONE = [path.name for path in (*PLUGINS, EXAMPLE)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_passes_its_own_tests(
    kind: str, everything: FreshEnvironment, scaffolded: dict[str, Path]
) -> None:
    assert passed(everything, scaffolded[kind].name) >= 10


def test_the_example_passes_its_own_tests(everything: FreshEnvironment) -> None:
    assert passed(everything, EXAMPLE.name) >= 20


def passed(environment: FreshEnvironment, distribution: str) -> int:
    """Run the tests of an installed distribution, and return how many passed."""
    folder = str(environment.house.sources / distribution)
    done = environment.run("python", "-m", "pytest", "-q", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"(\d+) passed", done.stdout)
    assert found, done.stdout
    return int(found[1])


def test_all_new_plugins_are_listed_and_can_be_in_force_together(
    everything: FreshEnvironment,
) -> None:
    chosen = {
        "IDENTITY_PROVIDER_CHAIN": "acme_one,builtin",
        "IDP_ACME_ONE_ISSUER": "https://id.example.com",
        "IDP_ACME_ONE_CLIENT_ID": "nest-egg",
        "ENCRYPTION_BACKEND": "acme_one",
        "RETENTION_POLICIES": "acme_one,legal_hold",
        "METRICS_EXPORTERS": "acme_one",
        "DATABASE_URL": f"acmeone:///{everything.folder / 'data.sqlite3'}",
        "ERRORS_ACME_ONE_FILE": str(everything.folder / "failures.jsonl"),
    }
    listed = everything.plugins(**chosen)
    expected = {names_for(kind, "acme-one").plugin for kind in KINDS} | {"retention_legal_hold"}
    outside = {name: one for name, one in listed.items() if not name.startswith("builtin:")}
    assert {name: one["state"] for name, one in outside.items()} == dict.fromkeys(
        expected, "selected"
    )
    assert all(one["hooks"] for one in outside.values())


def test_the_core_starts_alone_on_sqlite(house: Wheelhouse, tmp_path: Path) -> None:
    core = FreshEnvironment.make(house, tmp_path, "nestegg-core")
    made = core.run("nestegg", "user", "create", "ada@example.org")
    assert made.returncode == 0, made.stderr
    assert "ada@example.org" in core.run("nestegg", "user", "list").stdout
    assert (tmp_path / "var" / "nestegg.sqlite3").is_file()
    assert {name.partition(":")[0] for name in core.plugins()} == {"builtin"}


@pytest.mark.parametrize("plugin", ALONE)
def test_the_core_takes_each_plugin_alone(plugin: str, house: Wheelhouse, tmp_path: Path) -> None:
    distribution = plugin if plugin.startswith("nestegg") else f"nestegg-{plugin.replace('_', '-')}"
    environment = FreshEnvironment.make(house, tmp_path, "nestegg-core", distribution)
    listed = environment.plugins()
    [found] = [one for name, one in listed.items() if not name.startswith("builtin:")]
    assert found["distribution"] == distribution
    assert (found["state"], found["cause"]) in [("available", ""), ("selected", "")]
    started = environment.run("nestegg", "db", "upgrade")
    assert started.returncode == 0, started.stderr
