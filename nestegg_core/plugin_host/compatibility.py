"""Whether a plugin was built for this core: its distribution's own bounds on `nestegg-core` say.

pip holds to them when it installs, but not with `--no-deps`, nor when the core is upgraded alone.
"""

from collections.abc import Iterable

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from nestegg_core.contracts.version import CONTRACT_VERSION

CORE = "nestegg-core"


def unfit(requirements: Iterable[str], core_version: str) -> str | None:
    """Say why a distribution does not fit this core; `None` when it does, or does not tell.

    Args:
        requirements: its `Requires-Dist` lines (PEP 508).
        core_version: the running core's version (PEP 440).

    Example:
        >>> unfit(["nestegg-core>=0.1,<0.2", "requests"], "0.1.4") is None
        True
        >>> unfit(["nestegg-core>=0.1,<0.2"], "1.0.0")
        'it was built for nestegg-core <0.2,>=0.1, and this is nestegg-core 1.0.0 (contract 1.0)'
    """
    try:
        running = Version(core_version)
    except InvalidVersion:  # it runs from a bare folder
        return None
    for text in requirements:
        try:
            requirement = Requirement(text)
            # An extra asks for more only of whoever asks for the extra.
            applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            named = applies and canonicalize_name(requirement.name) == CORE
            if named and not requirement.specifier.contains(running, prereleases=True):
                return (
                    f"it was built for {CORE} {requirement.specifier}, and this is {CORE} "
                    f"{core_version} (contract {CONTRACT_VERSION})"
                )
        except InvalidRequirement:
            continue
    return None
