"""The kinds of things that plugins register: the hook, the class and the checks of each.

Type checkers cannot tie a hook's implementation to its specification, so what a hook returned is
checked once, at start-up: what passes can be relied upon everywhere else. A check returns what to
write instead, or `None`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click
from pydantic import BaseModel
from pydantic_settings import BaseSettings

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
from nestegg_core.contracts.names import RULE, is_name
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
from nestegg_core.foreign import PLAIN, never_runs

Check = Callable[[Any], str | None]

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_CRON_FIELD = re.compile(r"[0-9A-Za-z*,/-]+")
_CRON_FIELDS = 5
_PATH = re.compile(r"(/([A-Za-z0-9._~-]+|\{[a-z_][a-z0-9_]*(:(int|uuid))?\}))+", re.ASCII)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_QUEUES = ("default", "heavy")


def type_of(value: object) -> str:
    """Name a value's type, telling a class from its instance, and never show the value."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return f"an instance of {type(value).__name__}" if value is not None else "None"


def check_name(registration: Any) -> str | None:
    return None if is_name(registration.name) else f"`name` must be {RULE}, e.g. 'okta'"


def check_settings(registration: Any) -> str | None:
    settings = registration.settings
    if isinstance(settings, type) and issubclass(settings, BaseSettings):
        return None
    return f"`settings` must be a subclass of BaseSettings, not {type_of(settings)}"


def check_callable(field: str) -> Check:
    def check(registration: Any) -> str | None:
        value = getattr(registration, field)
        if not callable(value):
            return f"`{field}` must be callable, not {type_of(value)}"
        return f"`{field}` would never run: write {PLAIN}" if never_runs(value) else None

    return check


def check_schemes(registration: Any) -> str | None:
    schemes = registration.schemes
    if isinstance(schemes, tuple) and schemes and all(map(_is_scheme, schemes)):
        return None
    return "`schemes` must be a tuple of lower-case URL schemes, e.g. ('postgresql',)"


def _is_scheme(value: object) -> bool:
    return isinstance(value, str) and _SCHEME.fullmatch(value) is not None


def check_options(registration: Any) -> str | None:
    options = registration.options
    if isinstance(options, Mapping) and all(
        isinstance(text, str) for pair in options.items() for text in pair
    ):
        return None
    return "`options` must map each option's name to a line of explanation, e.g. {}"


def check_queue(registration: Any) -> str | None:
    return None if registration.queue in _QUEUES else f"`queue` must be one of {_QUEUES}"


def check_schedule(registration: Any) -> str | None:
    schedule = registration.schedule
    if schedule is None:
        return None
    fields = schedule.split() if isinstance(schedule, str) else []
    if len(fields) == _CRON_FIELDS and all(map(_CRON_FIELD.fullmatch, fields)):
        return None
    return "`schedule` must be None or five cron fields in UTC, e.g. '0 6 * * *'"


def check_command(registration: Any) -> str | None:
    command = registration.command
    if not (isinstance(command, click.Command) and is_name(command.name)):
        return f"`command` must be a click command, and its name {RULE}"
    if any(never_runs(one.callback) for one in _with_subcommands(command)):
        return f"`command` would never run: write {PLAIN}"
    return None


def _with_subcommands(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for one in command.commands.values():
            yield from _with_subcommands(one)


def check_method(registration: Any) -> str | None:
    return None if registration.method in _METHODS else f"`method` must be one of {_METHODS}"


def check_path(registration: Any) -> str | None:
    """Refuse `org_id` as a field: the path is put behind the plugin's own address, which has it."""
    path = registration.path
    if isinstance(path, str) and _PATH.fullmatch(path):
        fields = re.findall(r"\{(\w+)", path)
        if len({"org_id", *fields}) == len(fields) + 1:
            return None
    return (
        "`path` must begin with '/' and have plain segments and fields, each field once, e.g. "
        "'/budgets/{budget_id:uuid}'"
    )


def check_fields(paths: Iterable[str]) -> str | None:
    """Refuse two routes of one plugin that call a field in the same place by different names."""
    fields: dict[str, str] = {}
    for path in paths:
        place = ""
        for segment in path.split("/")[1:]:
            if segment.startswith("{"):
                known = fields.setdefault(place, segment)
                if known != segment:
                    return (
                        f"{path!r} must have {known!r} in place of {segment!r}, as another "
                        "route has"
                    )
            place += "/{}" if segment.startswith("{") else f"/{segment}"
    return None


def check_texts(registration: Any) -> str | None:
    for field in ("permission", "summary"):
        value = getattr(registration, field)
        if not (isinstance(value, str) and value.strip()):
            return f"`{field}` must be a string with something in it"
    return None


def check_models(registration: Any) -> str | None:
    if registration.request_model is not None and not _is_model(registration.request_model):
        return "`request_model` must be a pydantic model class or None"
    if not _is_model(registration.response_model):
        return "`response_model` must be a pydantic model class"
    return None


def _is_model(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of plugin.

    `folder` is how entry points that provide it begin: `idp` of `idp_okta`; empty where the name
    says nothing. `seams` are the Protocols of what its factory makes. A `prefixed` kind has its
    plugin's name in its own, so that two never clash.
    """

    name: str
    type: type
    checks: tuple[Check, ...]
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
        """Return the names that no other plugin may register; routes are apart by their address."""
        if self.prefixed or isinstance(registration, Route):
            return ()
        if isinstance(registration, StorageRegistration):
            return registration.schemes
        return (self.name_of(registration),)

    def faults(self, registration: Any) -> Iterator[str]:
        if not isinstance(registration, self.type):
            returned = type_of(registration)
            yield f"{self.hook} must return {self.type.__name__} objects, not {returned}"
            return
        for check in self.checks:
            if wanted := check(registration):
                yield f"{self.type.__name__}: {wanted}"

    def implied_name(self, plugin: str) -> str | None:
        """Return the name that an entry point's name implies: `okta` for `idp_okta`."""
        folder, _, name = plugin.partition("_")
        if not self.folder or folder != self.folder or not name:
            return None
        return "postgresql" if plugin == "storage_postgres" else name


_MADE = (check_name, check_settings, check_callable("factory"))
_IMPORTER = (*_MADE, check_options)
_REPORTER = (*_MADE, check_callable("enabled"))
_HEALTH_CHECK = (check_name, check_callable("check"))
_JOB = (check_name, check_callable("run"), check_queue, check_schedule)
_ROUTE = (check_method, check_path, check_texts, check_models, check_callable("handler"))
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
        (*_MADE, check_schemes),
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
    Kind("command", CommandRegistration, (check_command,), prefixed=True),
    Kind("route", Route, _ROUTE),
)
KINDS: Mapping[str, Kind] = {kind.hook: kind for kind in _ALL}
"""Every kind, by its hook. A test holds it against `hookspecs`."""


def methods_of(registration: object) -> tuple[str, ...]:
    return next(kind.methods for kind in _ALL if isinstance(registration, kind.type))
