"""What retention policies have deleted."""

from nestegg_core.retention.receipts import Receipts
from nestegg_core.web.fields import PageQuery
from nestegg_core.web.models import retention as models
from nestegg_core.web.operation import ORGANIZATION, Answer, Call, operation


class RetentionResource:
    """`/retention-receipts`."""

    def __init__(self, receipts: Receipts) -> None:
        self._receipts = receipts

    @operation(
        "GET",
        ORGANIZATION + "/retention-receipts",
        permission="organization:read",
        query=PageQuery,
        answer=models.ReceiptPage,
    )
    def list(self, call: Call) -> Answer:
        """List what retention policies have deleted, newest first."""
        items, after = self._receipts.page(call.tx, limit=call.query.limit, after=call.after)
        return Answer({"items": items}, after=after)
