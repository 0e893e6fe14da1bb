"""The jobs that there are: the core's own and those of plugins."""

from collections.abc import Iterable, Sequence

from nestegg_core.contracts.operations import JobRegistration
from nestegg_core.errors import ConfigurationError, InvalidInput, NotFound, Problem


class Registry:
    """Finds a job by its name.

    Raises:
        ConfigurationError: two jobs have one name.
    """

    def __init__(self, registrations: Iterable[JobRegistration]) -> None:
        self._by_name: dict[str, JobRegistration] = {}
        problems = []
        for one in registrations:
            if one.name in self._by_name:
                problems.append(
                    Problem(
                        f"the job {one.name}",
                        "is there twice: the core has one, or two plugins do",
                        "give the plugin's job another name, or list the plugin in "
                        "PLUGINS_DISABLED",
                    )
                )
            self._by_name.setdefault(one.name, one)
        if problems:
            raise ConfigurationError(problems)

    def all(self) -> Sequence[JobRegistration]:
        """Return every job, by name."""
        return [self._by_name[name] for name in sorted(self._by_name)]

    def wanted(self, name: str) -> JobRegistration:
        """Return the job that somebody asks for.

        Raises:
            InvalidInput: there is none; says which there are.
        """
        if name not in self._by_name:
            there = ", ".join(sorted(self._by_name))
            raise InvalidInput.one("/name", "unknown_job", f"is no job; there are: {there}")
        return self._by_name[name]

    def accepted(self, name: str) -> JobRegistration:
        """Return the job of a row that was accepted some time ago, or by another process.

        Raises:
            NotFound: its plugin is not installed here.
        """
        if name not in self._by_name:
            raise NotFound("No plugin of this worker's installation offers the job.")
        return self._by_name[name]
