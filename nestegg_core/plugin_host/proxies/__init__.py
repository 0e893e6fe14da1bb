"""Every call of a plugin's code at run time passes here: what goes wrong in it gets its name.

A guard fulfils the same Protocol as what it guards. It lets pass what the contract allows, and
raises `PluginFault` for everything else, which the log names and the metrics count. Built-ins are
part of the core and go unguarded. A storage's calls are too many to guard, so `FaultAttribution`
attributes what comes out of them.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from nestegg_core.contracts.encryption import EncryptionBackend
from nestegg_core.contracts.identity import IdentityProvider
from nestegg_core.contracts.importers import StatementImporter
from nestegg_core.contracts.names import full_name
from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.contracts.retention import RetentionPolicy
from nestegg_core.contracts.routes import Route
from nestegg_core.errors import Problem
from nestegg_core.plugin_host import Plugins, Selected
from nestegg_core.plugin_host.proxies.guard import FaultAttribution, FaultLog, Guard
from nestegg_core.plugin_host.proxies.identity import GuardedProvider
from nestegg_core.plugin_host.proxies.providers import (
    BoundedCheck,
    GuardedBackend,
    GuardedImporter,
    GuardedPolicy,
    Scope,
    guarded_job,
    guarded_route,
)


class GuardedPlugins:
    """The run-time objects of the chosen plugins, guarded; built-ins as they are."""

    def __init__(
        self, plugins: Plugins, faults: FaultLog, permissions: Collection[str], scope: Scope
    ) -> None:
        self._plugins = plugins
        self._faults = faults
        self._permissions = permissions
        self._scope = scope
        guards = {s.package: Guard(s, faults) for s in plugins.sources if s.package}
        self.attribution = FaultAttribution(guards)
        self.skipped: list[Problem] = []
        self.routes = tuple(self._routes())

    def identity_providers(self) -> list[tuple[str, IdentityProvider]]:
        chain = self._plugins.identity_providers
        return [(one.name, self._made(one, _provider(one))) for one in chain]

    def encryption_backends(self) -> dict[str, EncryptionBackend]:
        chosen = self._plugins.encryption_backends
        return {name: self._made(one, GuardedBackend) for name, one in chosen.items()}

    def statement_importers(self) -> dict[str, StatementImporter]:
        chosen = self._plugins.statement_importers
        return {one.name: self._made(one, GuardedImporter) for one in chosen}

    def retention_policies(self) -> list[tuple[str, RetentionPolicy]]:
        chosen = self._plugins.retention_policies
        return [(one.name, self._made(one, GuardedPolicy)) for one in chosen]

    def health_checks(self) -> list[BoundedCheck]:
        return [
            BoundedCheck(
                Guard(source, self._faults), replace(check, name=full_name(source.name, check.name))
            )
            for source, check in self._plugins.health_checks
        ]

    def jobs(self, taken: Collection[str]) -> list[JobRegistration]:
        """Return every plugin's jobs under their full names; none gets one of the core's names."""
        for source, job in self._plugins.jobs:
            if job.name in taken:
                what = f"its job {job.name!r} is called as one of the core's"
                fix = f"ask for it as {full_name(source.name, job.name)}"
                self.skipped.append(Problem(str(source), what, fix))
        return [
            guarded_job(Guard(source, self._faults), full_name(source.name, job.name), job)
            for source, job in self._plugins.jobs
        ]

    def _made(self, chosen: Selected[Any, Any], guarded: Any) -> Any:
        made = chosen.make()
        if chosen.source.is_builtin:
            return made
        return guarded(Guard(chosen.source, self._faults), made)

    def _routes(self) -> Iterator[tuple[str, Route]]:
        for source, route in self._plugins.routes:
            if route.permission in self._permissions:
                yield source.name, guarded_route(Guard(source, self._faults), route, self._scope)
                continue
            what = f"{route.method} {route.path} asks for a permission that does not exist"
            fix = f"write one of {', '.join(sorted(self._permissions))}"
            self.skipped.append(Problem(str(source), what, fix))


def _provider(chosen: Selected[Any, IdentityProvider]) -> Callable[..., GuardedProvider]:
    return partial(GuardedProvider, name=chosen.name, clock=chosen.context.clock)


__all__ = ["BoundedCheck", "FaultAttribution", "FaultLog", "Guard", "GuardedPlugins"]
