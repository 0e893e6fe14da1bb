"""Linking identities to persons: while signed in, or by an address. Nobody is taken over."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update

from nestegg_core import Conflict, Identity, InvalidInput, NotFound
from nestegg_core.application import Runtime
from nestegg_core.auth.builtin.access_tokens import ISSUER as BUILTIN
from nestegg_core.auth.group_roles import GroupRule
from nestegg_core.database.tables import credentials, denied_tokens, memberships, persons
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
    person_id = runtime.persons.register(email, PASSWORD).person_id
    if verified:
        change(runtime, credentials, credentials.c.person_id == person_id, "email_verified_at")
    return person_id


def change(runtime: Runtime, table: Any, where: Any, column: str) -> None:
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(update(table).where(where).values({column: runtime.clock()}))


def vouched(email: str | None, **changed: Any) -> Identity:
    """Return what a provider says that may vouch for the address."""
    return identity(email=email, **{"email_verified": True, "may_link": True, **changed})


def test_a_vouched_address_leads_to_whoever_has_proven_it(runtime: Runtime) -> None:
    email = address()
    person = registered(runtime, email)
    seen = vouched(email)

    assert runtime.provisioning.of_identity(seen) == person
    assert runtime.provisioning.of_identity(identity(subject=seen.subject)) == person
    (listed,) = links(runtime).list(person)
    assert (listed["provider"], listed["subject"], listed["email"]) == ("acme", seen.subject, email)


@pytest.mark.parametrize("written", ["LINKER{}@EXAMPLE.ORG", "Linker{}@Example.org"])
def test_the_case_of_an_address_makes_no_other_person(runtime: Runtime, written: str) -> None:
    number = next(_numbers)
    person = registered(runtime, f"linker{number}@example.org")

    assert runtime.provisioning.of_identity(vouched(written.format(number))) == person


def test_linking_needs_no_leave_to_make_persons(runtime: Runtime) -> None:
    email = address()
    person = registered(runtime, email)

    assert runtime.provisioning.of_identity(vouched(email, may_provision=False)) == person
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
    person = registered(runtime, email)

    assert runtime.provisioning.of_identity(vouched(email, **said)) != person
    assert links(runtime).list(person) == []


def test_an_address_that_was_not_proven_here_takes_nobody_over(runtime: Runtime) -> None:
    """Else whoever registers somebody's address first would wait for them to come."""
    email = address()
    person = registered(runtime, email, verified=False)

    assert runtime.provisioning.of_identity(vouched(email)) != person
    assert links(runtime).list(person) == []


def test_a_disabled_person_is_not_linked(runtime: Runtime) -> None:
    email = address()
    person = registered(runtime, email)
    change(runtime, persons, persons.c.id == person, "disabled_at")

    assert runtime.provisioning.of_identity(vouched(email)) != person
    assert links(runtime).list(person) == []


@pytest.mark.parametrize(
    "look_alike",
    ["\N{KELVIN SIGN}elvin{}@example.org", "kel\N{FULLWIDTH LATIN SMALL LETTER V}in{}@example.org"],
    ids=["Kelvin sign", "fullwidth v"],
)
def test_an_address_of_look_alikes_takes_nobody_over(runtime: Runtime, look_alike: str) -> None:
    number = next(_numbers)
    person = registered(runtime, f"kelvin{number}@example.org")

    assert runtime.provisioning.of_identity(vouched(look_alike.format(number))) != person


def test_a_second_identity_of_the_provider_is_another_person(runtime: Runtime) -> None:
    email = address()
    person = registered(runtime, email)
    assert runtime.provisioning.of_identity(vouched(email)) == person

    assert runtime.provisioning.of_identity(vouched(email)) != person


def test_concurrent_first_sights_link_once(runtime: Runtime) -> None:
    email = address()
    person = registered(runtime, email)
    seen = vouched(email)
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(runtime.provisioning.of_identity, [seen] * 4))

    assert found == {person}
    assert len(links(runtime).list(person)) == 1


