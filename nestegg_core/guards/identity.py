"""Around identity providers: nobody gets in, or past, by a provider's mistake."""

from datetime import datetime

from nestegg_core.contracts.identity import (
    Identity,
    IdentityProvider,
    Invalid,
    NotMine,
    Unavailable,
    Valid,
    Verdict,
)
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

    def _is_sound(self, identity: Identity) -> bool:
        flags = (identity.email_verified, identity.is_admin, identity.may_provision)
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


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)
