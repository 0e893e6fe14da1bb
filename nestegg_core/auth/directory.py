"""How apps sign users in: what each provider of the chain offers, as far as it can be said now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from nestegg_core.auth.builtin.access_tokens import ISSUER
from nestegg_core.auth.oidc.cache import FetchCache, KeyPolicy
from nestegg_core.auth.oidc.fetch import url_problem
from nestegg_core.contracts.context import Clock
from nestegg_core.contracts.identity import AppSignIn, IdentityProvider
from nestegg_core.errors import PluginFault, ProviderUnavailable


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
