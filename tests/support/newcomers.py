"""Signed-in households without a password: hashing one takes longer than most tests."""

from datetime import UTC, datetime
from itertools import count

from falcon.testing import TestClient

from nestegg_core import Identity
from nestegg_core.application import Runtime
from support.household import Household

_numbers = count(1)


def newcomer(runtime: Runtime, client: TestClient) -> Household:
    """Make a user as another identity provider's first sign-in does, and sign them in."""
    identity = Identity(
        provider="elsewhere",
        issuer="https://elsewhere.example",
        subject=f"newcomer {next(_numbers)}",
        expires_at=datetime.max.replace(tzinfo=UTC),
        may_provision=True,
    )
    user_id = runtime.provisioning.of_identity(identity)
    organization = runtime.users.read(user_id)["memberships"][0]["organization"]
    signed_in = {
        "organization": {**organization, "id": str(organization["id"])},
        "user": {"id": str(user_id)},
        "access_token": runtime.sessions.open(user_id).access_token,
    }
    return Household(client, "", signed_in)
