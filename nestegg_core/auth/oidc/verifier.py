"""The OIDC identity provider: one token in, one verdict out."""

import logging
from collections.abc import Sequence
from datetime import datetime

from nestegg_core.auth.oidc import claims as claim
from nestegg_core.auth.oidc.cache import KeyCache, KeyPolicy, RememberedTokens, token_digest
from nestegg_core.auth.oidc.claims import MAX_TOKEN_CHARACTERS, Claims, CompactToken, parse_token
from nestegg_core.auth.oidc.discovery import (
    FetchFailed,
    discovery_url,
    fetch_app_sign_in,
    key_fetcher,
    url_problem,
)
from nestegg_core.auth.oidc.keys import BadSignature, KeySet, KeySetRefused, UnknownKey
from nestegg_core.auth.oidc.profile import OidcProfile
from nestegg_core.contracts.context import Clock
from nestegg_core.contracts.identity import (
    AppSignIn,
    Identity,
    Invalid,
    NotMine,
    Unavailable,
    Valid,
    Verdict,
)
from nestegg_core.contracts.operations import Diagnosis
from nestegg_core.errors import ConfigurationError, Problem, ProviderUnavailable
from nestegg_core.foreign import subject_text, text

logger = logging.getLogger(__name__)


class OidcProvider:
    """Verifies the tokens of one vendor as its profile says; an `IdentityProvider`.

    The order is that of RFC 8725 and RFC 9068: size, form, issuer as a look-up key, algorithm,
    signature, times, audience. Keys are fetched when the first token asks for them. Safe to use
    from many threads, and to make before a server forks.

    Args:
        profile: the vendor.
        clock: the present moment.
        allow_loopback_http: whether keys may be fetched over plain http from loopback.
        policy: ages and patience of the key cache.

    Raises:
        ConfigurationError: keys may not be fetched from the address that the profile gives.
    """

    def __init__(
        self,
        profile: OidcProfile,
        *,
        clock: Clock,
        allow_loopback_http: bool = False,
        policy: KeyPolicy = KeyPolicy(),  # noqa: B008 - immutable
    ) -> None:
        url = profile.jwks_url or discovery_url(profile)
        problem = url_problem(url, allow_loopback_http=allow_loopback_http)
        if problem is not None:
            where = f"{profile.name}: {'key set' if profile.jwks_url else 'discovery'} URL"
            raise ConfigurationError([Problem(where, problem, "give an https:// address")])
        self.profile = profile
        self._clock = clock
        self._issuers = frozenset(profile.issuers)
        fetch = key_fetcher(
            profile, allow_loopback_http=allow_loopback_http, seconds=policy.deadline
        )
        self._fetch = fetch
        self._loopback, self._seconds = allow_loopback_http, policy.deadline
        what = f"keys of provider {profile.name}"
        self._keys = KeyCache(fetch, clock=clock, policy=policy, what=what)
        self._remembered = RememberedTokens()

    @property
    def issuers(self) -> tuple[str, ...]:
        """Every form of `iss` that is this vendor's."""
        return self.profile.issuers

    def authenticate(self, token: str) -> Verdict:
        """Judge one token. Never raises: a fault of ours, or of a profile, is `Unavailable`."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            return Invalid("the token is too long")
        if not token.isascii():
            return NotMine()
        try:
            return self._authenticate(token)
        except Exception:
            logger.exception("provider %s failed on a token", self.profile.name)
            return Unavailable(f"the provider {self.profile.name} failed")

    def examine(self) -> Sequence[Diagnosis]:
        """Fetch discovery and keys anew, and return what is wrong with them."""
        try:
            self._fetch()
        except (FetchFailed, KeySetRefused) as error:
            return [
                Diagnosis(
                    "error",
                    f"Provider {self.profile.name}: {error}",
                    "its tokens are answered 503 once the keys at hand are too old",
                    "correct its issuer, or let this machine reach it",
                )
            ]
        return []

    def describe(self) -> AppSignIn:
        """Fetch from discovery where apps sign users in."""
        try:
            return fetch_app_sign_in(
                self.profile, allow_loopback_http=self._loopback, seconds=self._seconds
            )
        except FetchFailed as error:
            raise ProviderUnavailable(f"{self.profile.name}: {error}") from error

    def _authenticate(self, token: str) -> Verdict:
        now, digest = self._clock(), token_digest(token)
        known = self._remembered.get(digest, now)
        if known is not None and known[1] is self._keys.held(now):
            return known[0]
        parsed = parse_token(token)
        if parsed is None or not self._is_ours(parsed):
            return NotMine()
        if parsed.ambiguous:
            return Invalid("a name stands twice in the token")
        problem = _header_problem(parsed.header, self.profile)
        if problem is not None:
            return Invalid(problem)
        keys = self._verify(parsed, now)
        if not isinstance(keys, KeySet):
            return keys
        verdict = self._judge(parsed, now)
        if isinstance(verdict, Valid):
            self._remembered.put(digest, verdict, keys)
        return verdict

    def _is_ours(self, token: CompactToken) -> bool:
        issuer = token.claims.get("iss")
        return isinstance(issuer, str) and issuer in self._issuers

    def _verify(self, token: CompactToken, now: datetime) -> KeySet | Invalid | Unavailable:
        """Return the keys that vouch for the token's signature."""
        unreachable = Unavailable(f"the keys of {self.profile.name} cannot be fetched")
        keys = self._keys.usable(now)
        if keys is None:
            return unreachable
        try:
            try:
                keys.verify(token)
            except UnknownKey:
                keys = self._keys.newest(now)
                if keys is None:
                    return unreachable
                keys.verify(token)
        except (UnknownKey, BadSignature) as error:
            return Invalid(str(error))
        return keys

    def _judge(self, token: CompactToken, now: datetime) -> Valid | Invalid:
        claims, profile = token.claims, self.profile
        expires_at = claim.moment(claims.get("exp"))
        if expires_at is None:
            # Required by RFC 9068, 2.2 and OpenID Connect Core, 2.
            return Invalid("exp is missing or is not a time")
        problem = (
            claim.time_problem(claims, expires_at, now)
            or _kind_problem(claims)
            or profile.check(profile, claims, token.header)
        )
        if problem:
            return Invalid(problem)
        subject = subject_text(profile.subject(claims))
        if subject is None:
            return Invalid("the token names no user")
        return Valid(_identity(profile, claims, subject, expires_at))


