"""Households that are made without a password, which saves most of the time."""

import pytest
from falcon.testing import TestClient

from nestegg_core.application import Runtime
from support.household import Household
from support.newcomers import newcomer


@pytest.fixture
def household(runtime: Runtime, client: TestClient) -> Household:
    """A new user, signed in, with an organization of their own."""
    return newcomer(runtime, client)


@pytest.fixture
def stranger(runtime: Runtime, client: TestClient) -> Household:
    """Another new user, with another organization."""
    return newcomer(runtime, client)
