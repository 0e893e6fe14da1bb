"""What operators see of the book of jobs."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from nestegg_core.contracts.storage import Storage
from nestegg_core.database.rows import SealedRows
from nestegg_core.database.tables import jobs
from nestegg_core.errors import NotFound
from nestegg_core.jobs import statements
from nestegg_core.jobs.arguments import from_text
from nestegg_core.jobs.ids import NO_SUCH_JOB, require_id

_page = cache(statements.page)


class JobList:
    """Reads the rows of jobs; a filter may name a job by its short name too."""

    def __init__(self, storage: Storage, rows: SealedRows, full_name: Callable[[str], str]) -> None:
        self._storage = storage
        self._rows = rows
        self._full_name = full_name

    def page(
        self,
        filters: Mapping[str, str | None],
        *,
        limit: int,
        after: tuple[Any, ...] | None = None,
    ) -> tuple[Sequence[dict[str, Any]], tuple[Any, ...] | None]:
        """Return jobs, newest first, and where the next page begins.

        Args:
            filters: `name` and `state`; those that are `None` do not count.
            limit: how many at most.
            after: what the page before returned second.
        """
        parameters: dict[str, Any] = {n: v for n, v in filters.items() if v is not None}
        if "name" in parameters:
            parameters["name"] = self._full_name(parameters["name"])
        if after is not None:
            parameters |= {"after_at": datetime.fromisoformat(after[0]), "after_id": after[1]}
        names = tuple(sorted({n.removesuffix("_at").removesuffix("_id") for n in parameters}))
        with self._storage.system_transaction(write=False) as tx:
            found = tx.execute(_page(names), {**parameters, "count": limit + 1}).mappings().all()
        rows = [_plain(row) for row in found[:limit]]
        if len(found) <= limit:
            return rows, None
        return rows, (rows[-1]["created_at"].isoformat(), rows[-1]["id"])

    def read(self, job_id: str) -> dict[str, Any]:
        """Return one job with its arguments.

        Raises:
            NotFound: there is none.
        """
        require_id(job_id)
        with self._storage.system_transaction(write=False) as tx:
            row = tx.execute(statements.ONE, {"job_id": job_id}).mappings().first()
        if row is None:
            raise NotFound(NO_SUCH_JOB)
        shown = self._rows.show(jobs, row, ["arguments"])
        if shown["arguments"] is not None:
            shown["arguments"] = from_text(shown["arguments"])
        return {**_plain(row), **shown}


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row by plain names: SQLAlchemy's are of a type of their own, which JSON refuses."""
    return {str(name): value for name, value in row.items()}
