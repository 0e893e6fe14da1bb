"""Codes are those of RFC 6238, and a step to either side of the present one is good."""

from base64 import b32decode, b32encode
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from nestegg_core.auth.builtin import second_factor as totp

SECRET = b32encode(b"12345678901234567890").decode()


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [  # RFC 6238, appendix B: SHA-1, the last six of the eight digits
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_codes_of_the_standard_match(seconds: int, code: str) -> None:
    assert totp.matching_step(SECRET, code, at(seconds)) == seconds // 30


@pytest.mark.parametrize(("later", "good"), [(-31, True), (30, True), (59, False), (-61, False)])
def test_a_code_is_good_one_step_before_and_after(later: int, good: bool) -> None:
    begins = 1111111110  # the first second of a step, whose code is 050471
    matched = totp.matching_step(SECRET, "050471", at(begins + 1 + later))

    assert matched == (begins // 30 if good else None)


@pytest.mark.parametrize("code", ["050472", "", "05047", "0504711", "०५०४७१"])
def test_another_code_matches_no_step(code: str) -> None:
    assert totp.matching_step(SECRET, code, at(1111111111)) is None


@pytest.mark.parametrize("text", ["12345", "1234567", "12345a", "१२३४५६", "", "-12345"])
def test_what_is_not_six_ascii_digits_is_no_code(text: str) -> None:
    assert not totp.is_code(text)


def test_secrets_are_random_and_as_long_as_recommended() -> None:
    secrets = {totp.new_secret() for _ in range(20)}

    assert len(secrets) == 20
    assert {len(b32decode(secret)) for secret in secrets} == {20}


def test_the_address_tells_an_authenticator_all_it_needs() -> None:
    url = urlsplit(totp.uri_of(SECRET, "ada+home@example.org"))

    assert "issuer=Nest%20Egg" in url.query
    assert (url.scheme, url.netloc) == ("otpauth", "totp")
    assert url.path == "/Nest%20Egg:ada%2Bhome%40example.org"
    assert parse_qs(url.query) == {
        "secret": [SECRET],
        "issuer": ["Nest Egg"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }
