"""What an installed plugin adds to the running of the server: checks, jobs and commands."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import click

    from nestegg_core.contracts.storage import Finding


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that `nestegg doctor` found.

    Attributes:
        level: `error` for what does not work or is not safe, `warning` for what will not go well
            for long, `note` for what the operator decided and should remember.
        what: what is wrong; never a secret's value.
        why: why it matters.
        fix: the command, setting or statement that mends it.

    Example:
        >>> Diagnosis("warning", "The disk is 95% full", "writes fail soon", "make room").level
        'warning'
    """

    level: Literal["error", "warning", "note"]
    what: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class HealthCheckRegistration:
    """A check that `/readyz` runs (`/health` is fixed by the self-hosting guide).

    Attributes:
        name: shown in the answer.
        check: returns what is wrong; empty when ready. It has one second.
        essential: whether requests should go elsewhere while something is wrong. What is not
            essential is told, and changes nothing: requests do without it.

    Example:
        >>> HealthCheckRegistration("vault", lambda: []).check()
        []
    """

    name: str
    check: Callable[[], Sequence["Finding"]]
    essential: bool = True


@dataclass(frozen=True, slots=True)
class JobRegistration:
    """Work that runs outside a request. It must be idempotent.

    Attributes:
        name: stable; the queue carries it.
        run: takes JSON values only.
        queue: `default` or `heavy`.
        schedule: five cron fields in UTC, or `None` for a job that only runs when asked.

    Example:
        >>> JobRegistration("fetch_rates", lambda arguments: None, schedule="0 6 * * *").queue
        'default'
    """

    name: str
    run: Callable[[Mapping[str, Any]], None]
    queue: str = "default"
    schedule: str | None = None


@dataclass(frozen=True, slots=True)
class CommandRegistration:
    """A command below `nestegg`.

    Attributes:
        command: the click command; its name is what operators write.

    Example:
        >>> import click
        >>> CommandRegistration(click.Command("rates")).command.name
        'rates'
    """

    command: "click.Command"