def _header_problem(header: Claims, profile: OidcProfile) -> str | None:
    kind = header.get("typ", "JWT")
    if header.get("alg") not in profile.algorithms:
        return "the algorithm is not allowed"
    if "crit" in header:
        # RFC 7515, 4.1.11: what is critical and not understood must be refused.
        return "crit names an extension that is not understood"
    if not isinstance(header.get("kid"), str | None):
        return "kid is not a string"
    if not isinstance(kind, str):
        return "typ is not a string"
    if kind.lower().removeprefix("application/") not in profile.token_types:
        return "the token is of another type"
    return None


def _kind_problem(claims: Claims) -> str | None:
    if subject_text(claims.get("sub")) is None:
        return "sub is missing or is not a name"
    if "events" in claims:
        # Logout tokens look like ID tokens but for this (RFC 8417; Back-Channel Logout, 2.4).
        return "the token tells of an event and is not for signing in"
    return None


def _identity(profile: OidcProfile, claims: Claims, subject: str, expires_at: datetime) -> Identity:
    names = claim.group_names(claims, profile.groups_claims)
    groups = frozenset(form for name in names for form in profile.group_forms(name))
    email = claim.email(claims)
    verified = email is not None and profile.email_is_verified(claims)
    return Identity(
        provider=profile.name,
        issuer=profile.spellings.get(claims["iss"], claims["iss"]),
        subject=subject,
        expires_at=expires_at,
        email=email,
        email_verified=verified,
        name=text(claims.get("name")),
        groups=groups,
        is_admin=profile.admin_group is not None and profile.admin_group in groups,
        may_provision=profile.may_provision,
        may_link=verified and claim.domain(email) in profile.link_domains,
        authenticated_at=claim.authenticated_at(claims),
    )
