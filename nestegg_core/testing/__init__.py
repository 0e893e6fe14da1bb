"""What authors of plugins may use in their tests."""

from nestegg_core.testing.clock import MovableClock
from nestegg_core.testing.identity_attacks import ATTACKS, Attack
from nestegg_core.testing.identity_keys import SigningKey
from nestegg_core.testing.identity_server import FakeIdentityProvider, Fault

__all__ = [
    "ATTACKS",
    "Attack",
    "FakeIdentityProvider",
    "Fault",
    "MovableClock",
    "SigningKey",
]
