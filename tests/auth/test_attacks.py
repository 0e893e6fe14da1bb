"""The attack table, through the API: what each vendor's provider refuses, and with which status.

400 for what is no token at all, 401 for a token that is refused, 403 for one that does not reach,
503 where nothing can be said about it. The plugins' own tests hold the same table against
verdicts, for every kind of token.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import permutations

import pytest

from nestegg_core.application import Runtime
from nestegg_core.auth.builtin.provider import ISSUER
from nestegg_core.contracts.identity import Unavailable
from nestegg_testing import ATTACKS, Attack, Fault, SigningKey, register
from support.serving import serving
from support.vendors import VENDORS, Playing, Vendor, play

# Which database there is plays no part.
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")

each_vendor = pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
UNVERIFIED = [{}, {"email_verified": False}, {"email_verified": "false"}, {"email_verified": 1}]
TOO_LONG = "huge token"


@pytest.fixture(scope="module")
def played(runtime: Runtime, variables: dict[str, str]) -> Iterator[Callable[[Vendor], Playing]]:
    """One server that believes all four vendors, and what plays each of them."""
    del runtime
    with serving(variables) as serve, ExitStack() as stack:
        playing = play(serve, stack)
        yield playing.__getitem__


@pytest.fixture
def of(played: Callable[[Vendor], Playing], vendor: Vendor) -> Playing:
    """The vendor, days later: no keys are held, and nothing is out of order."""
    playing = played(vendor)
    playing.begin_anew()
    return playing


@each_vendor
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_is_refused_with_its_status(attack: Attack, of: Playing) -> None:
    good = of.claims()
    # Also where the verdict is *not mine*: then nobody else's is the token either.
    status = 503 if attack.expected is Unavailable else 400 if attack.name == TOO_LONG else 401

    assert of.api.status(attack.forge(of.server, good)) == status
    assert of.api.status(of.server.token(good)) == (503 if status == 503 else 200)


@each_vendor
def test_every_kind_of_token_that_is_for_us_signs_the_user_in(of: Playing) -> None:
    users = {of.api.me(of.token(kind))["id"] for kind in of.vendor.user}

    assert len(users) == 1


@pytest.mark.parametrize(
    ("vendor", "what"),
    [(vendor, what) for vendor in VENDORS for what in vendor.others],
    ids=lambda value: getattr(value, "name", value),
)
def test_other_kinds_of_token_and_those_for_others_are_refused(of: Playing, what: str) -> None:
    claims = of.server.claims(of.clock(), **of.vendor.others[what])

    assert of.api.status(of.server.token(claims)) == 401


@pytest.mark.parametrize(
    ("vendor", "speaks_for"), list(permutations(VENDORS, 2)), ids=lambda vendor: vendor.name
)
def test_one_provider_cannot_speak_for_another(
    of: Playing, speaks_for: Vendor, played: Callable[[Vendor], Playing]
) -> None:
    """Both are believed, their keys have one `kid`, and the one signs as the other."""
    other = played(speaks_for)
    claims = other.claims()
    assert of.server.keys[0].kid == other.server.keys[0].kid
    assert of.api.status(other.server.token(claims)) == 200

    assert of.api.status(of.server.token(claims)) == 401


@each_vendor
@pytest.mark.parametrize("algorithm", ["RS256", "HS256"])
def test_a_provider_cannot_speak_for_the_built_in_one(of: Playing, algorithm: str) -> None:
    subject = of.api.me(register(of.api.client).token)["id"]
    key = of.server.keys[0]
    if algorithm == "HS256":
        key = SigningKey(key.kid, algorithm, secret=key.public_pem())
    claims = of.claims(iss=ISSUER, sub=subject, sid=subject)

    assert of.api.status(of.server.token(claims, key=key, header={"typ": "at+jwt"})) == 401


@each_vendor
def test_a_token_that_was_signed_out_cannot_be_replayed(of: Playing) -> None:
    for kind in of.vendor.user:
        token, another = of.token(kind, jti="first"), of.token(kind, jti="second")
        of.api.me(token)

        of.api.sign_out(token)

        assert [of.api.status(token), of.api.status(another)] == [401, 200]


@each_vendor
def test_a_token_is_refused_from_its_last_second_on_also_when_it_is_known(of: Playing) -> None:
    claims = of.claims()
    token = of.server.token(claims)
    seen = [of.api.status(token)]
    of.clock.move(seconds=claims["exp"] - of.clock().timestamp() - 0.5)
    seen.append(of.api.status(token))
    of.clock.move(seconds=0.5)

    assert [*seen, of.api.status(token)] == [200, 200, 401]


@each_vendor
@pytest.mark.parametrize("verified", [*UNVERIFIED, {"email_verified": True}], ids=str)
def test_an_address_takes_over_no_account(of: Playing, verified: dict[str, object]) -> None:
    """Not even a verified one, unless the operator has switched linking on."""
    theirs = of.api.me(register(of.api.client).token)

    mine = of.api.me(of.user("mallory", email=theirs["email"], **verified))

    assert mine["id"] != theirs["id"]
    assert mine["memberships"][0]["organization"] != theirs["memberships"][0]["organization"]


@each_vendor
def test_a_user_is_known_by_issuer_and_subject_alone(of: Playing) -> None:
    """Whoever takes a name or an address over that another one had is somebody else."""
    named = {"email": "shared@example.org", "preferred_username": "shared", "name": "Shared"}

    first, second = (of.api.me(of.user(subject, **named)) for subject in ("first", "second"))

    assert first["id"] != second["id"]


@each_vendor
def test_who_is_no_administrator_gets_403(of: Playing) -> None:
    token = of.server.token(of.claims(groups=["nest-egg-admins"], is_admin=True))

    answer = of.api.answer(token, "/api/v1/admin/plugins")

    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


@each_vendor
def test_an_outage_is_nothing_to_whom_keys_are_held_and_503_afterwards(of: Playing) -> None:
    of.api.me(of.server.token(of.claims()))
    of.server.fault = Fault.ERROR

    of.clock.move(hours=24)
    assert of.api.status(of.server.token(of.claims(jti="unseen"))) == 200
    of.clock.move(hours=24)
    assert of.api.status(of.server.token(of.claims(jti="later"))) == 503
