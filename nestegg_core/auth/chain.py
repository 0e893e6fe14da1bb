"""The chain: asks each configured provider in its order whose a token is."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from nestegg_core.auth.builtin.access_tokens import ISSUER
from nestegg_core.contracts.identity import (
    ExaminedProvider,
    Identity,
    IdentityProvider,
    Invalid,
    NotMine,
    Unavailable,
    Valid,
)
from nestegg_core.errors import ConfigurationError, Problem, ProviderUnavailable, Unauthenticated

TOKENS = "identity_tokens"
"""The counter, with the labels `provider` and `result`: valid, invalid or unavailable."""


class Counter(Protocol):
    """Where verdicts are counted."""

    def count(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        """Add to a counter; must not raise."""
        ...


class IdentityChain:
    def __init__(self, providers: Sequence[tuple[str, IdentityProvider]], metrics: Counter) -> None:
        self._providers = tuple(providers)
        self._metrics = metrics
        owners: dict[str, str] = {}
        for name, provider in self._providers:
            for issuer in provider.issuers:
                first = owners.setdefault(issuer, name)
                if first != name:
                    raise ConfigurationError(
                        [
                            Problem(
                                "IDENTITY_PROVIDER_CHAIN",
                                f"{first} and {name} both name the issuer {issuer}",
                                "give each provider an issuer of its own, or leave one out",
                            )
                        ]
                    )

    @property
    def providers(self) -> Sequence[tuple[str, IdentityProvider]]:
        return self._providers

    @property
    def names_by_issuer(self) -> Mapping[str, str]:
        """Names of the providers by each of their issuers, without the built-in one's."""
        return {
            issuer: name
            for name, provider in self._providers
            if ISSUER not in provider.issuers
            for issuer in provider.issuers
        }

    def examined(self) -> Sequence[tuple[str, ExaminedProvider]]:
        """Return the providers that `nestegg doctor` can try, by name."""
        return [
            (name, provider)
            for name, provider in self._providers
            if isinstance(provider, ExaminedProvider)
        ]

    def identify(self, token: str) -> Identity:
        for name, provider in self._providers:
            match provider.authenticate(token):
                case NotMine():
                    continue
                case Valid(identity):
                    self._count(name, "valid")
                    return identity
                case Invalid(reason):
                    self._count(name, "invalid")
                    raise Unauthenticated(reason)
                case Unavailable(reason):
                    self._count(name, "unavailable")
                    raise ProviderUnavailable(reason)
                case other:
                    raise TypeError(f"a provider answered no verdict: {type(other).__name__}")
        raise Unauthenticated("No identity provider of this server issued the token.")

    def _count(self, provider: str, result: str) -> None:
        self._metrics.count(TOKENS, {"provider": provider, "result": result})
