"""The jobs that there are: the core's own, and those of plugins as `<plugin>.<name>`."""

from collections.abc import Iterable, Sequence

from nestegg_core.aliases import aliases, short_name
from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.errors import InvalidInput, NotFound


class Registry:
    """Finds a job by its name, or by its short name while that is free."""

    def __init__(self, registrations: Iterable[JobRegistration]) -> None:
        self._by_name = {one.name: one for one in registrations}
        own = {name for name in self._by_name if short_name(name) == name}
        self._aliases = aliases(self._by_name.keys() - own, own)

    def all(self) -> Sequence[JobRegistration]:
        """Return every job, by name."""
        return [self._by_name[name] for name in sorted(self._by_name)]

    def full_name(self, name: str) -> str:
        """Return what a name stands for; itself where it stands for nothing."""
        return self._aliases.get(name, name)

    def wanted(self, name: str) -> JobRegistration:
        """Return the job that somebody asks for.

        Raises:
            InvalidInput: there is none; says which there are.
        """
        full = self.full_name(name)
        if full not in self._by_name:
            alike = [one for one in self._by_name if short_name(one) == name]
            there = ", ".join(sorted(alike or self._by_name))
            raise InvalidInput.one("/name", "unknown_job", f"is no job; there are: {there}")
        return self._by_name[full]

    def accepted(self, name: str) -> JobRegistration:
        """Return the job of a row that was accepted some time ago, or by another process.

        Raises:
            NotFound: its plugin is not installed here.
        """
        full = self.full_name(name)
        if full not in self._by_name:
            raise NotFound("No plugin of this worker's installation offers the job.")
        return self._by_name[full]
