"""Jobs, for administrators of the instance."""

from collections.abc import Mapping
from typing import Any

from nestegg_core.jobs.current import PERSON
from nestegg_core.jobs.reading import JobList
from nestegg_core.jobs.service import Jobs
from nestegg_core.people.access import require_scope
from nestegg_core.people.mail_jobs import SHOWN_RESET
from nestegg_core.people.permissions import ACCOUNT_WRITE
from nestegg_core.web.models import jobs as models
from nestegg_core.web.operation import PREFIX, Answer, Call, operation

COLLECTION = PREFIX + "/admin/jobs"
ONE = COLLECTION + "/{job_id}"


class JobResource:
    """`/admin/jobs`."""

    def __init__(self, jobs: Jobs, job_list: JobList) -> None:
        self._jobs = jobs
        self._list = job_list

    @operation("GET", COLLECTION, administrators=True, query=models.JobQuery, answer=models.JobPage)
    def list(self, call: Call) -> Answer:
        """List the jobs that were asked for, the newest first."""
        query = call.query
        filters = {"name": query.name and self._jobs.full_name(query.name), "state": query.state}
        items, after = self._list.page(filters, limit=query.limit, after=call.after)
        return Answer({"items": items}, after=after)

    @operation(
        "POST",
        COLLECTION,
        administrators=True,
        body=models.NewJob,
        answer=models.Job,
        status=202,
    )
    def run(self, call: Call) -> Answer:
        """Ask for a job. Without Redis it has run, or has failed, when the answer comes."""
        return self._accepted(
            self._jobs.enqueue(call.body.name, call.body.arguments, asked_by=PERSON)
        )

    @operation("GET", ONE, administrators=True, answer=models.Job)
    def read(self, call: Call) -> Answer:
        """Read a job with its arguments.

        One that mails a link to reset a password has it there: for that a personal access token
        needs `account:write` as well.
        """
        return Answer(self._read(call), cacheable=False)

    @operation("POST", ONE + "/retry", administrators=True, answer=models.Job, status=202)
    def retry(self, call: Call) -> Answer:
        """Have a failed job done after all, with as many tries as a new one."""
        self._read(call)
        self._jobs.retry(call.params["job_id"])
        return self._accepted(call.params["job_id"])

    def _read(self, call: Call) -> Mapping[str, Any]:
        job = self._list.read(call.params["job_id"])
        if job["name"] == SHOWN_RESET:
            require_scope(call.caller, ACCOUNT_WRITE)
        return job

    def _accepted(self, job_id: str) -> Answer:
        location = f"{COLLECTION}/{job_id}"
        return Answer(self._list.read(job_id), status=202, location=location, cacheable=False)
