"""Linking identities to users: while signed in, or by an address. Nobody is taken over."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update

from nestegg_core import Conflict, Identity, InvalidInput, NotFound
from nestegg_core.application import Runtime
from nestegg_core.auth.builtin.provider import ISSUER as BUILTIN
from nestegg_core.auth.group_roles import GroupRule
from nestegg_core.database.tables import credentials, denied_tokens, memberships, users
from nestegg_core.database.types import new_id
from nestegg_core.errors import TooManyRequests, Unauthenticated
from support.household import PASSWORD
from support.identities import ISSUER, OTHER_ISSUER, identity, links, provisioning

HASH = sha256(b"a token that nobody denied").digest()
_numbers = count(1)


def address() -> str:
    return f"linker{next(_numbers)}@example.org"


def registered(runtime: Runtime, email: str, *, verified: bool = True) -> UUID:
    """Return somebody with a password."""
    user_id = runtime.users.register(email, PASSWORD).user_id
    if verified:
        change(runtime, credentials, credentials.c.user_id == user_id, "email_verified_at")
    return user_id


def change(runtime: Runtime, table: Any, where: Any, column: str) -> None:
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(update(table).where(where).values({column: runtime.clock()}))


def vouched(email: str | None, **changed: Any) -> Identity:
    """Return what a provider says that may vouch for the address."""
    return identity(email=email, **{"email_verified": True, "may_link": True, **changed})


def test_a_vouched_address_leads_to_whoever_has_verified_it(runtime: Runtime) -> None:
    email = address()
    user = registered(runtime, email)
    seen = vouched(email)

    assert runtime.provisioning.of_identity(seen) == user
    assert runtime.provisioning.of_identity(identity(subject=seen.subject)) == user
    (listed,) = links(runtime).list(user)
    assert (listed["provider"], listed["subject"], listed["email"]) == ("acme", seen.subject, email)


@pytest.mark.parametrize("written", ["LINKER{}@EXAMPLE.ORG", "Linker{}@Example.org"])
def test_the_case_of_an_address_makes_no_other_user(runtime: Runtime, written: str) -> None:
    number = next(_numbers)
    user = registered(runtime, f"linker{number}@example.org")

    assert runtime.provisioning.of_identity(vouched(written.format(number))) == user


def test_linking_needs_no_leave_to_make_users(runtime: Runtime) -> None:
    email = address()
    user = registered(runtime, email)

    assert runtime.provisioning.of_identity(vouched(email, may_provision=False)) == user
    with pytest.raises(Unauthenticated):
        runtime.provisioning.of_identity(vouched(address(), may_provision=False))


@pytest.mark.parametrize(
    "said",
    [
        {"may_link": False},
        {"email_verified": False},
        {"email_verified": False, "may_link": False},
    ],
    ids=str,
)
def test_an_address_that_is_not_vouched_for_takes_nobody_over(
    runtime: Runtime, said: dict[str, bool]
) -> None:
    email = address()
    user = registered(runtime, email)

    assert runtime.provisioning.of_identity(vouched(email, **said)) != user
    assert links(runtime).list(user) == []


def test_an_address_that_was_not_verified_here_takes_nobody_over(runtime: Runtime) -> None:
    """Else whoever registers somebody's address first would wait for them to come."""
    email = address()
    user = registered(runtime, email, verified=False)

    assert runtime.provisioning.of_identity(vouched(email)) != user
    assert links(runtime).list(user) == []


def test_a_disabled_user_is_not_linked(runtime: Runtime) -> None:
    email = address()
    user = registered(runtime, email)
    change(runtime, users, users.c.id == user, "disabled_at")

    assert runtime.provisioning.of_identity(vouched(email)) != user
    assert links(runtime).list(user) == []


@pytest.mark.parametrize(
    "look_alike",
    ["\N{KELVIN SIGN}elvin{}@example.org", "kel\N{FULLWIDTH LATIN SMALL LETTER V}in{}@example.org"],
    ids=["Kelvin sign", "fullwidth v"],
)
def test_an_address_of_look_alikes_takes_nobody_over(runtime: Runtime, look_alike: str) -> None:
    number = next(_numbers)
    user = registered(runtime, f"kelvin{number}@example.org")

    assert runtime.provisioning.of_identity(vouched(look_alike.format(number))) != user


