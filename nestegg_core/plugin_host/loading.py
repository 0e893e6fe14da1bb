"""Loads one plugin: imports it, lets pluggy find its hooks, calls each, checks what it returns."""

import difflib
import inspect
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Timer

import pluggy

from nestegg_core import hookspecs
from nestegg_core.contracts.context import HookContext
from nestegg_core.contracts.routes import Route
from nestegg_core.plugin_host.advice import install
from nestegg_core.plugin_host.candidates import Candidate
from nestegg_core.plugin_host.checks import check_fields
from nestegg_core.plugin_host.compatibility import unfit
from nestegg_core.plugin_host.kinds import KINDS, Kind
from nestegg_core.plugin_host.records import LoadedPlugin, Offer, PluginFailure, Source, describe

SLOW_SECONDS = 5.0
"""How long a plugin may take to load before the log says which one everybody waits for."""

# Discovery comes before the logs are configured: warnings then go to standard error.
_log = logging.getLogger("nestegg.plugins")


class _Refused(Exception):
    """A plugin is not in order; the message says why."""


def load(candidate: Candidate, context: HookContext) -> LoadedPlugin | PluginFailure:
    """Import a plugin, and ask each of its hooks once; refuse one that is for another core."""
    source = candidate.source
    if why := unfit(candidate.requirements, context.core_version):
        return _failure(source, why, "--upgrade")
    with _told_when_slow(source):
        return _loaded(candidate, context)


@contextmanager
def _told_when_slow(source: Source) -> Iterator[None]:
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
        plugin = candidate.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # `sys.exit` at import must not stop the host
        return _failure(source, f"its import raised {describe(error)}", "--force-reinstall")
    try:
        return _register(source, plugin, context)
    except KeyboardInterrupt:
        raise
    except _Refused as error:
        return _failure(source, str(error), "--upgrade")
    except BaseException as error:  # pluggy runs the plugin's own code
        return _failure(source, f"its registration raised {describe(error)}", "--upgrade")


def _failure(source: Source, cause: str, pip_option: str) -> PluginFailure:
    fix = (
        f"try {install(source.distribution, pip_option)} or tell its authors; "
        f"`PLUGINS_DISABLED={source.name}` switches it off"
    )
    return PluginFailure(source, cause, fix, source.told)


def _register(source: Source, plugin: object, context: HookContext) -> LoadedPlugin:
    """Let pluggy find and verify the hooks of one plugin, and call them.

    Each plugin gets a manager of its own: a hook that raises cannot end the call for another
    plugin, and one that fails verification leaves nothing half-registered behind.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    if manager.register(plugin, source.name) is None:
        raise _Refused("its entry point names None instead of a module or object with hooks")
    _verify_hooks(manager, plugin)
    callers = manager.get_hookcallers(plugin) or []
    hooks = tuple(sorted(caller.name for caller in callers if caller.has_spec()))
    offers = [offer for hook in hooks for offer in _call(manager, KINDS[hook], source, context)]
    routes = (o.registration for o in offers if isinstance(o.registration, Route))
    if wrong := check_fields(route.path for route in routes):
        raise _Refused(f"nestegg_routes: {wrong}")
    return LoadedPlugin(source, hooks, tuple(offers))


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
) -> Iterator[Offer]:
    """Call one hook of one plugin, and check everything that it returns."""
    try:
        results = getattr(manager.hook, kind.hook)(ctx=context)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _Refused(f"{kind.hook} raised {describe(error)}") from error
    names: set[str] = set()
    for registration in _only_result(kind, results):
        for fault in kind.faults(registration):
            raise _Refused(fault)
        offer = Offer(source, kind, registration)
        if offer.name in names:
            raise _Refused(f"{kind.hook} registers {offer.name!r} twice")
        names.add(offer.name)
        yield offer


def _only_result(kind: Kind, results: list[object]) -> Sequence[object]:
    # pluggy drops a result of None.
    result = results[0] if results else None
    if isinstance(result, Sequence) and not isinstance(result, str | bytes):
        return result
    raise _Refused(
        f"{kind.hook} must return a list of {kind.type.__name__}, "
        f"not {'None' if result is None else type(result).__name__}"
    )