def test_an_unknown_identity_is_linked_and_signs_in_from_then_on(runtime: Runtime) -> None:
    person = registered(runtime, address())
    seen = identity(email="elsewhere@example.net", may_provision=False)
    linked = links(runtime).link(person, seen, HASH, PASSWORD)

    assert (linked["provider"], linked["issuer"]) == ("acme", ISSUER)
    assert runtime.provisioning.of_identity(seen) == person
    assert links(runtime).link(person, seen, HASH, PASSWORD) == linked  # again, nothing changes


def test_an_identity_of_somebody_else_is_not_linked(runtime: Runtime) -> None:
    seen = identity()
    owner = runtime.provisioning.of_identity(seen)
    person = registered(runtime, address())
    with pytest.raises(Conflict) as caught:
        links(runtime).link(person, seen, HASH, PASSWORD)

    assert caught.value.code == "identity-taken"
    assert runtime.provisioning.of_identity(seen) == owner


def test_two_people_who_link_one_identity_at_once_do_not_both_get_it(runtime: Runtime) -> None:
    seen = identity()
    people = [registered(runtime, address()) for _ in range(3)]

    def try_for(person: UUID) -> str:
        try:
            links(runtime).link(person, seen, HASH, PASSWORD)
        except Conflict as error:
            return error.code
        return "linked"

    with ThreadPoolExecutor(3) as pool:
        outcomes = sorted(pool.map(try_for, people))

    assert outcomes == ["identity-taken", "identity-taken", "linked"]


def test_a_person_has_one_identity_of_each_provider(runtime: Runtime) -> None:
    person = registered(runtime, address())
    links(runtime).link(person, identity(), HASH, PASSWORD)
    links(runtime).link(person, identity(issuer=OTHER_ISSUER), HASH, PASSWORD)
    with pytest.raises(Conflict) as caught:
        links(runtime).link(person, identity(), HASH, PASSWORD)

    assert caught.value.code == "provider-linked"
    assert [one["provider"] for one in links(runtime).list(person)] == ["acme", "other"]


@pytest.mark.parametrize("password", [None, "", "wrong horse"])
def test_whoever_finds_a_token_links_nothing_without_the_password(
    runtime: Runtime, password: str | None
) -> None:
    """What is linked signs in for good, also once the password was changed."""
    person, seen = registered(runtime, address()), identity()
    with pytest.raises(InvalidInput) as caught:
        links(runtime).link(person, seen, HASH, password)

    assert [one.pointer for one in caught.value.problems] == ["/password"]
    assert links(runtime).list(person) == []
    assert links(runtime, passwords_count=False).link(person, seen, HASH)["provider"] == "acme"


def test_whoever_has_no_password_is_not_asked_for_one(runtime: Runtime) -> None:
    person = runtime.provisioning.of_identity(identity())
    links(runtime).link(person, identity(issuer=OTHER_ISSUER), HASH)

    assert len(links(runtime).list(person)) == 2


def test_guesses_of_the_password_are_counted(runtime: Runtime) -> None:
    person = registered(runtime, address())
    for _ in range(10):
        with pytest.raises(InvalidInput):
            links(runtime).link(person, identity(), HASH, "wrong horse")
    with pytest.raises(TooManyRequests):
        links(runtime).link(person, identity(), HASH, PASSWORD)


def test_an_address_is_proved_before_anything_is_linked_where_mail_can_prove_it(
    runtime: Runtime,
) -> None:
    """Else whoever registers somebody's address first stays in when they reset the password."""
    person, seen = registered(runtime, address(), verified=False), identity()
    with pytest.raises(Conflict) as caught:
        links(runtime).link(person, seen, HASH, PASSWORD)
    assert caught.value.code == "address-not-proven"
    assert links(runtime).list(person) == []

    without = links(runtime, passwords_count=False)
    assert without.link(person, identity(issuer=OTHER_ISSUER), HASH)["provider"] == "other"
    assert links(runtime, mails=False).link(person, seen, HASH, PASSWORD)["provider"] == "acme"
    assert links(runtime).link(person, seen, HASH, PASSWORD)["provider"] == "acme"