def test_a_second_identity_of_the_provider_is_another_user(runtime: Runtime) -> None:
    email = address()
    user = registered(runtime, email)
    assert runtime.provisioning.of_identity(vouched(email)) == user

    assert runtime.provisioning.of_identity(vouched(email)) != user


def test_concurrent_first_sights_link_once(runtime: Runtime) -> None:
    email = address()
    user = registered(runtime, email)
    seen = vouched(email)
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(runtime.provisioning.of_identity, [seen] * 4))

    assert found == {user}
    assert len(links(runtime).list(user)) == 1


def test_an_unknown_identity_is_linked_and_signs_in_from_then_on(runtime: Runtime) -> None:
    user = registered(runtime, address())
    seen = identity(email="elsewhere@example.net", may_provision=False)
    linked = links(runtime).link(user, seen, HASH, PASSWORD)

    assert (linked["provider"], linked["issuer"]) == ("acme", ISSUER)
    assert runtime.provisioning.of_identity(seen) == user
    assert links(runtime).link(user, seen, HASH, PASSWORD) == linked  # again, nothing changes


def test_an_identity_of_somebody_else_is_not_linked(runtime: Runtime) -> None:
    seen = identity()
    owner = runtime.provisioning.of_identity(seen)
    user = registered(runtime, address())
    with pytest.raises(Conflict) as caught:
        links(runtime).link(user, seen, HASH, PASSWORD)

    assert caught.value.code == "identity-taken"
    assert runtime.provisioning.of_identity(seen) == owner


def test_two_users_who_link_one_identity_at_once_do_not_both_get_it(runtime: Runtime) -> None:
    seen = identity()
    users = [registered(runtime, address()) for _ in range(3)]

    def try_for(user: UUID) -> str:
        try:
            links(runtime).link(user, seen, HASH, PASSWORD)
        except Conflict as error:
            return error.code
        return "linked"

    with ThreadPoolExecutor(3) as pool:
        outcomes = sorted(pool.map(try_for, users))

    assert outcomes == ["identity-taken", "identity-taken", "linked"]


def test_a_user_has_one_identity_of_each_provider(runtime: Runtime) -> None:
    user = registered(runtime, address())
    links(runtime).link(user, identity(), HASH, PASSWORD)
    links(runtime).link(user, identity(issuer=OTHER_ISSUER), HASH, PASSWORD)
    with pytest.raises(Conflict) as caught:
        links(runtime).link(user, identity(), HASH, PASSWORD)

    assert caught.value.code == "provider-linked"
    assert [one["provider"] for one in links(runtime).list(user)] == ["acme", "other"]


@pytest.mark.parametrize("password", [None, "", "wrong horse"])
def test_whoever_finds_a_token_links_nothing_without_the_password(
    runtime: Runtime, password: str | None
) -> None:
    """What is linked signs in for good, also once the password was changed."""
    user, seen = registered(runtime, address()), identity()
    with pytest.raises(InvalidInput) as caught:
        links(runtime).link(user, seen, HASH, password)

    assert [one.pointer for one in caught.value.problems] == ["/password"]
    assert links(runtime).list(user) == []
    assert links(runtime, passwords_count=False).link(user, seen, HASH)["provider"] == "acme"


def test_whoever_has_no_password_is_not_asked_for_one(runtime: Runtime) -> None:
    user = runtime.provisioning.of_identity(identity())
    links(runtime).link(user, identity(issuer=OTHER_ISSUER), HASH)

    assert len(links(runtime).list(user)) == 2


def test_guesses_of_the_password_are_counted(runtime: Runtime) -> None:
    user = registered(runtime, address())
    for _ in range(10):
        with pytest.raises(InvalidInput):
            links(runtime).link(user, identity(), HASH, "wrong horse")
    with pytest.raises(TooManyRequests):
        links(runtime).link(user, identity(), HASH, PASSWORD)


