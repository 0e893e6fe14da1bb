"""What an identity must be like, whoever made it: every field, in one place."""

import re
from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from nestegg_core import foreign
from nestegg_core.contracts.context import Clock
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
from nestegg_core.foreign import subject_text, text
from nestegg_core.plugin_host.proxies.guard import Guard

MAX_GROUPS = 10_000


def sound(identity: Identity, provider: str, issuers: Collection[str]) -> Identity | str:
    """Return an identity whose fields are what they must be, or the name of one that is not.

    The answer is the core's own value: nothing of the plugin's can change it later.
    """
    said = {one.name: getattr(identity, one.name) for one in fields(Identity)}
    fit = {
        "provider": said["provider"] == provider,
        "issuer": said["issuer"] in issuers,
        "subject": subject_text(said["subject"]) is not None,
        "expires_at": _is_aware(said["expires_at"]),
        "email": _is_text_or_none(said["email"]),
        "name": _is_text_or_none(said["name"]),
        "groups": _are_groups(said["groups"]),
        "authenticated_at": said["authenticated_at"] is None or _is_aware(said["authenticated_at"]),
        "session_id": said["session_id"] is None,  # sessions are the built-in provider's alone
    }
    for one in ("email_verified", "is_admin", "may_provision", "may_link"):
        fit[one] = isinstance(said[one], bool)
    wrong = next((name for name in said if not fit[name]), None)
    if wrong is not None:
        return wrong
    return Identity(
        **{
            **said,
            "email": said["email"] or None,
            "name": said["name"] or None,
            "groups": frozenset(said["groups"]),
        }
    )


def _is_aware(value: Any) -> bool:
    return isinstance(value, datetime) and value.utcoffset() is not None


def _is_text_or_none(value: object) -> bool:
    return value is None or value == "" or text(value) is not None


def _are_groups(value: object) -> bool:
    return (
        isinstance(value, frozenset | set)
        and len(value) <= MAX_GROUPS
        and all(text(group) is not None for group in value)
    )


MAX_REASON = 500
MAX_URL = 2_048
_SURROGATE = re.compile("[\ud800-\udfff]")


class GuardedProvider:
    """Refuses an answer that is no verdict, and an identity whose fields are not what they must be:
    the text `"no"` would make administrators. One that has expired is refused.
    """

    def __init__(
        self, guard: Guard, provider: IdentityProvider, *, name: str, clock: Clock
    ) -> None:
        self._guard = guard
        self._name = name
        self._clock = clock
        self._provider = provider
        self.issuers = _issuers(guard, provider)

    def authenticate(self, token: str) -> Verdict:
        verdict = self._guard.call("authenticate", (), self._judged, token)
        if isinstance(verdict, str):
            raise self._guard.fault("authenticate", verdict)
        return verdict

    def examine(self) -> Sequence[Diagnosis]:
        examined = self._provider
        if not isinstance(examined, ExaminedProvider):
            return []
        return self._guard.call("examine", (), lambda: _diagnoses(examined.examine()))

    def describe(self) -> AppSignIn | None:
        if not isinstance(self._provider, DescribedProvider):
            return None
        found = self._guard.call("describe", (ProviderUnavailable,), self._provider.describe)
        if not isinstance(found, AppSignIn) or not _is_described(found):
            raise self._guard.fault("describe", "answered no AppSignIn with texts in it")
        return found

    def _judged(self, token: str) -> Verdict | str:
        """Return the verdict, or why it is none."""
        verdict: object = foreign.call(self._provider.authenticate, token)
        match verdict:
            case NotMine():
                return verdict
            case Valid(Identity() as identity):
                found = sound(identity, self._name, self.issuers)
                if isinstance(found, str):
                    return f"answered no verdict: its identity's `{found}` is not as it must be"
                if found.expires_at <= self._clock():
                    return Invalid("the token has expired")
                return verdict if found == identity else Valid(found)
            case Invalid(reason) | Unavailable(reason) if _is_reason(reason):
                return verdict
        return f"answered no verdict: {type(verdict).__name__}"


def _issuers(guard: Guard, provider: IdentityProvider) -> tuple[str, ...]:
    try:
        issuers: object = foreign.call(lambda: provider.issuers)
    except Exception as error:
        raised = type(foreign.raised(error)).__name__
        raise guard.refused(f"`issuers` raised {raised}") from error
    if isinstance(issuers, tuple) and issuers and all(map(_is_text, issuers)):
        return issuers
    raise guard.refused("`issuers` must be a tuple of strings")


def _diagnoses(found: object) -> Sequence[Diagnosis]:
    if isinstance(found, Sequence):
        diagnoses = [one for one in found if isinstance(one, Diagnosis)]
        if len(diagnoses) == len(found):
            return diagnoses
    raise TypeError("an examination answers a list of Diagnosis")


def _is_reason(value: object) -> bool:
    """Answers clean it; but a lone surrogate cannot be written at all."""
    return isinstance(value, str) and len(value) <= MAX_REASON and not _SURROGATE.search(value)


def _is_described(found: AppSignIn) -> bool:
    lists: tuple[object, ...] = (found.client_ids, found.scopes)
    texts = (found.authorization_endpoint, found.token_endpoint)
    return (
        all(map(_is_text, texts))
        and all(isinstance(one, tuple) and all(map(_is_text, one)) for one in lists)
        and found.bearer in ("access_token", "id_token")
    )


def _is_text(value: object) -> bool:
    return text(value, limit=MAX_URL) is not None
