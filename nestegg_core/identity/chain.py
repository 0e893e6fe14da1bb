"""The chain: asks each configured provider in its order whose a token is."""

from collections.abc import Sequence

from nestegg_core.contracts.identity import (
    Identity,
    IdentityProvider,
    Invalid,
    NotMine,
    Unavailable,
    Valid,
)
from nestegg_core.errors import ConfigurationError, Problem, ProviderUnavailable, Unauthenticated


class IdentityChain:
    """Verifies bearer tokens through the providers of `IDENTITY_PROVIDER_CHAIN`."""

    def __init__(self, providers: Sequence[tuple[str, IdentityProvider]]) -> None:
        """Take named providers in order.

        Raises:
            ConfigurationError: two of them name the same issuer.
        """
        self._providers = tuple(providers)
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

    def identify(self, token: str) -> Identity:
        """Return whose token it is.

        Raises:
            Unauthenticated: no provider knows the issuer, or the one that does refuses it.
            ProviderUnavailable: the one that knows the issuer cannot say now.
        """
        for _, provider in self._providers:
            match provider.authenticate(token):
                case NotMine():
                    continue
                case Valid(identity):
                    return identity
                case Invalid(reason):
                    raise Unauthenticated(reason)
                case Unavailable(reason):
                    raise ProviderUnavailable(reason)
                case other:
                    raise TypeError(f"a provider answered no verdict: {type(other).__name__}")
        raise Unauthenticated("No identity provider of this server issued the token.")
