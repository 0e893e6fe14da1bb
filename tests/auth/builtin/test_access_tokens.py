"""The built-in provider's tokens: what is believed, and what is not."""

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest

from nestegg_core import Invalid, NotMine, Valid
from nestegg_core.auth.builtin.provider import AccessTokens, BuiltinProvider
from nestegg_testing.clock import MovableClock

SECRET = "a secret key of the server, which is long enough to be one"
MARKER = "marker7f3a"
USER, SESSION = uuid4(), uuid4()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def tokens(clock: MovableClock) -> AccessTokens:
    return AccessTokens(SECRET, timedelta(minutes=15), clock)


@pytest.fixture
def provider(tokens: AccessTokens, clock: MovableClock) -> BuiltinProvider:
    return BuiltinProvider(tokens, clock)


def signed(
    tokens: AccessTokens,
    key: bytes | str | None = None,
    algorithm: str = "HS256",
    header: Mapping[str, Any] | None = None,
    without: str = "",
    **claims: Any,
) -> str:
    """Return a token that differs from a good one in what is given, signed with the real key."""
    good = jwt.decode(tokens.issue(USER, SESSION), options={"verify_signature": False})
    changed = {name: value for name, value in {**good, **claims}.items() if name != without}
    return jwt.encode(
        changed,
        tokens._key if key is None else key,
        algorithm,
        headers={"typ": "at+jwt", **(header or {})},
    )


def part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def raw(header: bytes, payload: bytes) -> str:
    return f"{part(header)}.{part(payload)}.{part(b'signature')}"


MINE = json.dumps({"iss": "nestegg"}).encode()
HS256 = b'{"alg":"HS256","typ":"at+jwt"}'


def test_an_issued_token_says_whose_it_is(tokens: AccessTokens, provider: BuiltinProvider) -> None:
    verdict = provider.authenticate(tokens.issue(USER, SESSION))

    assert isinstance(verdict, Valid)
    assert verdict.identity.subject == str(USER)
    assert verdict.identity.session_id == SESSION
    assert verdict.identity.is_admin is False


def test_a_token_is_good_until_the_second_it_expires(
    tokens: AccessTokens, provider: BuiltinProvider, clock: MovableClock
) -> None:
    token = tokens.issue(USER, SESSION)
    clock.move(minutes=14, seconds=59)
    assert isinstance(provider.authenticate(token), Valid)

    clock.move(seconds=1)

    assert isinstance(provider.authenticate(token), Invalid)  # though it is remembered


def test_an_expired_token_is_refused_at_first_sight(
    tokens: AccessTokens, provider: BuiltinProvider, clock: MovableClock
) -> None:
    token = tokens.issue(USER, SESSION)
    clock.move(minutes=15)

    assert isinstance(provider.authenticate(token), Invalid)


def test_the_same_secret_reads_tokens_of_another_process(
    tokens: AccessTokens, clock: MovableClock
) -> None:
    other = BuiltinProvider(AccessTokens(SECRET, timedelta(minutes=1), clock), clock)
    stranger = BuiltinProvider(AccessTokens(SECRET + "!", timedelta(minutes=1), clock), clock)
    token = tokens.issue(USER, SESSION)

    assert isinstance(other.authenticate(token), Valid)
    assert isinstance(stranger.authenticate(token), Invalid)


@pytest.mark.parametrize("claim", ["exp", "sub", "sid"])
def test_a_token_without_a_claim_is_refused(
    tokens: AccessTokens, provider: BuiltinProvider, claim: str
) -> None:
    assert isinstance(provider.authenticate(signed(tokens, without=claim)), Invalid)


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": MARKER},
        {"sub": 1},
        {"sid": MARKER},
        {"sid": None},
        {"exp": MARKER},
        {"exp": None},
        {"exp": 10**30},
        {"exp": -(10**30)},
        {"exp": [1]},
        {"exp": True},
        {"iat": MARKER},
        {"nbf": MARKER},
        {"nbf": 10**11},
    ],
    ids=str,
)
def test_a_claim_that_is_no_claim_is_refused_without_repeating_it(
    tokens: AccessTokens, provider: BuiltinProvider, claims: dict[str, Any]
) -> None:
    verdict = provider.authenticate(signed(tokens, **claims))

    if claims != {"iat": MARKER}:  # nobody reads it
        assert isinstance(verdict, Invalid)
        assert MARKER not in verdict.reason


