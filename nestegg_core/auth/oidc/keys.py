"""RSA keys whose factors can be found: ROCA (CVE-2017-15361).

The library of many smart cards and security chips made primes of the form k*M + (65537**a mod M),
M being the product of the first small primes. So the modulus of such a key is a power of 65537
modulo each of these primes. Of other keys' moduli one in 2**27 is, with the 38 primes that are
looked at here. The test is that of Nemec, Sys, Svenda, Klinec and Matyas, "The Return of
Coppersmith's Attack: Practical Factorization of Widely Used RSA Moduli" (ACM CCS 2017), 3.1.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from nestegg_core.auth.oidc.claims import CompactToken, json_object

_GENERATOR = 65_537
_LAST = 167
"""The product of the primes up to here divides M in keys of every length."""

_PRIMES = [n for n in range(3, _LAST + 1) if all(n % d for d in range(2, n))]
_POWERS = {p: frozenset(pow(_GENERATOR, a, p) for a in range(p - 1)) for p in _PRIMES}


def has_guessable_factors(key: RSAPublicKey) -> bool:
    """Tell whether a key has the mark of that library."""
    modulus = key.public_numbers().n
    return all(modulus % prime in powers for prime, powers in _POWERS.items())


MAX_KEYS = 32
MIN_RSA_BITS = 2048  # RFC 7518, 3.3

_ALGORITHMS_OF_KIND = MappingProxyType(
    {
        ("RSA", ""): frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        ("EC", "P-256"): frozenset({"ES256"}),
        ("EC", "P-384"): frozenset({"ES384"}),
        ("EC", "P-521"): frozenset({"ES512"}),
        ("OKP", "Ed25519"): frozenset({"EdDSA"}),
    }
)
SUPPORTED_ALGORITHMS: frozenset[str] = frozenset().union(*_ALGORITHMS_OF_KIND.values())
"""Signature algorithms that a profile may allow. `none` and HS* are not among them."""


@cache
def _implementations() -> Mapping[str, Any]:
    from jwt.algorithms import get_default_algorithms  # noqa: PLC0415 - see this file's head

    return get_default_algorithms()


class KeySetRefused(Exception):
    """A document is no key set that could be believed; the message says why."""


class UnknownKey(Exception):
    """No key of the set verifies the token, but a newer set may have one."""


class BadSignature(Exception):
    """The token's key is known and did not sign it; the message is fit for an answer."""


class PublicKey(Protocol):
    """Whatever the signature library made of a JWK."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One key that may verify signatures, with the algorithms that it may be used for."""

    kid: str | None
    algorithms: frozenset[str]
    public_key: PublicKey


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of a provider at one moment."""

    keys: tuple[VerificationKey, ...]
    refused: Mapping[str, str] = field(default_factory=dict)  # why, by `kid`
    fingerprint: bytes = b""  # equal exactly when the documents are

    def verify(self, token: CompactToken) -> None:
        """Check the token's signature with the one key that it names.

        A token without `kid` is taken when exactly one key fits its algorithm (RFC 7515,
        4.1.4 leaves `kid` optional). The header's own keys and addresses (`jwk`, `jku`, `x5c`,
        `x5u`) are never looked at (RFC 8725, 3.10). Without `kid` a wrong signature is an
        `UnknownKey` too, for the provider may have changed its only key.
        """
        kid, algorithm = token.header.get("kid"), token.header["alg"]
        if kid is None:
            key = self._only_key_for(algorithm)
        else:
            key = self._named(kid)
            if algorithm not in key.algorithms:
                raise BadSignature("the named key is not for this algorithm")
        implementation = _implementations()[algorithm]
        if not implementation.verify(token.signing_input, key.public_key, token.signature):
            if kid is None:
                raise UnknownKey("the provider's only key did not sign the token")
            raise BadSignature("the signature is wrong")

    def _named(self, kid: object) -> VerificationKey:
        for key in self.keys:
            if key.kid == kid:
                return key
        why = self.refused.get(kid) if isinstance(kid, str) else None
        if why is not None:
            raise UnknownKey(f"the named key is refused: {why}")
        raise UnknownKey("the provider does not publish the named key")

    def _only_key_for(self, algorithm: str) -> VerificationKey:
        fitting = [key for key in self.keys if algorithm in key.algorithms]
        if len(fitting) > 1:
            raise BadSignature("kid is missing and several keys fit")
        if not fitting:
            raise UnknownKey("kid is missing and no key fits")
        return fitting[0]


def parse_key_set(document: bytes) -> KeySet:
    """Read a JWK set.

    Keys that are unfit one by one (for encryption, too weak, of an unknown kind) are left out:
    real providers publish such beside good ones. A set that cannot be believed as a whole is
    refused: names that stand for two keys, secrets among public keys, too many keys.
    """
    try:
        entries = json_object(document).get("keys")
    except ValueError as error:
        raise KeySetRefused(f"the key set is no JSON object: {error}") from error
    if not isinstance(entries, list):
        raise KeySetRefused("the key set has no list of keys")
    if len(entries) > MAX_KEYS:
        raise KeySetRefused(f"the key set has more than {MAX_KEYS} keys")
    jwks = [entry for entry in entries if isinstance(entry, dict)]
    kids = [entry["kid"] for entry in jwks if isinstance(entry.get("kid"), str)]
    if len(set(kids)) != len(kids):
        raise KeySetRefused("two keys of the set have one kid")
    if any(entry.get("kty") == "oct" for entry in jwks):
        raise KeySetRefused("the key set holds a symmetric key")
    return _usable_keys(jwks, hashlib.sha256(document).digest())


def _usable_keys(jwks: list[dict[str, Any]], fingerprint: bytes) -> KeySet:
    keys, refused = [], {}
    for jwk in jwks:
        key = _verification_key(jwk)
        if isinstance(key, VerificationKey):
            keys.append(key)
        elif isinstance(jwk.get("kid"), str):
            refused[jwk["kid"]] = key
    return KeySet(tuple(keys), MappingProxyType(refused), fingerprint)


def _verification_key(jwk: dict[str, Any]) -> VerificationKey | str:
    """Return the key, or why it is unfit."""
    from jwt import PyJWK  # noqa: PLC0415 - see this file's head
    from jwt.exceptions import PyJWTError  # noqa: PLC0415

    problem = _misuse(jwk)
    if problem is not None:
        return problem
    algorithms = _algorithms_of(jwk)
    if not algorithms:
        return "its kind or algorithm is not supported"
    try:
        public_key = PyJWK(jwk, algorithm=min(algorithms)).key
    except (PyJWTError, ValueError, TypeError, KeyError):
        return "it is malformed"
    if isinstance(public_key, RSAPublicKey) and public_key.key_size < MIN_RSA_BITS:
        return f"it is shorter than {MIN_RSA_BITS} bits"
    if isinstance(public_key, RSAPublicKey) and has_guessable_factors(public_key):
        return "its factors can be found: it was made by a faulty library (ROCA, CVE-2017-15361)"
    return VerificationKey(jwk.get("kid"), algorithms, public_key)


def _misuse(jwk: dict[str, Any]) -> str | None:
    if not isinstance(jwk.get("kid"), str | None):
        return "its kid is not a string"
    if jwk.get("use", "sig") != "sig":
        return "it is not for signatures"
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return "it is not for verifying"
    if "d" in jwk:
        return "its private half is published"
    return None


def _algorithms_of(jwk: dict[str, Any]) -> frozenset[str]:
    for (kty, curve), algorithms in _ALGORITHMS_OF_KIND.items():
        if jwk.get("kty") == kty and curve in ("", jwk.get("crv")):
            # Compared one by one because `alg` may be of any JSON type here.
            return frozenset(name for name in algorithms if jwk.get("alg", name) == name)
    return frozenset()
