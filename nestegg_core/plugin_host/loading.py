"""Loads one plugin: imports it, lets pluggy find its hooks, calls each, checks what it returns."""

import difflib
import inspect
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import PackageNotFoundError, version
from threading import Timer

import pluggy
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from nestegg_core import foreign, hookspecs
from nestegg_core.contracts.context import HookContext
from nestegg_core.contracts.names import CONTRACT_VERSION
from nestegg_core.contracts.routes import Route
from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.plugin_host.discovery import ENOUGH, Candidate, Crumbs
from nestegg_core.plugin_host.kinds import KINDS, Kind, check_fields
from nestegg_core.plugin_host.records import (
    LoadedPlugin,
    PluginFailure,
    Registered,
    Source,
    describe,
    install,
)

CORE = "nestegg-core"
CONTRACT = "contract-"
OURS = f"{CONTRACT}{CONTRACT_VERSION.partition('.')[0]}"


def incompatible(requirements: Iterable[str], core_version: str) -> str | None:
    """Say why a distribution does not fit this core; `None` when it does, or says nothing.

    Example:
        >>> incompatible(["nestegg-core[contract-1]>=0.1", "requests"], "2.7.0") is None
        True
        >>> incompatible(["nestegg-core[contract-9]"], "0.1.0")
        'it was built for nestegg-core[contract-9], and this is nestegg-core 0.1.0 (contract 1.0)'
    """
    for requirement in _on_core(_read(requirements)):
        contracts = _contracts(requirement)
        if (contracts and OURS not in contracts) or not _admits(requirement, core_version):
            extras = f"[{','.join(sorted(contracts))}]" if contracts else ""
            bounds = f" {requirement.specifier}" if requirement.specifier else ""
            return (
                f"it was built for {CORE}{extras}{bounds}, and this is {CORE} {core_version} "
                f"(contract {CONTRACT_VERSION})"
            )
    return None


def doubts(source: Source, requirements: Iterable[str]) -> Iterator[Problem]:
    """Say what a distribution in use does not say, and what it needs and does not get."""
    requirements = list(requirements)
    for text in requirements:
        if isinstance(_parsed(text), str):
            fix = f"its authors write it as PEP 508 says, e.g. {CORE}[{OURS}]>=0.1"
            yield Problem(str(source), f"has a requirement that cannot be read: {text!r}", fix)
    read = list(_read(requirements))
    if not any(_contracts(one) or _is_bounded(one) for one in _on_core(read)):
        what = "does not say which core it was built for, so that nothing notices another"
        yield Problem(str(source), what, f"its authors require {CORE}[{OURS}]>=0.1")
    for requirement in read:
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            what = f"needs {requirement.name}, which is not installed"
            yield Problem(str(source), what, f"`pip install '{_without_extras(requirement)}'`")
            continue
        if not _admits(requirement, installed):
            what = f"needs {_without_extras(requirement)}, and {installed} is installed"
            fix = "upgrade it, or install what it needs if nothing else minds: `pip check`"
            yield Problem(str(source), what, fix)


def _parsed(text: str) -> Requirement | str:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        return str(error)


def _read(requirements: Iterable[str]) -> Iterator[Requirement]:
    """Yield those that can be read and apply: an extra asks for more only of whoever asks."""
    for text in requirements:
        requirement = _parsed(text)
        if isinstance(requirement, Requirement) and (
            requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        ):
            yield requirement


def _on_core(requirements: Iterable[Requirement]) -> Iterator[Requirement]:
    return (one for one in requirements if canonicalize_name(one.name) == CORE)


def _contracts(requirement: Requirement) -> set[str]:
    names = map(canonicalize_name, requirement.extras)
    return {name for name in names if name.startswith(CONTRACT)}


def _is_bounded(requirement: Requirement) -> bool:
    return any(bound.operator in ("<", "<=", "==", "~=", "===") for bound in requirement.specifier)


def _admits(requirement: Requirement, installed: str) -> bool:
    try:
        return requirement.specifier.contains(Version(installed), prereleases=True)
    except InvalidVersion:  # the core runs from a bare folder
        return True


def _without_extras(requirement: Requirement) -> str:
    return f"{requirement.name}{requirement.specifier}"


SLOW_SECONDS = 5.0
"""How long a plugin may take to load before the log says which one everybody waits for."""

# Discovery comes before the logs are configured: warnings then go to standard error.
_log = logging.getLogger("nestegg.plugins")


class _Refused(Exception):
    """A plugin is not in order; the message says why."""


def load(
    candidate: Candidate, context: HookContext, crumbs: Crumbs, *, any_core: bool = False
) -> LoadedPlugin | PluginFailure:
    """Import a plugin and ask each of its hooks once, unless it is for another core."""
    source = candidate.source
    if source.is_builtin:
        return _loaded(candidate, context)
    if not any_core and (why := incompatible(candidate.requirements, context.core_version)):
        tried = f"`PLUGINS_FOR_ANY_CORE={source.name}` tries it all the same"
        return _failure(source, why, UPGRADE, tried)
    deaths = crumbs.deaths(source.name, source.version)
    if deaths >= ENOUGH:
        again = f"remove {crumbs.path(source.name)} to try it again"
        why = "its import ended the process, twice in a row"
        return _failure(source, why, REINSTALL, again)
    if deaths:
        _log.warning(_DIED, source, source.name)
    with _warned_when_slow(source), crumbs.importing(source.name, source.version), _to_stderr():
        return _loaded(candidate, context)


