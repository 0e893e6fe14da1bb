"""Who one is, and one's organizations."""

from dataclasses import replace

from nestegg_core.people.organizations import Organizations
from nestegg_core.people.persons import Persons
from nestegg_core.web.idempotency import Idempotency
from nestegg_core.web.models import people as models
from nestegg_core.web.operation import ORGANIZATION, PREFIX, Answer, Call, operation
from nestegg_core.web.resources.rows import made_answer


class People:
    """`/me` and `/organizations`."""

    def __init__(
        self, persons: Persons, organizations: Organizations, idempotency: Idempotency
    ) -> None:
        self._persons = persons
        self._organizations = organizations
        self._idempotency = idempotency

    @operation("GET", PREFIX + "/me", answer=models.Me, checks_standing=False)
    def me(self, call: Call) -> Answer:
        """Read who one is, and where one belongs."""
        return Answer(self._persons.me(call.caller))

    @operation(
        "GET", PREFIX + "/organizations", answer=models.OrganizationList, checks_standing=False
    )
    def organizations(self, call: Call) -> Answer:
        """List the organizations that one belongs to."""
        return Answer({"items": self.me(call).content["memberships"]})

    @operation(
        "POST",
        PREFIX + "/organizations",
        body=models.NewOrganization,
        answer=models.Organization,
        status=201,
        founds=True,
    )
    def create(self, call: Call) -> Answer:
        """Make a further organization, and own it."""
        org_id = self._idempotency.of_new_organization(call)
        with self._organizations.open(org_id) as tx:
            founding = replace(call, transaction=tx, params={"org_id": org_id})
            return self._idempotency.once(founding, self._found)

    def _found(self, call: Call) -> Answer:
        made = self._organizations.found_further(call.tx, call.caller.person_id, call.body.name)
        return made_answer(call, made)

    @operation("GET", ORGANIZATION, permission="organization:read", answer=models.Organization)
    def read(self, call: Call) -> Answer:
        """Read an organization."""
        return Answer(self._organizations.read(call.tx))

    @operation(
        "PATCH",
        ORGANIZATION,
        permission="organization:write",
        body=models.OrganizationChange,
        answer=models.Organization,
    )
    def change(self, call: Call) -> Answer:
        """Change an organization."""
        return Answer(self._organizations.change(call.tx, call.version, call.body.changes()))
