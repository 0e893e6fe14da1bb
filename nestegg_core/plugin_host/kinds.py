"""The kinds of things that plugins register: the hook, the class and the checks of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nestegg_core.contracts.encryption import EncryptionBackend, EncryptionBackendRegistration
from nestegg_core.contracts.error_reporters import ErrorReporter, ErrorReporterRegistration
from nestegg_core.contracts.identity import (
    DescribedProvider,
    ExaminedProvider,
    IdentityProvider,
    IdentityProviderRegistration,
)
from nestegg_core.contracts.importers import StatementImporter, StatementImporterRegistration
from nestegg_core.contracts.metrics import (
    MetricsExporter,
    MetricsExporterRegistration,
    ScrapedExporter,
)
from nestegg_core.contracts.operations import (
    CommandRegistration,
    HealthCheckRegistration,
    JobRegistration,
)
from nestegg_core.contracts.retention import RetentionPolicy, RetentionPolicyRegistration
from nestegg_core.contracts.routes import Route
from nestegg_core.contracts.storage import (
    DumpingStorage,
    ExaminedStorage,
    Storage,
    StorageRegistration,
)
from nestegg_core.plugin_host import checks


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of plugin.

    `folder` is how entry points that provide it begin: `idp` of `idp_okta`; empty where the name
    says nothing. `seams` are the Protocols of what its factory makes. A `prefixed` kind has its
    plugin's name in its own, so that two never clash.
    """

    name: str
    type: type
    checks: tuple[checks.Check, ...]
    folder: str = ""
    seams: tuple[Any, ...] = ()
    prefixed: bool = False

    @property
    def hook(self) -> str:
        plural = f"{self.name[:-1]}ies" if self.name.endswith("y") else f"{self.name}s"
        return f"nestegg_{plural}"

    @property
    def methods(self) -> tuple[str, ...]:
        """What the core may call of an object that the factory made."""
        members = (vars(seam).items() for seam in self.seams)
        functions = {name for found in members for name, one in found if callable(one)}
        return tuple(sorted(name for name in functions if not name.startswith("_")))

    @property
    def label(self) -> str:
        return self.name.replace("_", " ")

    def name_of(self, registration: Any) -> str:
        if isinstance(registration, CommandRegistration):
            return str(registration.command.name)
        if isinstance(registration, Route):
            return f"{registration.method} {registration.path}"
        return str(registration.name)

    def keys_of(self, registration: Any) -> tuple[str, ...]:
        """Return the names that no other plugin may offer; routes are apart by their address."""
        if self.prefixed or isinstance(registration, Route):
            return ()
        if isinstance(registration, StorageRegistration):
            return registration.schemes
        return (self.name_of(registration),)

    def faults(self, registration: Any) -> Iterator[str]:
        if not isinstance(registration, self.type):
            returned = checks.type_of(registration)
            yield f"{self.hook} must return {self.type.__name__} objects, not {returned}"
            return
        for check in self.checks:
            if wanted := check(registration):
                yield f"{self.type.__name__}: {wanted}"

    def told_by(self, plugin: str) -> str | None:
        """Return the name that an entry point's name implies: `okta` for `idp_okta`."""
        folder, _, name = plugin.partition("_")
        if not self.folder or folder != self.folder or not name:
            return None
        return "postgresql" if plugin == "storage_postgres" else name


_MADE = (checks.check_name, checks.check_settings, checks.check_callable("factory"))
_IMPORTER = (*_MADE, checks.check_options)
_REPORTER = (*_MADE, checks.check_callable("enabled"))
_HEALTH_CHECK = (checks.check_name, checks.check_callable("check"))
_JOB = (
    checks.check_name,
    checks.check_callable("run"),
    checks.check_queue,
    checks.check_schedule,
)
_ROUTE = (
    checks.check_method,
    checks.check_path,
    checks.check_texts,
    checks.check_models,
    checks.check_callable("handler"),
)
_ALL = (
    Kind(
        "identity_provider",
        IdentityProviderRegistration,
        _MADE,
        "idp",
        (IdentityProvider, ExaminedProvider, DescribedProvider),
    ),
    Kind(
        "encryption_backend",
        EncryptionBackendRegistration,
        _MADE,
        "encryption",
        (EncryptionBackend,),
    ),
    Kind("retention_policy", RetentionPolicyRegistration, _MADE, "retention", (RetentionPolicy,)),
    Kind(
        "metrics_exporter",
        MetricsExporterRegistration,
        _MADE,
        "metrics",
        (MetricsExporter, ScrapedExporter),
    ),
    Kind(
        "storage",
        StorageRegistration,
        (*_MADE, checks.check_schemes),
        "storage",
        (Storage, DumpingStorage, ExaminedStorage),
    ),
    Kind(
        "statement_importer",
        StatementImporterRegistration,
        _IMPORTER,
        "import",
        (StatementImporter,),
    ),
    Kind("error_reporter", ErrorReporterRegistration, _REPORTER, "errors", (ErrorReporter,)),
    Kind("health_check", HealthCheckRegistration, _HEALTH_CHECK, prefixed=True),
    Kind("job", JobRegistration, _JOB, prefixed=True),
    Kind("command", CommandRegistration, (checks.check_command,), prefixed=True),
    Kind("route", Route, _ROUTE),
)
KINDS: Mapping[str, Kind] = {kind.hook: kind for kind in _ALL}
"""Every kind, by its hook. A test holds it against `hookspecs`."""


def methods_of(registration: object) -> tuple[str, ...]:
    return next(kind.methods for kind in _ALL if isinstance(registration, kind.type))