UPGRADE, REINSTALL = "--upgrade", "--force-reinstall"
"""What pip does about a distribution that is not in order."""
_DIED = (
    "%s: its import ended the process the last time; if this one ends as well, "
    "PLUGINS_DISABLED=%s switches the plugin off"
)


@contextmanager
def _to_stderr() -> Iterator[None]:
    """What a plugin prints while it is loaded must not get into what a command answers."""
    with redirect_stdout(sys.stderr):
        try:
            kept = os.dup(1)
        except OSError:  # there is none
            yield
            return
        try:
            os.dup2(2, 1)
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)


@contextmanager
def _warned_when_slow(source: Source) -> Iterator[None]:
    """Python cannot interrupt an import that hangs, but it can say whose it is."""
    warning = "%s is still being loaded after %g s; PLUGINS_DISABLED=%s switches it off"
    timer = Timer(SLOW_SECONDS, _log.warning, (warning, source, SLOW_SECONDS, source.name))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # a thread must not be alive when gunicorn forks


def _loaded(candidate: Candidate, context: HookContext) -> LoadedPlugin | PluginFailure:
    source = candidate.source
    try:
        plugin = foreign.contained(candidate.load)
    except KeyboardInterrupt:
        _log.warning("interrupted while %s was imported; %s", source, _off(source))
        raise
    except Exception as error:
        return _failure(source, f"its import raised {describe(error)}", REINSTALL)
    try:
        return foreign.contained(_register, candidate, plugin, context)
    except _Refused as error:
        asked = error.__cause__
        if isinstance(asked, ConfigurationError):  # it knows itself what it needs
            fixes = "; ".join(f"{one.where}: {one.fix}" for one in asked.problems)
            return PluginFailure(source, str(error), f"{fixes}; or {_off(source)}", source.implied)
        return _failure(source, str(error), UPGRADE)
    except Exception as error:  # pluggy runs the plugin's own code
        return _failure(source, f"its registration raised {describe(error)}", UPGRADE)


def _failure(source: Source, cause: str, pip_option: str, *further: str) -> PluginFailure:
    advice = f"try {install(source.distribution, pip_option)} or tell its authors"
    if source.is_editable:
        advice = "mend it where it is installed from"
    return PluginFailure(source, cause, "; ".join([advice, *further, _off(source)]), source.implied)


def _off(source: Source) -> str:
    return f"`PLUGINS_DISABLED={source.name}` switches it off"


def _register(candidate: Candidate, plugin: object, context: HookContext) -> LoadedPlugin:
    """Let pluggy find and verify the hooks of one plugin, and call them.

    Each plugin gets a manager of its own: a hook that raises cannot end the call for another
    plugin, and one that fails verification leaves nothing half-registered behind.
    """
    source = candidate.source
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    if manager.register(plugin, source.name) is None:
        raise _Refused("its entry point names None instead of a module or object with hooks")
    _verify_hooks(manager, plugin)
    callers = manager.get_hookcallers(plugin) or []
    hooks = tuple(sorted(caller.name for caller in callers if caller.has_spec()))
    entries = [entry for hook in hooks for entry in _call(manager, KINDS[hook], source, context)]
    routes = (o.registration for o in entries if isinstance(o.registration, Route))
    if wrong := check_fields(route.path for route in routes):
        raise _Refused(f"nestegg_routes: {wrong}")
    return LoadedPlugin(source, hooks, tuple(entries), tuple(candidate.requirements))


def _verify_hooks(manager: pluggy.PluginManager, plugin: object) -> None:
    """Find what pluggy accepts in silence: misspelt, unmarked and wrapping hooks."""
    callers = manager.get_hookcallers(plugin) or []
    for caller in callers:
        for implementation in caller.get_hookimpls():
            if not caller.has_spec() and not implementation.optionalhook:
                raise _Refused(f"there is no hook {caller.name!r}{_nearest_hook(caller.name)}")
            if implementation.wrapper or implementation.hookwrapper:
                raise _Refused(f"{caller.name} must return its registrations, not wrap others'")
    marked = {caller.name for caller in callers}
    for hook in KINDS:
        if hook not in marked and callable(inspect.getattr_static(plugin, hook, None)):
            raise _Refused(f"{hook} is not marked: write @hookimpl above it")
    if not marked:
        raise _Refused("it has no hooks: mark a function such as nestegg_jobs with @hookimpl")


def _nearest_hook(name: str) -> str:
    near = difflib.get_close_matches(name, KINDS, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(KINDS)}"


def _call(
    manager: pluggy.PluginManager, kind: Kind, source: Source, context: HookContext
) -> Iterator[Registered]:
    """Call one hook of one plugin, and check everything that it returns."""
    try:
        results = foreign.contained(getattr(manager.hook, kind.hook), ctx=context)
    except Exception as error:
        raise _Refused(f"{kind.hook} raised {describe(error)}") from error
    names: set[str] = set()
    for registration in _only_result(kind, results):
        for fault in kind.faults(registration):
            raise _Refused(fault)
        entry = Registered(source, kind, registration)
        if entry.name in names:
            raise _Refused(f"{kind.hook} registers {entry.name!r} twice")
        names.add(entry.name)
        yield entry


def _only_result(kind: Kind, results: list[object]) -> Sequence[object]:
    # pluggy drops a result of None.
    result = results[0] if results else None
    if isinstance(result, Sequence) and not isinstance(result, str | bytes):
        return result
    raise _Refused(
        f"{kind.hook} must return a list of {kind.type.__name__}, "
        f"not {'None' if result is None else type(result).__name__}"
    )