@pytest.mark.parametrize("typ", ["JWT", "rt+jwt", "", MARKER, None, 1, ["at+jwt"]], ids=str)
def test_a_token_of_another_type_is_refused(
    tokens: AccessTokens, provider: BuiltinProvider, typ: Any
) -> None:
    verdict = provider.authenticate(signed(tokens, header={"typ": typ}))

    assert isinstance(verdict, Invalid)
    assert MARKER not in verdict.reason


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_token_that_somebody_else_signed_is_refused(
    tokens: AccessTokens, provider: BuiltinProvider
) -> None:
    forged = [
        signed(tokens, key="another key that is long enough for the algorithm"),
        signed(tokens, key=SECRET),  # the secret itself signs nothing
        signed(tokens, algorithm="none", key=""),
        signed(tokens, algorithm="HS384"),
        signed(tokens, algorithm="HS512"),
    ]
    for token in forged:
        assert isinstance(provider.authenticate(token), Invalid)


def test_a_token_that_was_tampered_with_is_refused(
    tokens: AccessTokens, provider: BuiltinProvider
) -> None:
    header, payload, signature = tokens.issue(USER, SESSION).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    other = part(json.dumps({**claims, "sub": str(uuid4())}).encode())
    later = part(json.dumps({**claims, "exp": claims["exp"] + 3600}).encode())
    unsigned = part(b'{"alg":"none"}')
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    for token in (
        f"{header}.{other}.{signature}",
        f"{header}.{later}.{signature}",
        f"{header}.{payload}.{flipped}",
        f"{header}.{payload}.{signature[:-3]}",
        f"{header}.{payload}.",
        f"{unsigned}.{payload}.",
    ):
        assert isinstance(provider.authenticate(token), Invalid)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        ".",
        "..",
        "...",
        "a.b.c.d.e",
        "!!!.!!!.!!!",
        raw(b"[]", MINE),
        raw(b"[" * 4_000, MINE),
        raw(HS256, b"[" * 4_000),
        raw(HS256, b'{"iss":' * 800),
        raw(HS256, b'"nestegg"'),
        raw(HS256, b'["nestegg"]'),
        raw(HS256, b"\xff\xfe"),
        raw(HS256, b'{"iss":["nestegg"]}'),
        raw(HS256, b'{"iss":{"nestegg":1}}'),
        raw(HS256, b'{"iss":"Nestegg"}'),
        raw(HS256, b'{"iss":"nestegg","exp":' + b"9" * 5_000 + b"}"),
        raw(b'{"alg":"HS256","crit":["exp"],"exp":1}', MINE),
        raw(b'{"alg":"HS256","kid":1}', MINE),
    ],
)
def test_what_is_no_token_of_ours_is_passed_on(provider: BuiltinProvider, token: str) -> None:
    assert provider.authenticate(token) == NotMine()


@pytest.mark.parametrize(
    "header",
    [
        b"{}",
        b'{"alg":null}',
        b'{"alg":{}}',
        b'{"alg":["HS256"]}',
        b'{"alg":"' + MARKER.encode() + b'"}',
        '{"alg":"中"}'.encode(),
        b'{"alg":"HS256","typ":"at+jwt"}',
    ],
)
def test_a_token_that_claims_to_be_ours_and_is_not_is_refused(
    provider: BuiltinProvider, header: bytes
) -> None:
    verdict = provider.authenticate(raw(header, MINE))

    assert isinstance(verdict, Invalid)
    assert MARKER not in verdict.reason
    assert verdict.reason.isascii()


def test_only_so_many_tokens_are_remembered(
    tokens: AccessTokens, provider: BuiltinProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nestegg_core.auth.builtin.provider.REMEMBERED_TOKENS", 2)
    issued = [tokens.issue(uuid4(), SESSION) for _ in range(5)]

    for token in [*issued, *issued]:
        assert isinstance(provider.authenticate(token), Valid)

    assert len(provider._verified) == 2
