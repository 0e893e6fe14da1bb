"""Persons: how they come to be, and what the database knows of them."""

from itertools import count

import pytest
from sqlalchemy import select

from nestegg_core import Conflict, NotFound
from nestegg_core.application import Runtime
from nestegg_core.database.tables import credentials, persons
from nestegg_core.errors import Unauthenticated

PASSWORD = "correct horse battery staple"

_numbers = count(1)


def address() -> str:
    return f"Person.{next(_numbers)}@example.net"


def test_registering_makes_an_owner_with_a_filled_organization(runtime: Runtime) -> None:
    email = address()
    new = runtime.persons.register(email, PASSWORD, "Ada", is_admin=True)
    read = runtime.persons.read(new.person_id)

    assert (read["email"], read["name"], read["is_admin"]) == (email, "Ada", True)
    (membership,) = read["memberships"]
    assert (membership["organization"]["id"], membership["role"]) == (new.org_id, "owner")
    with runtime.storage.transaction(new.org_id, write=False) as tx:
        assert runtime.categories.page(tx, limit=1, after=None).items


def test_an_address_and_a_name_are_sealed_in_the_database(runtime: Runtime) -> None:
    email = address()
    new = runtime.persons.register(email, PASSWORD, "Ada Lovelace")
    with runtime.storage.system_transaction(write=False) as tx:
        stored = repr(tx.execute(select(persons).where(persons.c.id == new.person_id)).one())
        stored += repr(
            tx.execute(select(credentials).where(credentials.c.person_id == new.person_id)).one()
        )

    for clear in (email, email.casefold(), "Lovelace", PASSWORD):
        assert clear not in stored


def test_a_taken_address_makes_nothing(runtime: Runtime) -> None:
    email = address()
    runtime.persons.register(email, PASSWORD)
    before = len(runtime.persons.list())

    with pytest.raises(Conflict):
        runtime.persons.register(email.upper(), PASSWORD)

    assert len(runtime.persons.list()) == before


def test_a_password_is_reset_by_address_in_any_case(runtime: Runtime) -> None:
    email = address()
    runtime.persons.register(email, PASSWORD)
    runtime.persons.reset_password(email.swapcase(), "another staple")

    signed_in = runtime.sign_in.with_password(email, "another staple")
    assert runtime.persons.read(signed_in.person_id)["email"] == email
    with pytest.raises(Unauthenticated):
        runtime.sign_in.with_password(email, PASSWORD)
    with pytest.raises(NotFound):
        runtime.persons.reset_password(address(), PASSWORD)


def test_persons_are_listed_for_the_operator(runtime: Runtime) -> None:
    email = address()
    new = runtime.persons.register(email, PASSWORD)

    (listed,) = (one for one in runtime.persons.list() if one["id"] == new.person_id)
    assert (listed["email"], listed["disabled"], listed["is_admin"]) == (email, False, False)
