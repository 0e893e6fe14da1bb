"""Jobs, for administrators of the instance."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from nestegg_core.api.fields import AnswerModel, Label, Next, PageQuery, RequestModel, Sealed
from nestegg_core.api.operation import PREFIX, Answer, Call, operation, page_answer
from nestegg_core.jobs.runner import USER
from nestegg_core.jobs.service import Jobs
from nestegg_core.jobs.store import JobList
from nestegg_core.mail.queue import SHOWN_RESET
from nestegg_core.users.access import require_scope
from nestegg_core.users.roles import ACCOUNT_WRITE

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
        Literal["user", "command", "schedule", "core"],
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


COLLECTION = PREFIX + "/admin/jobs"
ONE = COLLECTION + "/{job_id}"


@dataclass(frozen=True, slots=True)
class JobResource:
    jobs: Jobs
    job_list: JobList

    @operation("GET", COLLECTION, administrators=True, query=JobQuery, answer=JobPage)
    def list(self, call: Call) -> Answer:
        """List the jobs that were asked for, the newest first."""
        query = call.query
        filters = {"name": query.name and self.jobs.full_name(query.name), "state": query.state}
        return page_answer(self.job_list.page(filters, limit=query.limit, after=call.after))

    @operation("POST", COLLECTION, administrators=True, body=NewJob, answer=Job, status=202)
    def run(self, call: Call) -> Answer:
        """Ask for a job. Without Redis it has run, or has failed, when the answer comes."""
        return self._accepted(self.jobs.enqueue(call.body.name, call.body.arguments, asked_by=USER))

    @operation("GET", ONE, administrators=True, answer=Job)
    def read(self, call: Call) -> Answer:
        """Read a job with its arguments.

        One that mails a link to reset a password has it there: for that a personal access token
        needs `account:write` as well.
        """
        return Answer(self._read(call), cacheable=False)

    @operation("POST", ONE + "/retry", administrators=True, answer=Job, status=202)
    def retry(self, call: Call) -> Answer:
        """Have a failed job done after all, with as many tries as a new one."""
        self._read(call)
        self.jobs.retry(call.params["job_id"])
        return self._accepted(call.params["job_id"])

    def _read(self, call: Call) -> Mapping[str, Any]:
        job = self.job_list.read(call.params["job_id"])
        if job["name"] == SHOWN_RESET:
            require_scope(call.caller, ACCOUNT_WRITE)
        return job

    def _accepted(self, job_id: str) -> Answer:
        location = f"{COLLECTION}/{job_id}"
        return Answer(self.job_list.read(job_id), status=202, location=location, cacheable=False)
