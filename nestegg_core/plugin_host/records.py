"""What became of each plugin: what discovery found, and what its failures advise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import ValidationError

from nestegg_core import foreign
from nestegg_core.contracts.names import full_name
from nestegg_core.errors import Problem
from nestegg_core.plugin_host.kinds import KINDS, Kind

Scrub = Callable[[str], str]
"""Takes the secrets of the environment out of a text."""

State = Literal["selected", "available", "disabled", "failed"]

BUILTIN = "builtin:"
"""How the names of plugins begin that ship inside the core, e.g. `builtin:csv`."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a plugin comes from: an entry point's name or `builtin:<x>`, and its distribution.

    `package` is the top-level package of its code, empty for built-ins.
    """

    name: str
    distribution: str
    version: str
    package: str = field(default="", compare=False, repr=False)
    is_editable: bool = field(default=False, compare=False, repr=False)

    def __str__(self) -> str:
        return f"plugin {self.name!r} ({self.distribution} {self.version})"

    @property
    def is_builtin(self) -> bool:
        return self.name.startswith(BUILTIN)

    @property
    def implied(self) -> tuple[tuple[str, str], ...]:
        """The kinds and names that the plugin's name alone implies."""
        implied = ((kind.name, kind.implied_name(self.name)) for kind in KINDS.values())
        return tuple((kind, name) for kind, name in implied if name is not None)


@dataclass(frozen=True, slots=True)
class Registered:
    source: Source
    kind: Kind
    registration: Any

    @property
    def name(self) -> str:
        return self.kind.name_of(self.registration)

    @property
    def full_name(self) -> str:
        """What it is called among those of all plugins."""
        return full_name(self.source.name, self.name) if self.kind.prefixed else self.name


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    source: Source
    hooks: tuple[str, ...]
    registered: tuple[Registered, ...]
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PluginFailure:
    """A plugin that cannot be used, why, and what it would have provided as far as that is known.

    It refuses the start where two plugins claim a name: nothing says who owns it.
    """

    source: Source
    cause: str
    fix: str
    registrations: tuple[tuple[str, str], ...]
    refuses_start: bool = False

    def scrubbed(self, scrub: Scrub) -> "PluginFailure":
        return replace(self, cause=scrub(self.cause), fix=scrub(self.fix))


@dataclass(frozen=True, slots=True)
class DisabledPlugin:
    """An installed plugin that `PLUGINS_DISABLED` names. It is not imported."""

    source: Source
    registrations: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What discovery found; `absent` are names in `PLUGINS_DISABLED` of nothing installed."""

    loaded: tuple[LoadedPlugin, ...]
    failures: tuple[PluginFailure, ...]
    disabled: tuple[DisabledPlugin, ...]
    absent: tuple[str, ...]

    def registered(self, kind: str) -> list[Registered]:
        """Return the registrations of one kind by name: the order of loading has no meaning."""
        return sorted(
            (
                entry
                for plugin in self.loaded
                for entry in plugin.registered
                if entry.kind.name == kind
            ),
            key=lambda entry: (entry.name, entry.source.name),
        )


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """One line of `nestegg plugins`; `warnings` are faults of a plugin that can be used."""

    name: str
    kinds: tuple[str, ...]
    distribution: str
    version: str
    hooks: tuple[str, ...]
    registrations: tuple[tuple[str, str], ...]
    state: State
    cause: str = ""
    fix: str = ""
    warnings: tuple[Problem, ...] = ()


def describe(error: BaseException) -> str:
    """Return an exception's type and message in one line."""
    error = foreign.raised(error)
    try:
        message = foreign.call(str, error)
    except Exception:  # it comes from a plugin, so its text may do anything
        message = "(its message cannot be read)"
    if isinstance(error, ValidationError):  # its own text repeats the values, secrets as well
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        message = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems)
    return f"{type(error).__name__}: {' '.join(message.split())}".removesuffix(": ")


def scrubbed(problems: Sequence[Problem], scrub: Scrub) -> tuple[Problem, ...]:
    return tuple(Problem(one.where, scrub(one.what), scrub(one.fix)) for one in problems)


def fault(source: Source, what: str) -> Problem:
    fix = f"tell its authors, or switch it off with `PLUGINS_DISABLED={source.name}`"
    return Problem(str(source), what, fix)


FIRST_PARTY = (
    "errors_sentry",
    "idp_cognito",
    "idp_google",
    "idp_keycloak",
    "idp_okta",
    "import_camt",
    "import_excel",
    "import_mt940",
    "import_ofx",
    "import_qif",
    "storage_postgres",
)
"""The plugins of this project that the settings can name; each is a `nestegg-...` distribution."""

_OURS = {f"nestegg-{name.replace('_', '-')}": name for name in FIRST_PARTY}


def install(distribution: str, option: str = "") -> str:
    """Say how a distribution is installed, or installed anew with one of pip's options.

    None of ours is published: whoever took its name on a package index would own every reader. So a
    file is named and never a name that pip would look up.
    """
    words = f"pip install {option} ".replace("  ", " ")
    if distribution not in _OURS and distribution != "nestegg-core":
        return f"`{words}{distribution}`"
    file = f"dist/{distribution.replace('-', '_')}-*.whl"
    command = f"`make wheels && {words}--find-links dist {file}` in the project's folder"
    plugin = _OURS.get(distribution)
    if plugin is None:
        return command
    return f"{command}; with compose name {plugin} in NESTEGG_PLUGINS, and build the image"
