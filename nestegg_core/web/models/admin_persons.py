"""Persons, as administrators of the instance see them."""

from typing import Annotated

from pydantic import Field

from nestegg_core.web.fields import RequestModel
from nestegg_core.web.models.common import AnswerModel, Next, Row, Sealed


class PersonChange(RequestModel):
    """What to change; fields left out stay."""

    disabled: Annotated[
        bool, Field(description="Whoever is disabled is refused at once, and signed out.")
    ] = False
    is_admin: Annotated[bool, Field(description="The mark of an administrator.")] = False


class Person(Row, Sealed):
    """A person."""

    email: str | None
    name: str | None
    is_admin: Annotated[
        bool, Field(description="The person's own mark; the groups of a token may say so too.")
    ]
    disabled: bool


class PersonPage(AnswerModel):
    """A page of persons, the oldest first."""

    items: list[Person]
    next: Next
