"""Users: how they come to be, and what the database knows of them."""

from itertools import count

import pytest
from sqlalchemy import select

from nestegg_core import Conflict, NotFound
from nestegg_core.application import Runtime
from nestegg_core.database.tables import credentials, users
from nestegg_core.errors import Unauthenticated

PASSWORD = "correct horse battery staple"

_numbers = count(1)


def address() -> str:
    return f"User.{next(_numbers)}@example.net"


def test_registering_makes_an_owner_with_a_filled_organization(runtime: Runtime) -> None:
    email = address()
    new = runtime.users.register(email, PASSWORD, "Ada", is_admin=True)
    read = runtime.users.read(new.user_id)

    assert (read["email"], read["name"], read["is_admin"]) == (email, "Ada", True)
    (membership,) = read["memberships"]
    assert (membership["organization"]["id"], membership["role"]) == (new.org_id, "owner")
    with runtime.storage.transaction(new.org_id, write=False) as tx:
        assert runtime.categories.page(tx, limit=1, after=None).items


def test_an_address_and_a_name_are_sealed_in_the_database(runtime: Runtime) -> None:
    email = address()
    new = runtime.users.register(email, PASSWORD, "Ada Lovelace")
    with runtime.storage.system_transaction(write=False) as tx:
        stored = repr(tx.execute(select(users).where(users.c.id == new.user_id)).one())
        stored += repr(
            tx.execute(select(credentials).where(credentials.c.user_id == new.user_id)).one()
        )

    for clear in (email, email.casefold(), "Lovelace", PASSWORD):
        assert clear not in stored


def test_a_taken_address_makes_nothing(runtime: Runtime) -> None:
    email = address()
    runtime.users.register(email, PASSWORD)
    before = len(runtime.users.list())

    with pytest.raises(Conflict):
        runtime.users.register(email.upper(), PASSWORD)

    assert len(runtime.users.list()) == before


def test_a_password_is_reset_by_address_in_any_case(runtime: Runtime) -> None:
    email = address()
    runtime.users.register(email, PASSWORD)
    runtime.users.reset_password(email.swapcase(), "another staple")

    signed_in = runtime.sign_in.with_password(email, "another staple")
    assert runtime.users.read(signed_in.user_id)["email"] == email
    with pytest.raises(Unauthenticated):
        runtime.sign_in.with_password(email, PASSWORD)
    with pytest.raises(NotFound):
        runtime.users.reset_password(address(), PASSWORD)


def test_users_are_listed_for_the_operator(runtime: Runtime) -> None:
    email = address()
    new = runtime.users.register(email, PASSWORD)

    (listed,) = (one for one in runtime.users.list() if one["id"] == new.user_id)
    assert (listed["email"], listed["disabled"], listed["is_admin"]) == (email, False, False)