def test_a_token_of_the_built_in_provider_is_nothing_to_link(runtime: Runtime) -> None:
    person, other = registered(runtime, address()), registered(runtime, address())
    with pytest.raises(InvalidInput):
        links(runtime).link(person, identity(issuer=BUILTIN, subject=str(other)), HASH)


def test_a_token_that_was_signed_out_links_nothing(runtime: Runtime) -> None:
    person, denied = registered(runtime, address()), sha256(new_id().bytes).digest()
    with runtime.storage.system_transaction(write=True) as tx:
        values = {"token_hash": denied, "expires_at": runtime.clock()}
        tx.execute(insert(denied_tokens), values)
    with pytest.raises(InvalidInput):
        links(runtime).link(person, identity(), denied, PASSWORD)

    assert links(runtime).list(person) == []


def test_unlinking_takes_the_roles_of_its_groups_along(runtime: Runtime) -> None:
    host = runtime.persons.register(address(), PASSWORD)
    rule = GroupRule(ISSUER, "family", "member", host.org_id)
    person = registered(runtime, address())
    seen = identity(groups=frozenset({"family"}))
    linked = links(runtime).link(person, seen, HASH, PASSWORD)
    provisioning(runtime, rule).of_identity(seen)
    assert (host.org_id, ISSUER) in _places(runtime, person)

    links(runtime, rule).unlink(person, linked["id"])

    assert [issuer for _, issuer in _places(runtime, person)] == [None]
    assert links(runtime).list(person) == []
    assert provisioning(runtime).of_identity(seen) != person


def test_the_last_way_to_sign_in_stays(runtime: Runtime) -> None:
    first, second = identity(), identity(issuer=OTHER_ISSUER)
    person = runtime.provisioning.of_identity(first)
    service = links(runtime)
    (only,) = service.list(person)
    with pytest.raises(Conflict) as caught:
        service.unlink(person, only["id"])
    assert caught.value.code == "last-way-to-sign-in"

    service.link(person, second, HASH, PASSWORD)
    service.unlink(person, only["id"])

    assert [one["provider"] for one in service.list(person)] == ["other"]


def test_what_is_not_in_the_chain_is_no_way_to_sign_in(runtime: Runtime) -> None:
    person = registered(runtime, address())
    gone = identity(issuer="https://gone.example")
    linked = links(runtime).link(person, identity(), HASH, PASSWORD)
    runtime.provisioning.of_identity(gone)  # somebody of their own

    with pytest.raises(Conflict):
        links(runtime, passwords_count=False).unlink(person, linked["id"])
    links(runtime).unlink(person, linked["id"])


def test_two_unlinkings_at_once_leave_one_way(runtime: Runtime) -> None:
    person = runtime.provisioning.of_identity(identity())
    links(runtime).link(person, identity(issuer=OTHER_ISSUER), HASH, PASSWORD)

    def unlink(identity_id: UUID) -> bool:
        try:
            links(runtime).unlink(person, identity_id)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(unlink, [one["id"] for one in links(runtime).list(person)]))

    assert sorted(done) == [False, True]
    assert len(links(runtime).list(person)) == 1


def test_nobody_unlinks_for_another(runtime: Runtime) -> None:
    person, other = registered(runtime, address()), registered(runtime, address())
    linked = links(runtime).link(person, identity(), HASH, PASSWORD)
    with pytest.raises(NotFound):
        links(runtime).unlink(other, linked["id"])

    assert len(links(runtime).list(person)) == 1


def _places(runtime: Runtime, person_id: UUID) -> list[tuple[UUID, str | None]]:
    with runtime.storage.system_transaction(write=False) as tx:
        found = tx.execute(
            select(memberships.c.org_id, memberships.c.granted_by).where(
                memberships.c.person_id == person_id
            )
        )
        return [(row.org_id, row.granted_by) for row in found]