def test_an_address_is_verified_before_anything_is_linked_where_mail_can_verify_it(
    runtime: Runtime,
) -> None:
    """Else whoever registers somebody's address first stays in when they reset the password."""
    user, seen = registered(runtime, address(), verified=False), identity()
    with pytest.raises(Conflict) as caught:
        links(runtime).link(user, seen, HASH, PASSWORD)
    assert caught.value.code == "address-not-verified"
    assert links(runtime).list(user) == []

    without = links(runtime, passwords_count=False)
    assert without.link(user, identity(issuer=OTHER_ISSUER), HASH)["provider"] == "other"
    assert links(runtime, mails=False).link(user, seen, HASH, PASSWORD)["provider"] == "acme"
    assert links(runtime).link(user, seen, HASH, PASSWORD)["provider"] == "acme"


def test_a_token_of_the_built_in_provider_is_nothing_to_link(runtime: Runtime) -> None:
    user, other = registered(runtime, address()), registered(runtime, address())
    with pytest.raises(InvalidInput):
        links(runtime).link(user, identity(issuer=BUILTIN, subject=str(other)), HASH)


def test_a_token_that_was_signed_out_links_nothing(runtime: Runtime) -> None:
    user, denied = registered(runtime, address()), sha256(new_id().bytes).digest()
    with runtime.storage.system_transaction(write=True) as tx:
        values = {"token_hash": denied, "expires_at": runtime.clock()}
        tx.execute(insert(denied_tokens), values)
    with pytest.raises(InvalidInput):
        links(runtime).link(user, identity(), denied, PASSWORD)

    assert links(runtime).list(user) == []


def test_unlinking_takes_the_roles_of_its_groups_along(runtime: Runtime) -> None:
    host = runtime.users.register(address(), PASSWORD)
    rule = GroupRule(ISSUER, "family", "member", host.org_id)
    user = registered(runtime, address())
    seen = identity(groups=frozenset({"family"}))
    linked = links(runtime).link(user, seen, HASH, PASSWORD)
    provisioning(runtime, rule).of_identity(seen)
    assert (host.org_id, ISSUER) in _places(runtime, user)

    links(runtime, rule).unlink(user, linked["id"])

    assert [issuer for _, issuer in _places(runtime, user)] == [None]
    assert links(runtime).list(user) == []
    assert provisioning(runtime).of_identity(seen) != user


def test_the_last_way_to_sign_in_stays(runtime: Runtime) -> None:
    first, second = identity(), identity(issuer=OTHER_ISSUER)
    user = runtime.provisioning.of_identity(first)
    service = links(runtime)
    (only,) = service.list(user)
    with pytest.raises(Conflict) as caught:
        service.unlink(user, only["id"])
    assert caught.value.code == "last-way-to-sign-in"

    service.link(user, second, HASH, PASSWORD)
    service.unlink(user, only["id"])

    assert [one["provider"] for one in service.list(user)] == ["other"]


def test_what_is_not_in_the_chain_is_no_way_to_sign_in(runtime: Runtime) -> None:
    user = registered(runtime, address())
    gone = identity(issuer="https://gone.example")
    linked = links(runtime).link(user, identity(), HASH, PASSWORD)
    runtime.provisioning.of_identity(gone)  # somebody of their own

    with pytest.raises(Conflict):
        links(runtime, passwords_count=False).unlink(user, linked["id"])
    links(runtime).unlink(user, linked["id"])


def test_two_unlinkings_at_once_leave_one_way(runtime: Runtime) -> None:
    user = runtime.provisioning.of_identity(identity())
    links(runtime).link(user, identity(issuer=OTHER_ISSUER), HASH, PASSWORD)

    def unlink(identity_id: UUID) -> bool:
        try:
            links(runtime).unlink(user, identity_id)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(unlink, [one["id"] for one in links(runtime).list(user)]))

    assert sorted(done) == [False, True]
    assert len(links(runtime).list(user)) == 1


def test_nobody_unlinks_for_another(runtime: Runtime) -> None:
    user, other = registered(runtime, address()), registered(runtime, address())
    linked = links(runtime).link(user, identity(), HASH, PASSWORD)
    with pytest.raises(NotFound):
        links(runtime).unlink(other, linked["id"])

    assert len(links(runtime).list(user)) == 1


def _places(runtime: Runtime, user_id: UUID) -> list[tuple[UUID, str | None]]:
    with runtime.storage.system_transaction(write=False) as tx:
        found = tx.execute(
            select(memberships.c.org_id, memberships.c.granted_by).where(
                memberships.c.user_id == user_id
            )
        )
        return [(row.org_id, row.granted_by) for row in found]
