"""`straße.example` and `strasse.example` are two domains, and their users are two everywhere."""

import unicodedata
from collections.abc import Callable
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from nestegg_core import Identity, NotFound
from nestegg_core.application import Runtime
from nestegg_core.database.tables import credentials, invitations, users
from nestegg_core.encryption.blind_index import BlindIndex, stored_root
from nestegg_core.errors import Conflict, Unauthenticated
from nestegg_core.users.emails import EMAIL_INDEX, INVITED_INDEX
from support.household import PASSWORD
from support.identities import identity

_numbers = count(1)
OTHERS = "another quite long password"


@pytest.fixture
def pair() -> tuple[str, str]:
    number = next(_numbers)
    return f"victim{number}@stra\xdfe.example", f"victim{number}@strasse.example"


Index = Callable[[str, str], bytes]


@pytest.fixture
def old_rule(runtime: Runtime) -> Index:
    """The index as it was before: of the address after NFKC and full case folding."""
    index = BlindIndex(lambda: stored_root(runtime.storage, runtime.rows))
    return lambda column, email: index.of(
        column, unicodedata.normalize("NFKC", email).strip().casefold()
    )


def registered(runtime: Runtime, email: str, password: str = PASSWORD) -> UUID:
    """Return somebody who has verified the address."""
    user_id = runtime.users.register(email, password).user_id
    write(runtime, user_id, email_verified_at=runtime.clock())
    return user_id


def write(runtime: Runtime, user_id: UUID, **values: Any) -> None:
    with runtime.storage.system_transaction(write=True) as tx:
        tx.execute(update(credentials).where(credentials.c.user_id == user_id).values(**values))


def as_before(runtime: Runtime, user_id: UUID, email: str, old_rule: Index) -> None:
    """Give a user the index that a former release gave them."""
    write(runtime, user_id, email_index=old_rule(EMAIL_INDEX, email))


def vouched(email: str) -> Identity:
    return identity(email=email, email_verified=True, may_link=True)


def test_both_register_and_each_signs_in_as_themselves(
    runtime: Runtime, pair: tuple[str, str]
) -> None:
    users = [
        registered(runtime, email, password)
        for email, password in zip(pair, (PASSWORD, OTHERS), strict=True)
    ]

    assert runtime.sign_in.with_password(pair[0], PASSWORD).user_id == users[0]
    assert runtime.sign_in.with_password(pair[1].upper(), OTHERS).user_id == users[1]
    with pytest.raises(Unauthenticated):
        runtime.sign_in.with_password(pair[1], PASSWORD)
    a_labels = pair[0].replace("stra\xdfe", "xn--strae-oqa")
    assert runtime.sign_in.with_password(a_labels, PASSWORD).user_id == users[0]
    with pytest.raises(Conflict, match="already"):
        registered(runtime, a_labels)


@pytest.mark.parametrize("under_the_old_rule", [False, True])
def test_who_has_verified_the_look_alike_is_not_signed_in_by_the_others_provider(
    runtime: Runtime, pair: tuple[str, str], old_rule: Index, under_the_old_rule: bool
) -> None:
    attacker = registered(runtime, pair[0])
    if under_the_old_rule:
        as_before(runtime, attacker, pair[0], old_rule)

    assert runtime.provisioning.of_identity(vouched(pair[1])) != attacker


@pytest.mark.parametrize("under_the_old_rule", [False, True])
def test_passwords_links_and_the_operator_find_the_one_who_is_meant(
    runtime: Runtime, pair: tuple[str, str], old_rule: Index, under_the_old_rule: bool
) -> None:
    user = registered(runtime, pair[0])
    if under_the_old_rule:
        as_before(runtime, user, pair[0], old_rule)

    with pytest.raises(Unauthenticated):
        runtime.sign_in.with_password(pair[1], PASSWORD)
    assert runtime.email_verification.reset_message(pair[1]) is None
    for ask in (
        runtime.email_verification.reset_link,
        runtime.administration.find,
        lambda email: runtime.users.reset_password(email, OTHERS),
    ):
        with pytest.raises(NotFound):
            ask(pair[1])
    assert runtime.administration.find(pair[0].upper().replace("SS", "\xdf")) == user


