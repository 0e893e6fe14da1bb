"""What to tell an operator whose settings name something that no usable plugin provides."""

import difflib
from collections.abc import Iterator

from nestegg_core.errors import Problem
from nestegg_core.plugin_host.advice import FIRST_PARTY, install
from nestegg_core.plugin_host.kinds import KINDS, Kind
from nestegg_core.plugin_host.records import BUILTIN, Catalogue, PluginFailure, Source

KIND = {kind.name: kind for kind in KINDS.values()}


def missing(catalogue: Catalogue, kind_name: str, variable: str, name: str) -> Problem | None:
    """Say why a name has no plugin, and what to do.

    Args:
        catalogue: what discovery found.
        kind_name: what is missing, e.g. `identity_provider`.
        variable: the setting that names it.
        name: the name in that setting.

    Returns:
        `None` where the plugin's own failure already refuses the start.
    """
    kind = KIND[kind_name]
    named = f"names the {kind.label} {name!r}"
    if failure := _failed(catalogue, kind, name):
        if failure.refuses_start:
            return None
        what = f"{named}, but {failure.source} failed: {failure.cause}"
        return Problem(variable, what, failure.fix)
    if source := _disabled(catalogue, kind, name):
        what = f"{named}, but PLUGINS_DISABLED switches {source} off"
        fix = f"take {source.name!r} out of PLUGINS_DISABLED, or {name!r} out of {variable}"
        return Problem(variable, what, fix)
    if distribution := _not_installed(kind, name):
        what = f"{named}, which is not installed"
        return Problem(variable, what, install(distribution))
    return Problem(variable, f"{named}, which does not exist", _nearest(catalogue, kind, name))


def misspelt(catalogue: Catalogue) -> Iterator[Problem]:
    """Say which names in `PLUGINS_DISABLED` nothing has, and which there are."""
    sources = [plugin.source for plugin in catalogue.loaded]
    sources += [failure.source for failure in catalogue.failures]
    sources += [plugin.source for plugin in catalogue.disabled]
    known = sorted({source.name for source in sources} - {f"{BUILTIN}core"})
    for name in catalogue.absent:
        near = difflib.get_close_matches(name.lower(), known, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        fix = f"{meant}Names are in lower case; there are {', '.join(known)}"
        yield Problem("PLUGINS_DISABLED", f"names {name!r}, which no plugin is called", fix)


def _failed(catalogue: Catalogue, kind: Kind, name: str) -> PluginFailure | None:
    wanted = (kind.name, name)
    return next((f for f in catalogue.failures if wanted in f.registrations), None)


def _disabled(catalogue: Catalogue, kind: Kind, name: str) -> Source | None:
    wanted = (kind.name, name)
    return next((p.source for p in catalogue.disabled if wanted in p.registrations), None)


def _not_installed(kind: Kind, name: str) -> str | None:
    plugin = next((plugin for plugin in FIRST_PARTY if kind.told_by(plugin) == name), None)
    return plugin and f"nestegg-{plugin.replace('_', '-')}"


def _nearest(catalogue: Catalogue, kind: Kind, name: str) -> str:
    """Name all that can be chosen, the nearest first; a plugin out of use may be the one."""
    offered = {key for o in catalogue.offers(kind.name) for key in kind.keys_of(o.registration)}
    told = {kind.told_by(plugin) for plugin in FIRST_PARTY} - {None}
    known = sorted(offered.union(filter(None, told)))
    failed = {n for f in catalogue.failures for of, n in f.registrations if of == kind.name}
    near = difflib.get_close_matches(name.lower(), {*known, *failed}, n=1)
    meant = f"did you mean {near[0]!r}? Else " if near else ""
    advice = f"{meant}write one of {', '.join(map(repr, known)) or '(none is installed)'}"
    unused = [f"{f.source} failed: {f.cause}" for f in catalogue.failures]
    unused += [f"{plugin.source} is disabled" for plugin in catalogue.disabled]
    return f"{advice}. Not in use: {'; '.join(unused)}" if unused else advice
