"""Persons: how they come to be, and what the database knows of them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select

from nestegg_core import Conflict, Identity, NotFound
from nestegg_core.database.tables import credentials, persons
from nestegg_core.errors import Unauthenticated
from nestegg_core.runtime import Runtime

PASSWORD = "correct horse battery staple"

_numbers = count(1)


def identity(**changed: Any) -> Identity:
    """Return another provider's identity of somebody new."""
    values = {
        "provider": "acme",
        "issuer": "https://acme.example",
        "subject": f"subject{next(_numbers)}",
        "expires_at": datetime(2040, 1, 1, tzinfo=UTC),
        **changed,
    }
    return Identity(**values)


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


def test_an_identity_is_known_by_issuer_and_subject_and_never_by_address(
    runtime: Runtime,
) -> None:
    email = address()
    registered = runtime.persons.register(email, PASSWORD)
    first = identity(email=email, email_verified=True)
    person = runtime.persons.of_identity(first)

    assert person != registered.person_id
    assert runtime.persons.of_identity(first) == person
    renamed = identity(subject=first.subject, email="other@example.net")
    assert runtime.persons.of_identity(renamed) == person
    elsewhere = identity(subject=first.subject, issuer="https://other.example", email=email)
    assert runtime.persons.of_identity(elsewhere) != person


def test_an_identity_without_an_address_is_a_person_too(runtime: Runtime) -> None:
    read = runtime.persons.read(runtime.persons.of_identity(identity()))

    assert (read["email"], read["name"], read["is_admin"]) == (None, None, False)


def test_a_provider_that_makes_no_persons_knows_those_who_are_there(runtime: Runtime) -> None:
    known = identity()
    person = runtime.persons.of_identity(known)

    seen = identity(subject=known.subject, may_provision=False)
    assert runtime.persons.of_identity(seen) == person
    with pytest.raises(Unauthenticated):
        runtime.persons.of_identity(identity(may_provision=False))


def test_concurrent_first_sights_make_one_person(runtime: Runtime) -> None:
    same = identity()
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(runtime.persons.of_identity, [same] * 4))

    assert len(found) == 1


def test_a_password_is_reset_by_address_in_any_case(runtime: Runtime) -> None:
    email = address()
    runtime.persons.register(email, PASSWORD)
    runtime.persons.reset_password(email.swapcase(), "another staple")

    person_id, _ = runtime.sessions.sign_in(email, "another staple")
    assert runtime.persons.read(person_id)["email"] == email
    with pytest.raises(Unauthenticated):
        runtime.sessions.sign_in(email, PASSWORD)
    with pytest.raises(NotFound):
        runtime.persons.reset_password(address(), PASSWORD)


def test_persons_are_listed_for_the_operator(runtime: Runtime) -> None:
    email = address()
    new = runtime.persons.register(email, PASSWORD)

    (listed,) = (one for one in runtime.persons.list() if one["id"] == new.person_id)
    assert (listed["email"], listed["disabled"], listed["is_admin"]) == (email, False, False)
