"""Tokens that every OIDC provider must refuse, whatever its vendor: one table for all tests."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nestegg_core.contracts.identity import Invalid, NotMine, Unavailable
from nestegg_testing.identity_keys import SigningKey
from nestegg_testing.identity_server import FakeIdentityProvider

Forge = Callable[[FakeIdentityProvider, dict[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Attack:
    """One way to get in.

    Attributes:
        name: says what is tried.
        forge: makes the token from the claims of a good one; may change what the fake provider
            publishes, so that it must come before the first token of the provider under test.
        expected: the verdict that is due.
        from_vendor: whether only the vendor could sign it, and no issuer would for itself.
    """

    name: str
    forge: Forge
    expected: type = Invalid
    from_vendor: bool = False


_OWN = SigningKey("attacker")


def _signed(header: Mapping[str, Any], key: SigningKey | None = None) -> Forge:
    return lambda vendor, claims: vendor.token(claims, key=key, header=header)


def _claiming(**changes: Any) -> Forge:
    """Change claims of a good token; `None` takes one out. The provider itself signs."""

    def forge(vendor: FakeIdentityProvider, claims: dict[str, Any]) -> str:
        changed = {name: value for name, value in (claims | changes).items() if value is not None}
        return vendor.token(changed)

    return forge


def _shifted(claim: str, seconds: int) -> Forge:
    """Set a time, counted from the moment of issue."""
    return lambda vendor, claims: vendor.token(claims | {claim: claims["iat"] + seconds})


def _public_key_as_secret(vendor: FakeIdentityProvider, claims: dict[str, Any]) -> str:
    published = vendor.keys[0]
    return vendor.token(
        claims, key=SigningKey(published.kid, "HS256", secret=published.public_pem())
    )


def _other_kind_of_algorithm(vendor: FakeIdentityProvider, claims: dict[str, Any]) -> str:
    another = "RS256" if vendor.keys[0].algorithm.startswith("ES") else "ES256"
    return vendor.token(claims, header={"alg": another})


def _own_key_in_header(vendor: FakeIdentityProvider, claims: dict[str, Any]) -> str:
    return vendor.token(claims, key=_OWN, header={"jwk": _OWN.public_jwk()})


def _own_key_under_published_kid(vendor: FakeIdentityProvider, claims: dict[str, Any]) -> str:
    return vendor.token(claims, key=SigningKey(vendor.keys[0].kid, name="attacker"))


def _own_address(member: str) -> Forge:
    def forge(vendor: FakeIdentityProvider, claims: dict[str, Any]) -> str:
        address = {member: "https://attacker.example/keys"}
        return vendor.token(claims, key=_OWN, header=address)

    return forge


def _signature_of_another(vendor: FakeIdentityProvider, claims: dict[str, Any]) -> str:
    signature = vendor.token(claims).rpartition(".")[2]
    return vendor.token(claims | {"sub": "someone-else"}).rpartition(".")[0] + "." + signature


def _no_signature(vendor: FakeIdentityProvider, claims: dict[str, Any]) -> str:
    return vendor.token(claims).rpartition(".")[0] + "."


def _twice_in_claims(vendor: FakeIdentityProvider, claims: dict[str, Any]) -> str:
    return vendor.token('{"sub": "someone-else", ' + json.dumps(claims)[1:])


def _issuer_twice(vendor: FakeIdentityProvider, claims: dict[str, Any]) -> str:
    return vendor.token('{"iss": "https://attacker.example", ' + json.dumps(claims)[1:])


def _twice_in_header(vendor: FakeIdentityProvider, claims: dict[str, Any]) -> str:
    kid, algorithm = json.dumps(vendor.keys[0].kid), vendor.keys[0].algorithm
    return vendor.token(claims, header=f'{{"alg": "none", "kid": {kid}, "alg": "{algorithm}"}}')


def _published(key: SigningKey, **jwk: Any) -> Forge:
    """Let the vendor publish an unfit key, and sign with it."""

    def forge(vendor: FakeIdentityProvider, claims: dict[str, Any]) -> str:
        vendor.extra_keys.append(key.public_jwk(**jwk))
        return vendor.token(claims, key=key)

    return forge


def _two_keys_of_one_kid(vendor: FakeIdentityProvider, claims: dict[str, Any]) -> str:
    vendor.extra_keys.append(_OWN.public_jwk(kid=vendor.keys[0].kid))
    return vendor.token(claims)


def _secret_in_key_set(vendor: FakeIdentityProvider, claims: dict[str, Any]) -> str:
    vendor.extra_keys.append({"kty": "oct", "kid": "shared", "k": "c2VjcmV0", "alg": "HS256"})
    return vendor.token(claims)


_LOGOUT: dict[str, Any] = {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}

ATTACKS: tuple[Attack, ...] = (
    Attack("no algorithm", _signed({}, SigningKey("key-1", "none"))),
    Attack("no algorithm in capitals", _signed({"alg": "NONE"}, SigningKey("key-1", "none"))),
    Attack("public key as an HMAC secret", _public_key_as_secret),
    Attack("algorithm of another kind than the key", _other_kind_of_algorithm),
    Attack("algorithm is not a string", _signed({"alg": ["RS256"]})),
    Attack("key in the header", _own_key_in_header),
    Attack("own key under a published kid", _own_key_under_published_kid),
    Attack("key address in jku", _own_address("jku")),
    Attack("key address in x5u", _own_address("x5u")),
    Attack("unknown kid", _signed({}, _OWN)),
    Attack("kid is not a string", _signed({"kid": 7}), from_vendor=True),
    Attack("unknown critical extension", _signed({"crit": ["urn:x"]}), from_vendor=True),
    Attack("logout token by its type", _signed({"typ": "logout+jwt"})),
    Attack("logout token by its claim", _claiming(**_LOGOUT), from_vendor=True),
    Attack("signature of another token", _signature_of_another),
    Attack("no signature", _no_signature),
    Attack("no exp", _claiming(exp=None)),
    Attack("exp is text", _claiming(exp="4102444800")),
    Attack("exp is true", _claiming(exp=True)),
    Attack("exp beyond all calendars", _claiming(exp=10**300)),
    Attack("expired", _shifted("exp", -1)),
    Attack("not yet valid", _shifted("nbf", 120)),
    Attack("issued in the future", _shifted("iat", 120), from_vendor=True),
    Attack("no sub", _claiming(sub=None)),
    Attack("empty sub", _claiming(sub="")),
    Attack("sub with a NUL", _claiming(sub="a\0b")),
    Attack("sub is a number", _claiming(sub=7)),
    Attack("name twice in the claims", _twice_in_claims, from_vendor=True),
    Attack("issuer twice in the claims", _issuer_twice, from_vendor=True),
    Attack("name twice in the header", _twice_in_header),
    Attack("huge token", _claiming(padding="x" * 70_000), from_vendor=True),
    Attack("weak key", _published(SigningKey("weak", bits=1024))),
    Attack("key for encryption", _published(SigningKey("enc"), use="enc")),
    Attack("key that may not verify", _published(SigningKey("ops"), key_ops=["encrypt"])),
    Attack("key of another algorithm", _published(SigningKey("other"), alg="RSA-OAEP")),
    Attack("no issuer", _claiming(iss=None), NotMine),
    Attack("another issuer", _claiming(iss="https://attacker.example"), NotMine),
    Attack("two issuers", _claiming(iss=["https://attacker.example"]), NotMine),
    Attack("two keys of one kid", _two_keys_of_one_kid, Unavailable),
    Attack("secret among the public keys", _secret_in_key_set, Unavailable),
)
"""Every attack of the table. A provider's own tests add those on its audience and token kinds."""
