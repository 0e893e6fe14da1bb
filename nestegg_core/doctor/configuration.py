"""Settings, keys and plugins: what was refused, what was left out, and what was decided."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from nestegg_core.contracts.operations import Diagnosis
from nestegg_core.errors import Problem


class Status(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def state(self) -> str: ...

    @property
    def cause(self) -> str: ...

    @property
    def fix(self) -> str: ...

    @property
    def warnings(self) -> Iterable[Problem]: ...


def refused(problems: Iterable[Problem]) -> Iterator[Diagnosis]:
    for one in problems:
        yield Diagnosis("error", f"{one.where} {one.what}", "the server cannot start", one.fix)


def doubtful(problems: Iterable[Problem]) -> Iterator[Diagnosis]:
    for one in problems:
        why = "what was meant is not in force, or not everywhere"
        yield Diagnosis("warning", f"{one.where} {one.what}", why, one.fix)


def keys(problems: Iterable[Problem]) -> Iterator[Diagnosis]:
    why = "values would not open, or be written so that nobody else can read them"
    for one in problems:
        yield Diagnosis("error", f"{one.where} {one.what}", why, one.fix)


def values(damaged: int, checked: int) -> Iterator[Diagnosis]:
    if damaged:
        yield Diagnosis(
            "error",
            f"{damaged} of {checked} encrypted values do not open",
            "they are shown as missing, and what needs them is refused",
            "nestegg keys verify names them; bring them back from a backup made before",
        )


def plugins(statuses: Iterable[Status], misspelt: Iterable[Problem]) -> Iterator[Diagnosis]:
    for name in misspelt:
        why = "what it was meant to switch off is on"
        yield Diagnosis("warning", f"{name.where} {name.what}", why, name.fix)
    for one in statuses:
        if one.state == "failed":
            why = "what it brings is not there"
            yield Diagnosis("warning", f"Plugin {one.name} failed: {one.cause}", why, one.fix)
        for found in one.warnings:
            why = "it may fail, or show what it should not"
            yield Diagnosis("warning", f"{found.where} {found.what}", why, found.fix)


def decisions(
    *, production: bool, trusted: Iterable[str], open_metrics: bool
) -> Iterator[Diagnosis]:
    if not production:
        yield Diagnosis(
            "note",
            "ENVIRONMENT is not production",
            "insecure settings are not refused",
            "for real data set ENVIRONMENT=production",
        )
    if names := ", ".join(trusted):
        yield Diagnosis(
            "note",
            f"TRUSTED_NETWORKS vouches for {names}",
            "databases and Redis there need neither TLS nor a password",
            "leave it out where others can reach that network",
        )
    if open_metrics:
        yield Diagnosis(
            "warning",
            "The metrics are served to other machines with the default password",
            "everybody can read them",
            "set METRICS_PASSWORD, or METRICS_HOST=127.0.0.1",
        )
