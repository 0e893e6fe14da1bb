"""Which plugins there are, before and after loading: whence they come, and who contests a name."""

import importlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, PackageNotFoundError, version

from nestegg_core.contracts.names import RULE, is_name
from nestegg_core.errors import Problem
from nestegg_core.plugin_host.advice import install
from nestegg_core.plugin_host.records import (
    BUILTIN,
    Catalogue,
    LoadedPlugin,
    Offer,
    PluginFailure,
    Source,
)

CORE = "nestegg-core"
IN_MEMORY = "in memory"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin that could be loaded; `requirements` are its `Requires-Dist` lines."""

    source: Source
    load: Callable[[], object]
    requirements: Sequence[str] = ()


def core_version() -> str:
    """Return the installed version of the core; `unknown` when it runs from a bare folder."""
    try:
        return version(CORE)
    except PackageNotFoundError:
        return "unknown"


def builtins() -> Candidate:
    """Importing them waits until `load`: they import the domains."""
    return Candidate(
        Source(f"{BUILTIN}core", CORE, core_version()),
        lambda: importlib.import_module("nestegg_core.builtins"),
    )


def candidates(
    entry_points: Iterable[EntryPoint], extra: Mapping[str, object]
) -> Iterator[Candidate]:
    for entry_point in entry_points:
        yield Candidate(_source(entry_point), entry_point.load, _requirements(entry_point))
    for name, plugin in extra.items():
        source = Source(name, IN_MEMORY, core_version(), is_editable=True)
        yield Candidate(source, _returning(plugin))


def _source(entry_point: EntryPoint) -> Source:
    """Read the distribution's name and version; broken metadata must not stop the others."""
    try:
        distribution = entry_point.dist
        facts = distribution and (distribution.name, distribution.version)
    except Exception:  # each Python version fails in a way of its own
        facts = None
    name, release = facts or (None, None)
    return Source(
        entry_point.name,
        name or "unknown distribution",
        release or "unknown version",
        package=entry_point.value.replace(":", ".").partition(".")[0].strip(),
        is_editable=_is_editable(entry_point),
    )


def _is_editable(entry_point: EntryPoint) -> bool:
    """pip notes so in `direct_url.json` (PEP 610)."""
    try:
        noted = entry_point.dist and entry_point.dist.read_text("direct_url.json")
        return bool(noted and json.loads(noted)["dir_info"]["editable"])
    except Exception:  # as above
        return False


def _requirements(entry_point: EntryPoint) -> Sequence[str]:
    try:
        return tuple((entry_point.dist and entry_point.dist.requires) or ())
    except Exception:  # as above
        return ()


def _returning(plugin: object) -> Callable[[], object]:
    return lambda: plugin


def split_by_name(
    found: Iterable[Candidate],
) -> tuple[list[Candidate], list[PluginFailure]]:
    """Refuse both of two plugins with one name: neither may put itself in the other's place."""
    named: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in found:
        named[candidate.source.name].append(candidate)
    good: list[Candidate] = []
    bad: list[PluginFailure] = []
    for name, group in named.items():
        if len(group) > 1:
            bad.extend(_same_name([candidate.source for candidate in group]))
        elif is_name(name):
            good.extend(group)
        else:
            bad.append(_bad_name(group[0].source))
    return good, bad


def _same_name(sources: Sequence[Source]) -> Iterator[PluginFailure]:
    names = " and ".join(sorted(f"{s.distribution} {s.version}" for s in sources))
    for source in sources:
        yield PluginFailure(
            source,
            f"two distributions have a plugin of this name: {names}",
            f"uninstall one of them, or switch off both with `PLUGINS_DISABLED={source.name}`",
            source.told,
            refuses_start=True,
        )


def _bad_name(source: Source) -> PluginFailure:
    return PluginFailure(
        source,
        f"the entry point's name must be {RULE}",
        f"upgrade it with {install(source.distribution, '--upgrade')}, or tell its authors",
        source.told,
    )


def split_builtins(plugin: LoadedPlugin) -> Iterator[LoadedPlugin]:
    """Take the core's own module apart, so that each built-in is a plugin to whoever looks."""
    if not plugin.source.name.startswith(BUILTIN):
        yield plugin
        return
    named: dict[str, list[Offer]] = defaultdict(list)
    for offer in plugin.offers:
        named[offer.name].append(offer)
    for name, offers in named.items():
        source = Source(f"{BUILTIN}{name}", plugin.source.distribution, plugin.source.version)
        yield LoadedPlugin(
            source,
            tuple(offer.kind.hook for offer in offers),
            tuple(Offer(source, offer.kind, offer.registration) for offer in offers),
        )


def split_by_claim(
    found: Iterable[LoadedPlugin],
) -> tuple[list[LoadedPlugin], list[PluginFailure]]:
    plugins = list(found)
    claims: dict[tuple[str, str], list[LoadedPlugin]] = defaultdict(list)
    for plugin in plugins:
        for claim in claims_of(plugin):
            claims[claim].append(plugin)
    contested = {claim: owners for claim, owners in claims.items() if len(owners) > 1}
    good: list[LoadedPlugin] = []
    bad: list[PluginFailure] = []
    for plugin in plugins:
        mine = [claim for claim in claims_of(plugin) if claim in contested]
        if mine:
            bad.append(_contested(plugin, mine[0], contested[mine[0]]))
        else:
            good.append(plugin)
    return good, bad


def clashes(catalogue: Catalogue) -> Iterator[Problem]:
    """Say whose jobs, commands and checks cannot go by their short names, and who has them too."""
    named: dict[tuple[str, str], list[Offer]] = defaultdict(list)
    for offer in (offer for plugin in catalogue.loaded for offer in plugin.offers):
        if offer.kind.prefixed:
            named[offer.kind.label, offer.name].append(offer)
    for (kind, name), owners in named.items():
        for offer in owners if len(owners) > 1 else ():
            others = " and ".join(str(o.source) for o in owners if o is not offer)
            what = f"its {kind} {name!r} is called as one of {others}"
            yield Problem(str(offer.source), what, f"ask for it as {offer.full_name}")


def claims_of(plugin: LoadedPlugin) -> tuple[tuple[str, str], ...]:
    """Return the kinds and names that no other plugin may have as well."""
    return tuple(
        (offer.kind.name, key)
        for offer in plugin.offers
        for key in offer.kind.keys_of(offer.registration)
    )


def _contested(
    plugin: LoadedPlugin, claim: tuple[str, str], owners: Sequence[LoadedPlugin]
) -> PluginFailure:
    others = " and ".join(str(o.source) for o in owners if o.source != plugin.source)
    names = " or ".join(f"`PLUGINS_DISABLED={o.source.name}`" for o in owners)
    kind, name = claim
    return PluginFailure(
        plugin.source,
        f"the {kind.replace('_', ' ')} {name!r} is also registered by {others}",
        f"uninstall one of them, or switch one off with {names}",
        claims_of(plugin),
        refuses_start=True,
    )
