"""Every statement on the table `jobs`. A job's life is these steps, and no other:

```
accept -> queued -> claim -> running -> done
              ^                 |-----> failed   after its last try
              |--- put back ----|                a failed try, or a lost worker
```
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Update,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)

from nestegg_core.database.tables import jobs

QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"

_J = jobs.c
_NOW: ColumnElement[Any] = bindparam("now", type_=_J.due_at.type)
_MINE = (_J.id == bindparam("job_id"), _J.lease_owner == bindparam("owner"), _J.state == RUNNING)
_FREED = {"lease_owner": None, "lease_until": None}
_LOST = (_J.state == RUNNING, _J.lease_until <= _NOW)
_SILENT = or_(_J.queued_at.is_(None), _J.queued_at < bindparam("horizon"))

CLAIM = (
    update(jobs)
    .where(
        _J.id == bindparam("job_id"),
        _J.tries < bindparam("max_tries"),
        or_(
            # A first try is not held to its moment: the asker's clock may be ahead of ours.
            and_(_J.state == QUEUED, or_(_J.tries == 0, _J.due_at <= _NOW)),
            and_(*_LOST),
        ),
    )
    .values(
        state=RUNNING,
        tries=_J.tries + 1,
        lease_owner=bindparam("owner"),
        lease_until=bindparam("until"),
        started_at=_NOW,
    )
    .returning(_J.id, _J.name, _J.arguments, _J.tries, _J.asked_by, _J.created_at)
)

RENEW = update(jobs).where(*_MINE).values(lease_until=bindparam("until"))

FINISH = update(jobs).where(*_MINE).values(state=DONE, finished_at=_NOW, error=None, **_FREED)


def _put_back(*which: ColumnElement[bool], due_at: ColumnElement[Any]) -> Update:
    values = {"state": QUEUED, "due_at": due_at, "queued_at": None, **_FREED}
    return update(jobs).where(*which).values(error=bindparam("error"), **values)


def _give_up(*which: ColumnElement[bool]) -> Update:
    values = {"state": FAILED, "finished_at": _NOW, **_FREED}
    return update(jobs).where(*which).values(error=bindparam("error"), **values)


TRY_AGAIN = _put_back(*_MINE, due_at=bindparam("again_at", type_=_J.due_at.type))
GIVE_UP = _give_up(*_MINE)

PUT_OFF = (
    update(jobs)
    .where(_J.id == bindparam("job_id"), _J.state == QUEUED)
    .values(due_at=bindparam("again_at"), queued_at=None)
)
REFUSE = _give_up(_J.id == bindparam("job_id"), _J.state == QUEUED)

ANY_LOST = select(_J.id).where(*_LOST).limit(1)
PUT_BACK_LOST = _put_back(*_LOST, _J.tries < bindparam("max_tries"), due_at=_NOW).returning(
    _J.id, _J.name
)
GIVE_UP_LOST = _give_up(*_LOST, _J.tries >= bindparam("max_tries")).returning(_J.id, _J.name)

QUEUED_AT = select(_J.queued_at).where(_J.id == bindparam("job_id"))
WAITING = select(func.count()).select_from(jobs)
WAITING = WAITING.where(_J.state == QUEUED, _J.queue == bindparam("queue"))
STRAYS = (
    select(_J.id)
    .where(_J.state == QUEUED, _J.queue == bindparam("queue"), _J.due_at <= _NOW, _SILENT)
    .order_by(_J.due_at, _J.id)
    .limit(bindparam("count"))
)
# Asks again what made it a stray: another process may have sent it in between.
SENT_AGAIN = (
    update(jobs)
    .where(_J.id.in_(bindparam("job_ids", expanding=True)), _J.state == QUEUED, _SILENT)
    .values(queued_at=_NOW)
    .returning(_J.id)
)

RETRY = (
    update(jobs)
    .where(_J.id == bindparam("job_id"), _J.state == FAILED)
    .values(state=QUEUED, tries=0, due_at=_NOW, queued_at=_NOW, finished_at=None)
    .returning(_J.queue)
)

_OLD = select(_J.id).where(_J.state == bindparam("of_state"), _J.finished_at < bindparam("before"))
FORGET = delete(jobs).where(_J.id.in_(_OLD.limit(bindparam("count"))))

SHOWN = (
    _J.id,
    _J.name,
    _J.queue,
    _J.state,
    _J.tries,
    _J.asked_by,
    _J.created_at,
    _J.due_at,
    _J.started_at,
    _J.finished_at,
    _J.error,
)
ONE = select(*SHOWN, _J.arguments).where(_J.id == bindparam("job_id"))
_FILTERS = {
    "name": _J.name == bindparam("name"),
    "state": _J.state == bindparam("state"),
    "after": tuple_(_J.created_at, _J.id)
    < tuple_(bindparam("after_at", type_=_J.created_at.type), bindparam("after_id")),
}


def page(filters: Sequence[str]) -> Any:
    """Return the statement of a page, newest first: `name`, `state` and `after` narrow it."""
    return (
        select(*SHOWN)
        .where(*(_FILTERS[name] for name in filters))
        .order_by(_J.created_at.desc(), _J.id.desc())
        .limit(bindparam("count"))
    )
