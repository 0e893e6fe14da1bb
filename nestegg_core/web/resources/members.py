"""Members of an organization."""

from nestegg_core.people.members import Members
from nestegg_core.web.fields import PageQuery
from nestegg_core.web.models import members as models
from nestegg_core.web.operation import ORGANIZATION, Answer, Call, operation
from nestegg_core.web.resources.rows import GONE

COLLECTION = ORGANIZATION + "/members"
ONE = COLLECTION + "/{person_id:uuid}"


class MemberResource:
    """`/members`."""

    def __init__(self, members: Members) -> None:
        self._members = members

    @operation(
        "GET", COLLECTION, permission="members:read", query=PageQuery, answer=models.MemberPage
    )
    def list(self, call: Call) -> Answer:
        """List who belongs to the organization, and as what."""
        items, after = self._members.page(call.tx, limit=call.query.limit, after=call.after)
        return Answer({"items": items}, after=after)

    @operation("GET", ONE, permission="members:read", answer=models.Member)
    def read(self, call: Call) -> Answer:
        """Read a member."""
        return Answer(self._members.read(call.tx, call.params["person_id"]))

    @operation(
        "PATCH", ONE, permission="members:write", body=models.MemberChange, answer=models.Member
    )
    def change(self, call: Call) -> Answer:
        """Give a member another role, at most one's own; an owner, only owners can change.

        The last owner stays one. A role that a provider's groups give is changed there.
        """
        return Answer(
            self._members.change(
                call.tx,
                call.caller.person_id,
                call.params["person_id"],
                call.version,
                call.body.role,
            )
        )

    @operation(
        "DELETE", ONE, permission="members:write", own="members:leave", answer=None, status=204
    )
    def remove(self, call: Call) -> Answer:
        """Take a member out, or leave: for oneself every role is enough.

        The last owner cannot leave.
        """
        caller_id, person_id = call.caller.person_id, call.params["person_id"]
        self._members.remove(call.tx, caller_id, person_id, call.version)
        return GONE
