"""The chain asks each provider in its order whose a token is; the directory says what each does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from nestegg_core.auth.builtin.provider import ISSUER
from nestegg_core.auth.oidc.cache import FetchCache, KeyPolicy
from nestegg_core.auth.oidc.discovery import url_problem
from nestegg_core.contracts.context import Clock
from nestegg_core.contracts.identity import (
    AppSignIn,
    ExaminedProvider,
    Identity,
    IdentityProvider,
    Invalid,
    NotMine,
    Unavailable,
    Valid,
)
from nestegg_core.errors import (
    ConfigurationError,
    PluginFault,
    Problem,
    ProviderUnavailable,
    Unauthenticated,
)

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


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    issuer: str
    password: bool = False
    available: bool = True
    app_sign_in: AppSignIn | None = None


class SignInDirectory:
    """Lists the providers of the chain. Touches no network before it is first asked.

    What a provider says is fetched in threads, one for each provider, and kept as keys are: an
    hour, a day more in need, and never asked for again within the cooldown.
    """

    def __init__(
        self,
        providers: Sequence[tuple[str, IdentityProvider]],
        *,
        registration: str,
        allow_loopback_http: bool,
        clock: Clock,
        policy: KeyPolicy = KeyPolicy(),  # noqa: B008 - immutable
    ) -> None:
        self.registration = registration
        self._providers = tuple(providers)
        self._clock = clock
        self._policy = policy
        self._known = {
            name: FetchCache(
                _fetch_from(describe, allow_loopback_http=allow_loopback_http),
                clock=clock,
                policy=policy,
                what=f"endpoints of provider {name}",
            )
            for name, provider in self._providers
            if (describe := getattr(provider, "describe", None)) is not None
        }

    def entries(self) -> list[Entry]:
        """Return every provider. Waits for those that are asked the first time, for all of them
        together no longer than the deadline.
        """
        now, ends = self._clock(), monotonic() + self._policy.deadline
        for known in self._known.values():
            if known.held(now) is None:
                known.start_fetch(now)
        return [self._entry(name, provider, ends) for name, provider in self._providers]

    def _entry(self, name: str, provider: IdentityProvider, ends: float) -> Entry:
        issuer = provider.issuers[0]
        known = self._known.get(name)
        if known is None:
            return Entry(name, issuer, password=issuer == ISSUER)
        found = known.usable(self._clock(), max(0.0, ends - monotonic()))
        if found is None:
            return Entry(name, issuer, available=False)
        return Entry(name, issuer, app_sign_in=found.app_sign_in)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a provider said: nothing is an answer too."""

    app_sign_in: AppSignIn | None


def _fetch_from(
    describe: Callable[[], AppSignIn | None], *, allow_loopback_http: bool
) -> Callable[[], tuple[_Said, int | None]]:
    def fetch() -> tuple[_Said, int | None]:
        try:
            found = describe()
        except PluginFault as error:  # it is logged and counted already
            raise ProviderUnavailable(str(error)) from error
        for endpoint in (found.authorization_endpoint, found.token_endpoint) if found else ():
            problem = url_problem(endpoint, allow_loopback_http=allow_loopback_http)
            if problem is not None:
                raise ProviderUnavailable(f"an endpoint {problem}")
        return _Said(found), None

    return fetch
