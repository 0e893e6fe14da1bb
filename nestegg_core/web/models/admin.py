"""The instance, as its administrators see it."""

from typing import Annotated, Literal

from pydantic import Field

from nestegg_core.web.models.common import AnswerModel


class PluginWarning(AnswerModel):
    """One thing that is not in order."""

    where: str
    what: str
    fix: str


class Plugin(AnswerModel):
    """An installed plugin and what became of it."""

    name: Annotated[str, Field(description="Its entry point's name, or `builtin:` and a name.")]
    kinds: list[str]
    distribution: str
    version: str
    hooks: list[str]
    registrations: Annotated[
        list[tuple[str, str]], Field(description="Kind and name of each thing it registers.")
    ]
    state: Annotated[
        Literal["selected", "available", "disabled", "failed"],
        Field(description="In force; in order but not asked for; switched off; not usable."),
    ]
    cause: Annotated[str, Field(description="Why it failed or is disabled; else empty.")]
    fix: Annotated[str, Field(description="What to do about that; else empty.")]
    warnings: Annotated[
        list[PluginWarning], Field(description="What is not in order though it can be used.")
    ]


class PluginList(AnswerModel):
    """Every installed plugin, by name."""

    plugins: list[Plugin]
