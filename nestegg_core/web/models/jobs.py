"""Jobs, for administrators of the instance."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from nestegg_core.web.fields import Label, PageQuery, RequestModel
from nestegg_core.web.models.common import AnswerModel, Next, Sealed

State = Literal["queued", "running", "done", "failed"]


class JobQuery(PageQuery):
    """Which jobs to list."""

    name: Annotated[Label | None, Field(description="Only runs of this job.")] = None
    state: Annotated[State | None, Field(description="Only those in this state.")] = None


class NewJob(RequestModel):
    """A job to ask for."""

    name: Label
    arguments: Annotated[
        dict[str, Any], Field(default_factory=dict, description="JSON values for the job.")
    ]


class JobRow(AnswerModel):
    """A job that was asked for."""

    id: str
    name: str
    queue: Literal["default", "heavy"]
    state: State
    tries: Annotated[int, Field(description="How often it was begun.")]
    asked_by: Annotated[
        Literal["person", "command", "schedule", "core"],
        Field(
            description="Who asked for it: somebody through the API, `nestegg jobs run`, the "
            "scheduler, or the core itself (a mail)."
        ),
    ]
    created_at: datetime
    due_at: Annotated[datetime, Field(description="When it is tried next, or was tried first.")]
    started_at: datetime | None
    finished_at: datetime | None
    error: Annotated[str | None, Field(description="Of the last try; without values.")]


class Job(JobRow, Sealed):
    """A job with what it was asked with."""

    arguments: dict[str, Any] | None


class JobPage(AnswerModel):
    """A page of jobs, the newest first."""

    items: list[JobRow]
    next: Next
