import json
from math import prod
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from jwt.algorithms import RSAAlgorithm

from nestegg_core.auth.oidc.claims import CompactToken, parse_token
from nestegg_core.auth.oidc.keys import (
    BadSignature,
    KeySet,
    KeySetRefused,
    UnknownKey,
    parse_key_set,
)
from nestegg_testing import FakeIdentityProvider, SigningKey

Claims = dict[str, Any]

RSA, EC = SigningKey("rsa"), SigningKey("ec", "ES256")


def key_set(*jwks: object) -> KeySet:
    return parse_key_set(json.dumps({"keys": jwks}).encode())


def token(key: SigningKey, **header: object) -> CompactToken:
    vendor = FakeIdentityProvider(keys=[key])
    vendor._server.server_close()
    parsed = parse_token(vendor.token({}, header=header))
    assert parsed is not None
    return parsed


def test_good_keys_are_kept_beside_unfit_ones() -> None:
    keys = key_set(
        RSA.public_jwk(),
        EC.public_jwk(),
        SigningKey("enc").public_jwk(use="enc", alg="RSA-OAEP"),
        SigningKey("weak", bits=1024).public_jwk(),
        {"kty": "new", "kid": "future"},
        {"kty": ["RSA"], "kid": "odd"},
        "no object",
    )
    assert [key.kid for key in keys.keys] == ["rsa", "ec"]
    assert dict(keys.refused) == {
        "enc": "it is not for signatures",
        "weak": "it is shorter than 2048 bits",
        "future": "its kind or algorithm is not supported",
        "odd": "its kind or algorithm is not supported",
    }
    keys.verify(token(RSA))
    keys.verify(token(EC))


@pytest.mark.parametrize(
    "unfit",
    [
        {"use": "enc"},
        {"use": None, "key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"alg": "HS256"},
        {"alg": 7},
        {"alg": "ES256"},
        {"n": "AQAB"},
        {"n": None},
        {"n": 7},
        {"n": "!"},
        {"kid": 7},
        {"kty": "EC"},
    ],
    ids=str,
)
def test_unfit_key_verifies_nothing(unfit: Claims) -> None:
    keys = key_set(RSA.public_jwk(**unfit))
    assert keys.keys == ()
    with pytest.raises(UnknownKey):
        keys.verify(token(RSA))


def test_key_whose_private_half_is_published_verifies_nothing() -> None:
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    leaked = RSAAlgorithm.to_jwk(pair, as_dict=True) | {"kid": "leaked", "key_ops": ["verify"]}
    keys = key_set(leaked)
    assert keys.keys == ()
    assert dict(keys.refused) == {"leaked": "its private half is published"}


@pytest.mark.parametrize("fit", [{"use": None}, {"alg": None}, {"key_ops": ["verify"]}], ids=str)
def test_optional_members_may_be_absent(fit: Claims) -> None:
    key_set(RSA.public_jwk(**fit)).verify(token(RSA))


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"<html>",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": [], "keys": []}',
        b"[" * 100_000,
        b'{"keys": ' + b"[" * 100_000,
        '{"keys": []}'.encode("utf-16"),
        b'{"keys": [NaN]}',
        json.dumps({"keys": [{}] * 33}).encode(),
        json.dumps({"keys": [RSA.public_jwk(), EC.public_jwk(kid="rsa")]}).encode(),
        json.dumps({"keys": [RSA.public_jwk(), {"kty": "oct", "k": "AAAA"}]}).encode(),
    ],
    ids=range(13),
)
def test_set_that_cannot_be_believed_is_refused_as_a_whole(document: bytes) -> None:
    with pytest.raises(KeySetRefused):
        parse_key_set(document)


def test_token_without_kid_is_taken_when_one_key_fits() -> None:
    key_set(RSA.public_jwk(), EC.public_jwk()).verify(token(RSA, kid=None))


def test_token_without_kid_is_refused_when_several_keys_fit() -> None:
    keys = key_set(RSA.public_jwk(), SigningKey("rsa-2").public_jwk())
    with pytest.raises(BadSignature):
        keys.verify(token(RSA, kid=None))


def test_token_without_kid_and_with_a_wrong_signature_may_belong_to_a_newer_key() -> None:
    with pytest.raises(UnknownKey):
        key_set(RSA.public_jwk(kid=None)).verify(token(SigningKey("new"), kid=None))


def test_key_of_one_algorithm_does_not_verify_another() -> None:
    with pytest.raises(BadSignature):
        key_set(RSA.public_jwk(alg="PS256")).verify(token(RSA))


def test_keys_of_the_library_whose_factors_can_be_found_are_refused() -> None:
    """ROCA: primes of the form k*M + (65537**a mod M)."""
    primes = [n for n in range(2, 702) if all(n % d for d in range(2, n))]
    smooth = prod(primes)
    factors = [(k << 52) * smooth + pow(65_537, a, smooth) for k, a in ((3, 5), (7, 11))]
    modulus = factors[0] * factors[1]
    assert modulus.bit_length() >= 2048
    public = RSAPublicNumbers(65_537, modulus).public_key()
    jwk = RSAAlgorithm.to_jwk(public, as_dict=True) | {"kid": "roca", "use": "sig", "alg": "RS256"}
    jwk.pop("key_ops", None)

    keys = key_set(jwk, RSA.public_jwk())

    assert [key.kid for key in keys.keys] == ["rsa"]
    assert "CVE-2017-15361" in keys.refused["roca"]


def test_other_keys_do_not_look_like_it() -> None:
    names = [f"ordinary {number}" for number in range(8)]
    keys = key_set(*(SigningKey(name).public_jwk() for name in names))
    assert [key.kid for key in keys.keys] == names
