"""Around identity providers: nobody gets in, or past, by a provider's mistake."""

from collections.abc import Sequence
from datetime import datetime

from nestegg_core.contracts.identity import (
    AppSignIn,
    DescribedProvider,
    ExaminedProvider,
    Identity,
    IdentityProvider,
    Invalid,
    NotMine,
    Unavailable,
    Valid,
    Verdict,
)
from nestegg_core.contracts.operations import Diagnosis
from nestegg_core.errors import ProviderUnavailable
from nestegg_core.guards.guard import Guard


class GuardedProvider:
    """Fulfils `nestegg_core.IdentityProvider`. An answer that is no verdict is a fault, and so is
    an identity whose fields are not what they must be: the text `"no"` would make administrators.

    Raises:
        ConfigurationError: the issuers cannot be read.
    """

    def __init__(self, guard: Guard, provider: IdentityProvider) -> None:
        self._guard = guard
        self._provider = provider
        self.issuers = _issuers(guard, provider)

    def authenticate(self, token: str) -> Verdict:
        """Judge one token.

        Raises:
            PluginFault: the provider raised, or gave no verdict.
        """
        verdict = self._guard.call("authenticate", (), self._provider.authenticate, token)
        match verdict:
            case NotMine():
                return verdict
            case Valid(Identity() as identity) if self._is_sound(identity):
                return verdict
            case Invalid(str()) | Unavailable(str()):
                return verdict
        raise self._guard.fault("authenticate", f"answered no verdict: {type(verdict).__name__}")

    def examine(self) -> Sequence[Diagnosis]:
        """Return what the provider finds wrong; nothing where it does not look.

        Raises:
            PluginFault: the provider raised.
        """
        if not isinstance(self._provider, ExaminedProvider):
            return []
        return self._guard.call("examine", (), self._provider.examine)

    def describe(self) -> AppSignIn | None:
        """Return how apps sign in; `None` where the provider does not say.

        Raises:
            ProviderUnavailable: the vendor cannot be reached.
            PluginFault: the provider raised something else, or answered garbage.
        """
        if not isinstance(self._provider, DescribedProvider):
            return None
        found = self._guard.call("describe", (ProviderUnavailable,), self._provider.describe)
        if not isinstance(found, AppSignIn) or not _is_described(found):
            raise self._guard.fault("describe", "answered no AppSignIn with texts in it")
        return found

    def _is_sound(self, identity: Identity) -> bool:
        flags = (
            identity.email_verified,
            identity.is_admin,
            identity.may_provision,
            identity.may_link,
        )
        texts = (identity.email, identity.name)
        return (
            identity.issuer in self.issuers
            and _is_text(identity.subject)
            and isinstance(identity.expires_at, datetime)
            and identity.expires_at.tzinfo is not None
            and all(isinstance(flag, bool) for flag in flags)
            and all(text is None or isinstance(text, str) for text in texts)
        )


def _issuers(guard: Guard, provider: IdentityProvider) -> tuple[str, ...]:
    try:
        issuers: object = provider.issuers
    except Exception as error:  # the plugin's own code
        raise guard.refused(f"`issuers` raised {type(error).__name__}") from error
    if isinstance(issuers, tuple) and issuers and all(map(_is_text, issuers)):
        return issuers
    raise guard.refused("`issuers` must be a tuple of strings, the canonical one first")


def _is_described(found: AppSignIn) -> bool:
    lists: tuple[object, ...] = (found.client_ids, found.scopes)
    texts = (found.authorization_endpoint, found.token_endpoint)
    return (
        all(map(_is_text, texts))
        and all(isinstance(one, tuple) and all(map(_is_text, one)) for one in lists)
        and found.bearer in ("access_token", "id_token")
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)
