"""Persons, for administrators of the instance."""

from nestegg_core.people.access import require_scope
from nestegg_core.people.administration import Administration
from nestegg_core.people.permissions import ACCOUNT_WRITE
from nestegg_core.web.fields import PageQuery
from nestegg_core.web.models import admin_persons as models
from nestegg_core.web.operation import PREFIX, Answer, Call, operation

COLLECTION = PREFIX + "/admin/persons"
ONE = COLLECTION + "/{person_id:uuid}"


class AdminPersons:
    """`/admin/persons`."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    @operation("GET", COLLECTION, administrators=True, query=PageQuery, answer=models.PersonPage)
    def persons(self, call: Call) -> Answer:
        """List every person of the instance."""
        items, after = self._administration.page(limit=call.query.limit, after=call.after)
        return Answer({"items": items}, after=after)

    @operation(
        "PATCH",
        ONE,
        administrators=True,
        body=models.PersonChange,
        answer=models.Person,
    )
    def change_person(self, call: Call) -> Answer:
        """Disable or enable a person, and give or take the mark of an administrator.

        The last administrator cannot be disabled or lose the mark. For the mark a personal access
        token needs `account:write` as well.
        """
        person_id, changes = call.params["person_id"], call.body.changes()
        if "is_admin" in changes:  # a token that leaks shall not make others that outlive it
            require_scope(call.caller, ACCOUNT_WRITE)
        return Answer(self._administration.change(person_id, call.version, changes))
