"""The steps of the project's Dockerfile, and what they come to on this machine."""

from dataclasses import dataclass, field
from pathlib import Path

from dockerfile_parse import DockerfileParser

from support.environments import ROOT


@dataclass
class Stage:
    """One stage of the build: its instructions after FROM, each with its value."""

    image: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def values(self, instruction: str) -> list[str]:
        """Return the values of one kind of instruction, in their order."""
        return [value for name, value in self.steps if name == instruction]


def stages(folder: Path = ROOT) -> list[Stage]:
    """Return the stages of a folder's Dockerfile."""
    found: list[Stage] = []
    for step in DockerfileParser(str(folder / "Dockerfile")).structure:
        if step["instruction"] == "FROM":
            found.append(Stage(step["value"]))
        elif found and step["instruction"] != "COMMENT":
            found[-1].steps.append((step["instruction"], step["value"]))
    return found
