"""Plugins that do what they should not, as distributions in a folder on `PYTHONPATH`."""

from dataclasses import dataclass
from pathlib import Path

DISTRIBUTION, VERSION = "acme-nestegg", "1.2"

ZERO = "1 / 0"
GOOD = """\
from pydantic_settings import BaseSettings
from nestegg_core import (
    CommandRegistration, RetentionPolicyRegistration, Route, StatementImporterRegistration, hookimpl
)
class NoSettings(BaseSettings):
    pass
"""


@dataclass(frozen=True)
class Site:
    """A folder of installed distributions, each in a folder of its own."""

    folder: Path

    def install(
        self,
        plugin: str,
        source: str,
        *,
        distribution: str = DISTRIBUTION,
        requires: str = "nestegg-core>=0.1",
    ) -> str:
        """Install a distribution with one plugin, and return its entry of `PYTHONPATH`."""
        site = self.folder / f"{plugin}-{distribution}"
        module = f"thirdparty_{plugin}_{distribution}".replace("-", "_")
        metadata = site / f"{distribution.replace('-', '_')}-{VERSION}.dist-info"
        metadata.mkdir(parents=True)
        (site / f"{module}.py").write_text(source, encoding="utf-8")
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {VERSION}\n"
            f"Requires-Dist: {requires}\n",
            encoding="utf-8",
        )
        (metadata / "entry_points.txt").write_text(
            f"[nestegg.plugins]\n{plugin} = {module}\n", encoding="utf-8"
        )
        return str(site)


def hook(name: str, body: str) -> str:
    """Return the source of a plugin with one hook."""
    return f"{GOOD}\n@hookimpl\ndef {name}():\n    {body}\n"


POLICY = "RetentionPolicyRegistration('acme', {}, {})"
ROUTE = "Route('GET', '{}', '{}', None, NoModel, print, 'Budgets')"
MODEL = "\nfrom pydantic import BaseModel\nclass NoModel(BaseModel):\n    pass\n"

LEFT_OUT: dict[str, tuple[str, str]] = {
    "import-raises": ("import hvac", ""),
    "import-exits": ("import sys\nsys.exit(3)", ""),
    "hook-raises": (hook("nestegg_jobs", f"return [{ZERO}]"), ""),
    "wrong-type": (hook("nestegg_retention_policies", "return ['acme']"), ""),
    "wrong-field": (
        hook("nestegg_retention_policies", f"return [{POLICY.format('{}', 'print')}]"),
        "",
    ),
    "misspelt-hook": (hook("nestegg_retention_policy", "return []"), ""),
    "unmarked-hook": ("def nestegg_jobs():\n    return []\n", ""),
    "bad-path": (MODEL + hook("nestegg_routes", f"return [{ROUTE.format('/a b', 'x')}]"), ""),
    "other-core": (hook("nestegg_jobs", "return []"), "nestegg-core>=9,<10"),
}
"""Plugins that are reported and left out: their source, and bounds on the core."""
