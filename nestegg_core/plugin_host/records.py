"""What became of each plugin: the records that discovery leaves, and the report made of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import ValidationError

from nestegg_core import foreign
from nestegg_core.aliases import full_name
from nestegg_core.errors import Problem
from nestegg_core.plugin_host.kinds import KINDS, Kind

Scrub = Callable[[str], str]
"""Takes the secrets of the environment out of a text."""

State = Literal["selected", "available", "disabled", "failed"]

BUILTIN = "builtin:"
"""How the names of plugins begin that ship inside the core, e.g. `builtin:csv`."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a plugin comes from.

    Attributes:
        name: its entry point's name, or `builtin:<x>`.
        distribution: the distribution that brings it, as pip calls it.
        version: the distribution's version.
        package: top-level package of its code, e.g. `nestegg_idp_okta`; empty for built-ins.
        is_editable: whether it runs from its author's folder (`pip install --editable`).

    Example:
        >>> str(Source("idp_okta", "nestegg-idp-okta", "0.1.0"))
        "plugin 'idp_okta' (nestegg-idp-okta 0.1.0)"
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
        """Whether it ships inside the core."""
        return self.name.startswith(BUILTIN)

    @property
    def told(self) -> tuple[tuple[str, str], ...]:
        """What the plugin provides going by its name alone: kinds with names."""
        told = ((kind.name, kind.told_by(self.name)) for kind in KINDS.values())
        return tuple((kind, name) for kind, name in told if name is not None)


@dataclass(frozen=True, slots=True)
class Offer:
    """One registration, and which plugin made it."""

    source: Source
    kind: Kind
    registration: Any

    @property
    def name(self) -> str:
        """What its author calls the registration."""
        return self.kind.name_of(self.registration)

    @property
    def full_name(self) -> str:
        """What it is called among those of all plugins."""
        return full_name(self.source.name, self.name) if self.kind.prefixed else self.name


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A plugin whose import, hooks and registrations are all in order."""

    source: Source
    hooks: tuple[str, ...]
    offers: tuple[Offer, ...]
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PluginFailure:
    """A plugin that cannot be used.

    Attributes:
        source: which one, from which distribution.
        cause: what went wrong, in one line.
        fix: what the operator can do.
        registrations: what it would have provided, as far as that is known.
        refuses_start: whether the server must not start, though nothing may need the plugin: who
            else claims a name cannot be told from who owns it.
    """

    source: Source
    cause: str
    fix: str
    registrations: tuple[tuple[str, str], ...]
    refuses_start: bool = False

    def scrubbed(self, scrub: Scrub) -> "PluginFailure":
        """Return it without what must not be shown: its words may be the plugin's."""
        return replace(self, cause=scrub(self.cause), fix=scrub(self.fix))


@dataclass(frozen=True, slots=True)
class DisabledPlugin:
    """A plugin that is installed, but that `PLUGINS_DISABLED` names. It is not imported.

    Attributes:
        source: which one, from which distribution.
        registrations: what its name tells that it would provide.
    """

    source: Source
    registrations: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that discovery found.

    Attributes:
        loaded: the plugins that can be used.
        failures: those that cannot.
        disabled: those that `PLUGINS_DISABLED` switches off.
        absent: names in `PLUGINS_DISABLED` that nothing installed has.
    """

    loaded: tuple[LoadedPlugin, ...]
    failures: tuple[PluginFailure, ...]
    disabled: tuple[DisabledPlugin, ...]
    absent: tuple[str, ...]

    def offers(self, kind: str) -> list[Offer]:
        """Return what is on offer of one kind, by name: the order of loading has no meaning."""
        return sorted(
            (offer for plugin in self.loaded for offer in plugin.offers if offer.kind.name == kind),
            key=lambda offer: (offer.name, offer.source.name),
        )


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """One line of `nestegg plugins`.

    Attributes:
        name: the entry point's name, or `builtin:<x>`.
        kinds: what kinds of things it registers, e.g. `identity_provider`.
        distribution: the distribution that brings it.
        version: the distribution's version.
        hooks: the hooks that it implements.
        registrations: kind and name of each; what its name tells where it could not be loaded.
        state: `selected` (in force), `available` (in order, not asked for), `disabled`, `failed`.
        cause: why it failed or is disabled; empty otherwise.
        fix: what to do about that; empty otherwise.
        warnings: what is not in order though it can be used.
    """

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
    """Return an exception's type and message in one line.

    Example:
        >>> describe(ModuleNotFoundError("No module named 'hvac'"))
        "ModuleNotFoundError: No module named 'hvac'"
    """
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
    """Return problems without what must not be shown: their words may be a plugin's."""
    return tuple(Problem(one.where, scrub(one.what), scrub(one.fix)) for one in problems)


def fault(source: Source, what: str) -> Problem:
    """Report that a plugin's own code went wrong after the plugin was loaded."""
    fix = f"tell its authors, or switch it off with `PLUGINS_DISABLED={source.name}`"
    return Problem(str(source), what, fix)