def test_a_mailed_invitation_to_one_verifies_nothing_of_the_other(
    runtime: Runtime, pair: tuple[str, str]
) -> None:
    owner = runtime.users.register(f"owner{pair[1]}", PASSWORD)
    user = runtime.users.register(pair[0], PASSWORD).user_id
    with runtime.storage.transaction(owner.org_id, write=True) as tx:
        made, _ = runtime.invitations.create(tx, owner.user_id, pair[1], "viewer")
        older, _ = runtime.invitations.create(tx, owner.user_id, pair[0], "viewer")
        assert runtime.invitations.read(tx, made["id"])["email"] == pair[1]
    letter = runtime.invitations.message(made["id"])
    assert letter is not None
    token = letter.text.partition("#token=")[2].split()[0]

    runtime.invitations.accept(token, user)

    assert verified(runtime, user) is None
    letter = runtime.invitations.message(older["id"])
    assert letter is not None
    assert letter.to == pair[0]


def verified(runtime: Runtime, user_id: UUID) -> Any:
    with runtime.storage.system_transaction(write=False) as tx:
        return tx.execute(
            select(credentials.c.email_verified_at).where(credentials.c.user_id == user_id)
        ).scalar()


def test_rows_of_the_old_rule_are_found_again_once_their_indexes_are_made_anew(
    runtime: Runtime, pair: tuple[str, str], old_rule: Index
) -> None:
    user = registered(runtime, pair[0])
    as_before(runtime, user, pair[0], old_rule)
    owner = runtime.users.register(f"owner{pair[1]}", PASSWORD)
    with runtime.storage.transaction(owner.org_id, write=True) as tx:
        made, _ = runtime.invitations.create(tx, owner.user_id, f"guest{pair[0]}", "viewer")
        tx.execute(
            update(invitations)
            .where(invitations.c.id == made["id"])
            .values(email_index=old_rule(INVITED_INDEX, f"guest{pair[0]}"))
        )
    with pytest.raises(Unauthenticated):
        runtime.sign_in.with_password(pair[0], PASSWORD)

    assert runtime.email_reindexing.run() >= 2
    assert runtime.email_reindexing.run() == 0

    assert runtime.sign_in.with_password(pair[0], PASSWORD).user_id == user
    other = registered(runtime, pair[1], OTHERS)
    assert runtime.sign_in.with_password(pair[1], OTHERS).user_id == other
    with runtime.storage.transaction(owner.org_id, write=True) as tx:
        again, _ = runtime.invitations.create(tx, owner.user_id, f"guest{pair[0]}", "viewer")
        with pytest.raises(NotFound):
            runtime.invitations.read(tx, made["id"])
        assert again["id"] != made["id"]


def test_two_spellings_that_have_become_one_leave_the_account_that_has_it_alone(
    runtime: Runtime, pair: tuple[str, str], old_rule: Index
) -> None:
    a_labels = pair[0].replace("stra\xdfe", "xn--strae-oqa")
    there = registered(runtime, a_labels)
    late = registered(runtime, f"late{pair[0]}", OTHERS)
    as_before(runtime, late, pair[0], old_rule)
    with runtime.storage.system_transaction(write=True) as tx:
        sealed = runtime.rows.seal(users, {"id": late, "email": pair[0]})
        tx.execute(update(users).where(users.c.id == late).values(email=sealed["email"]))

    runtime.email_reindexing.run()

    assert runtime.sign_in.with_password(pair[0], PASSWORD).user_id == there
    assert runtime.email_reindexing.run() == 0
    registered(runtime, pair[1], OTHERS)  # nobody stands in the way of the look-alike
