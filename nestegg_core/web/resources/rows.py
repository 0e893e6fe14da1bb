"""What resources of rows have in common."""

from typing import Any

from nestegg_core.ledger.pages import Page
from nestegg_core.web.operation import Answer, Call


def page_answer(page: Page[dict[str, Any]]) -> Answer:
    """Answer a page."""
    return Answer({"items": page.items}, after=page.after)


def made_answer(call: Call, row: dict[str, Any]) -> Answer:
    """Answer 201 with a row that was made in the collection which was called."""
    return Answer(row, status=201, location=f"{call.request.path}/{row['id']}")


GONE = Answer(None, status=204)
