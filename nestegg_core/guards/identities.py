"""What an identity must be like, whoever made it: every field, in one place."""

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime
from typing import Any

from nestegg_core.contracts.identity import Identity
from nestegg_core.texts import subject_text, text

MAX_GROUPS = 10_000


def sound(identity: Identity, provider: str, issuers: Collection[str]) -> Identity | str:
    """Return an identity whose fields are what they must be, or the name of one that is not.

    The answer is a value of the core's own: nothing of the plugin's can change it later.

    Args:
        identity: what a provider made.
        provider: the name that the provider is registered by.
        issuers: the provider's.
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
