"""Keys for fake providers, made once for each name in a test run."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

_ALGORITHMS = get_default_algorithms()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair that signs tokens.

    Two keys of one name, algorithm and size are the same pair: making RSA keys takes long.

    Attributes:
        kid: under which it is published; `None` publishes it without.
        algorithm: what it signs with, e.g. `RS256`; `none` signs nothing.
        name: which pair; the `kid` when not given.
        bits: size of an RSA key.
        secret: for HS256, what the signature is made with, e.g. somebody's public key.

    Example:
        >>> SigningKey("k1", "ES256").public_jwk()["crv"]
        'P-256'
    """

    kid: str | None
    algorithm: str = "RS256"
    name: str | None = None
    bits: int = 2048
    secret: bytes | None = field(default=None, repr=False)

    @property
    def _pair(self) -> Any:
        return _key_pair(self.name or self.kid, self.algorithm, self.bits)

    def sign(self, message: bytes) -> bytes:
        """Return the raw signature of JWS (RFC 7518, 3)."""
        if self.algorithm == "none":
            return b""
        key = self._pair if self.secret is None else self.secret
        return _ALGORITHMS[self.algorithm].sign(message, key)

    def public_jwk(self, **changes: Any) -> dict[str, Any]:
        """Return the public half as a JWK for signatures; a change to `None` takes a member out."""
        jwk = dict(_ALGORITHMS[self.algorithm].to_jwk(self._pair.public_key(), as_dict=True))
        jwk.pop("key_ops", None)
        jwk |= {"use": "sig", "alg": self.algorithm, "kid": self.kid, **changes}
        return {name: value for name, value in jwk.items() if value is not None}

    def public_pem(self) -> bytes:
        """Return the public half in PEM, the secret of an algorithm confusion attack."""
        pem: bytes = self._pair.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        return pem


_CURVES: dict[str, Any] = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


@cache
def _key_pair(name: str | None, algorithm: str, bits: int) -> Any:
    del name  # only tells pairs apart
    if algorithm.startswith("ES"):
        return ec.generate_private_key(_CURVES[algorithm]())
    if algorithm.startswith("Ed"):
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)
