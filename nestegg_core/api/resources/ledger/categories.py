"""Categories."""

from dataclasses import dataclass
from typing import Literal

from nestegg_core.api.fields import AnswerModel, Label, Next, PageQuery, RequestModel, Row
from nestegg_core.api.operation import (
    GONE,
    ORGANIZATION,
    Answer,
    Call,
    made_answer,
    operation,
    page_answer,
)
from nestegg_core.ledger.categories import Categories

Kind = Literal["income", "expense", "transfer"]


class NewCategory(RequestModel):
    """A category to make."""

    name: Label
    kind: Kind = "expense"


class CategoryChange(RequestModel):
    """What to change; fields left out stay."""

    name: Label = ""
    kind: Kind = "expense"


class Category(Row):
    """What money was for; no report counts a `transfer`."""

    name: str
    kind: Kind


class CategoryPage(AnswerModel):
    """Categories in the order of their names."""

    items: list[Category]
    next: Next


COLLECTION = ORGANIZATION + "/categories"
ONE = COLLECTION + "/{category_id:uuid}"


@dataclass(frozen=True, slots=True)
class CategoryResource:
    categories: Categories

    @operation(
        "GET", COLLECTION, permission="categories:read", query=PageQuery, answer=CategoryPage
    )
    def list(self, call: Call) -> Answer:
        """List categories in the order of their names."""
        return page_answer(self.categories.page(call.tx, limit=call.query.limit, after=call.after))

    @operation(
        "POST",
        COLLECTION,
        permission="categories:write",
        body=NewCategory,
        answer=Category,
        status=201,
    )
    def create(self, call: Call) -> Answer:
        """Make a category."""
        return made_answer(call, self.categories.create(call.tx, call.body.name, call.body.kind))

    @operation("GET", ONE, permission="categories:read", answer=Category)
    def read(self, call: Call) -> Answer:
        """Read a category."""
        return Answer(self.categories.read(call.tx, call.params["category_id"]))

    @operation("PATCH", ONE, permission="categories:write", body=CategoryChange, answer=Category)
    def change(self, call: Call) -> Answer:
        """Change a category."""
        return Answer(
            self.categories.change(
                call.tx, call.params["category_id"], call.version, call.body.changes()
            )
        )

    @operation("DELETE", ONE, permission="categories:write", answer=None, status=204)
    def delete(self, call: Call) -> Answer:
        """Delete a category; its transactions stay, without one."""
        self.categories.delete(call.tx, call.params["category_id"], call.version)
        return GONE
