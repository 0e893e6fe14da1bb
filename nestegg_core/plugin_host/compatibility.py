"""Whether a plugin was built for this core, and for what else is installed.

A plugin's distribution requires `nestegg-core[contract-1]`: the extra names the major number of the
contract that it was written for, so that no release of the core that keeps the contract refuses it.
Bounds on the core's release count as well. pip holds to them when it installs, but not with
`--no-deps`, nor when something else is upgraded alone.
"""

from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from nestegg_core.contracts.version import CONTRACT_VERSION
from nestegg_core.errors import Problem
from nestegg_core.plugin_host.records import Source

CORE = "nestegg-core"
CONTRACT = "contract-"
OURS = f"{CONTRACT}{CONTRACT_VERSION.partition('.')[0]}"


def unfit(requirements: Iterable[str], core_version: str) -> str | None:
    """Say why a distribution does not fit this core; `None` when it does, or does not tell.

    Args:
        requirements: its `Requires-Dist` lines (PEP 508).
        core_version: the running core's version (PEP 440).

    Example:
        >>> unfit(["nestegg-core[contract-1]>=0.1", "requests"], "2.7.0") is None
        True
        >>> unfit(["nestegg-core>=0.1,<0.2"], "1.0.0")
        'it was built for nestegg-core <0.2,>=0.1, and this is nestegg-core 1.0.0 (contract 1.0)'
        >>> unfit(["nestegg-core[contract-9]"], "0.1.0")
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
    """Say what a distribution that is in use does not tell, and what it needs and does not get."""
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
