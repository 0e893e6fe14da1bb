"""RSA keys whose factors can be found: ROCA (CVE-2017-15361).

The library of many smart cards and security chips made primes of the form k*M + (65537**a mod M),
M being the product of the first small primes. So the modulus of such a key is a power of 65537
modulo each of these primes. Of other keys' moduli one in 2**27 is, with the 38 primes that are
looked at here. The test is that of Nemec, Sys, Svenda, Klinec and Matyas, "The Return of
Coppersmith's Attack: Practical Factorization of Widely Used RSA Moduli" (ACM CCS 2017), 3.1.
"""

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_GENERATOR = 65_537
_LAST = 167
"""The product of the primes up to here divides M in keys of every length."""

_PRIMES = [n for n in range(3, _LAST + 1) if all(n % d for d in range(2, n))]
_POWERS = {p: frozenset(pow(_GENERATOR, a, p) for a in range(p - 1)) for p in _PRIMES}


def has_guessable_factors(key: RSAPublicKey) -> bool:
    """Tell whether a key has the mark of that library."""
    modulus = key.public_numbers().n
    return all(modulus % prime in powers for prime, powers in _POWERS.items())
