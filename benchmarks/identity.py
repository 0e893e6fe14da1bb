"""Identity: what verifying a bearer token costs, beside PyJWT's bare decode of the same token.

A remembered token is what nearly every request brings. A new one is seen once in its life by each
process: it is parsed, its RS256 signature is verified, and its claims are checked.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import click
import jwt

from nestegg_core.auth.oidc import OidcProfile, OidcProvider
from nestegg_core.contracts.identity import Valid
from nestegg_testing import FakeIdentityProvider, SigningKey

REMEMBERED_CALLS = 2_000
ROUNDS = 9
AIMS = {"remembered token": 5.0, "new token": 100.0}
"""Microseconds."""

Verify = Callable[[str], object]


def measure(tokens: int) -> dict[str, float]:
    """Return microseconds of one token in each case, as medians of some rounds.

    Args:
        tokens: how many new ones are verified in each round.
    """
    key = SigningKey("key-1")
    with FakeIdentityProvider(keys=[key]) as vendor:
        provider = _provider(vendor)
        public = jwt.PyJWK(dict(key.public_jwk())).key

        def bare(token: str) -> object:
            return jwt.decode(
                token, public, ["RS256"], audience="app", issuer=vendor.issuer, options=_STRICT
            )

        taken: dict[str, list[float]] = {"bare decode": []}
        taken |= {name: [] for name in AIMS}
        for number in range(ROUNDS):
            new = [
                vendor.token(vendor.claims(aud="app", jti=f"{number} {one}"))
                for one in range(tokens)
            ]
            taken["bare decode"].append(_each(bare, new))
            taken["new token"].append(_each(provider.authenticate, new))
            taken["remembered token"].append(
                _each(provider.authenticate, [new[0]] * REMEMBERED_CALLS)
            )
    return {name: statistics.median(times) for name, times in taken.items()}


_STRICT: jwt.types.Options = {"require": ["exp", "iss", "sub"]}


def _provider(vendor: FakeIdentityProvider) -> OidcProvider:
    """Return one that holds its keys already."""
    profile = OidcProfile(name="bench", issuers=(vendor.issuer,), client_ids=("app",))
    provider = OidcProvider(profile, clock=lambda: datetime.now(UTC), allow_loopback_http=True)
    verdict = provider.authenticate(vendor.token(vendor.claims(aud="app")))
    taken = isinstance(verdict, Valid)
    if not taken:
        raise RuntimeError("the provider refuses what is to be measured")
    return provider


def _each(verify: Verify, tokens: Sequence[str]) -> float:
    begun = time.perf_counter()
    for token in tokens:
        verify(token)
    return (time.perf_counter() - begun) / len(tokens) * 1e6


def table(results: dict[str, float]) -> str:
    """Return the results as lines of text."""
    bare = results["bare decode"]
    lines = [f"{'':18}{'us/token':>12}{'bare':>10}{'aim':>10}"]
    for name, aim in AIMS.items():
        verdict = "" if results[name] < aim else "  missed"
        lines.append(f"{name:18}{results[name]:12.1f}{bare:10.1f}{aim:10.0f}{verdict}")
    return "\n".join(lines)


@click.command(epilog="Example: python -m benchmarks.identity --tokens 500")
@click.option("--tokens", default=300, help="New tokens in each round.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(tokens: int, *, as_json: bool) -> None:
    """Measure verifying."""
    results = measure(tokens)
    click.echo(json.dumps(results) if as_json else table(results))


if __name__ == "__main__":
    main()
