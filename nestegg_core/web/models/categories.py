"""Categories."""

from typing import Literal

from nestegg_core.web.fields import Label, RequestModel
from nestegg_core.web.models.common import AnswerModel, Next, Row

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
