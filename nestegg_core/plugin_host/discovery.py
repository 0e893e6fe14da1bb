"""Which plugins there are, whose names conflict, and whose import ended an earlier process.

Python cannot stop `os._exit` or a crash in a library written in C. So each import leaves a crumb in
the data folder, locked by its process, and takes it away again. One that is there and not locked
belongs to a process that ended meanwhile.
"""

import fcntl
import importlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from pathlib import Path

from nestegg_core.contracts.names import RULE, is_name
from nestegg_core.errors import Problem
from nestegg_core.plugin_host.records import (
    BUILTIN,
    Catalogue,
    LoadedPlugin,
    PluginFailure,
    Registered,
    Source,
    install,
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


def split_by_name(found: Iterable[Candidate]) -> tuple[list[Candidate], list[PluginFailure]]:
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
            source.implied,
            refuses_start=True,
        )


def _bad_name(source: Source) -> PluginFailure:
    return PluginFailure(
        source,
        f"the entry point's name must be {RULE}",
        f"upgrade it with {install(source.distribution, '--upgrade')}, or tell its authors",
        source.implied,
    )


def split_builtins(plugin: LoadedPlugin) -> Iterator[LoadedPlugin]:
    """Take the core's own module apart, so that each built-in is a plugin to whoever looks."""
    if not plugin.source.name.startswith(BUILTIN):
        yield plugin
        return
    named: dict[str, list[Registered]] = defaultdict(list)
    for entry in plugin.registered:
        named[entry.name].append(entry)
    for name, entries in named.items():
        source = Source(f"{BUILTIN}{name}", plugin.source.distribution, plugin.source.version)
        yield LoadedPlugin(
            source,
            tuple(entry.kind.hook for entry in entries),
            tuple(Registered(source, entry.kind, entry.registration) for entry in entries),
        )


def split_by_claim(found: Iterable[LoadedPlugin]) -> tuple[list[LoadedPlugin], list[PluginFailure]]:
    plugins = list(found)
    claims: dict[tuple[str, str], list[LoadedPlugin]] = defaultdict(list)
    for plugin in plugins:
        for claim in claims_of(plugin):
            claims[claim].append(plugin)
    conflicting = {claim: owners for claim, owners in claims.items() if len(owners) > 1}
    good: list[LoadedPlugin] = []
    bad: list[PluginFailure] = []
    for plugin in plugins:
        mine = [claim for claim in claims_of(plugin) if claim in conflicting]
        if mine:
            bad.append(_conflicting(plugin, mine[0], conflicting[mine[0]]))
        else:
            good.append(plugin)
    return good, bad


def clashes(catalogue: Catalogue) -> Iterator[Problem]:
    """Say whose jobs, commands and checks cannot go by their short names, and who has them too."""
    named: dict[tuple[str, str], list[Registered]] = defaultdict(list)
    for entry in (entry for plugin in catalogue.loaded for entry in plugin.registered):
        if entry.kind.prefixed:
            named[entry.kind.label, entry.name].append(entry)
    for (kind, name), owners in named.items():
        for entry in owners if len(owners) > 1 else ():
            others = " and ".join(str(o.source) for o in owners if o is not entry)
            what = f"its {kind} {name!r} is called as one of {others}"
            yield Problem(str(entry.source), what, f"ask for it as {entry.full_name}")


def claims_of(plugin: LoadedPlugin) -> tuple[tuple[str, str], ...]:
    """Return the kinds and names that no other plugin may have as well."""
    return tuple(
        (entry.kind.name, key)
        for entry in plugin.registered
        for key in entry.kind.keys_of(entry.registration)
    )


def _conflicting(
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


FOLDER = "imports"
ENOUGH = 2
"""How many processes in a row a plugin may end until it is left out: one may have been killed."""


class Crumbs:
    """The crumbs of one data folder. Without a folder that can be written to there are none."""

    def __init__(self, home: Path | None) -> None:
        self._home = home
        self._folder = home / FOLDER if home else None

    def deaths(self, plugin: str, version: str) -> int:
        """Return how many processes ended while they imported this version of a plugin."""
        return sum(1 for crumb in self._of(plugin, version) if _is_left(crumb))

    def path(self, plugin: str) -> str:
        return f"{self._folder}/{plugin}@*"

    @contextmanager
    def importing(self, plugin: str, version: str) -> Iterator[None]:
        """Leave a crumb until the import has come back, however it went."""
        made_home = self._make_folder()
        crumb = self._leave(plugin, version)
        try:
            yield
        finally:
            if crumb is not None:
                self._forget(plugin)
                os.close(crumb)  # only now: what is there and not locked counts as a death
            if self._folder is not None:
                with suppress(OSError):
                    self._folder.rmdir()
                    if made_home and self._home is not None:
                        self._home.rmdir()

    def _make_folder(self) -> bool:
        if self._folder is None or self._home is None:
            return False
        made_home = not self._home.exists()
        with suppress(OSError):
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
        return made_home

    def _leave(self, plugin: str, version: str) -> int | None:
        if self._folder is None:
            return None
        path = self._folder / f"{plugin}@{_plain(version)}@{os.getpid()}-{os.urandom(4).hex()}"
        fresh = path.with_name(f".{path.name}")
        try:
            crumb = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except OSError:
            return None
        with suppress(OSError):
            fcntl.flock(crumb, fcntl.LOCK_EX)
            fresh.rename(path)  # locked before anybody can see it
        return crumb

    def _forget(self, plugin: str) -> None:
        """It came back: what is left of others that did not is out of date, and so is ours."""
        for crumb in self._of(plugin, "*"):
            if f"@{os.getpid()}-" in crumb.name or _is_left(crumb):
                with suppress(OSError):
                    crumb.unlink()

    def _of(self, plugin: str, version: str) -> list[Path]:
        if self._folder is None:
            return []
        version = version if version == "*" else _plain(version)
        with suppress(OSError):
            return list(self._folder.glob(f"{plugin}@{version}@*"))
        return []


def _is_left(crumb: Path) -> bool:
    try:
        opened = os.open(crumb, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(opened).st_nlink > 0
    except OSError:  # it is being imported just now
        return False
    finally:
        os.close(opened)


def _plain(version: str) -> str:
    return "".join(letter if letter.isalnum() or letter in ".+-" else "_" for letter in version)
