"""The examples in what the sign-in is made of do what they say."""

import doctest
from types import ModuleType

import pytest

from nestegg_core.people import devices, rate_limits, totp
from nestegg_core.web import client_address


@pytest.mark.parametrize(
    "module", [client_address, devices, rate_limits, totp], ids=lambda module: module.__name__
)
def test_the_examples_run(module: ModuleType) -> None:
    ran = doctest.testmod(module, optionflags=doctest.ELLIPSIS)

    assert ran.attempted > 0
    assert ran.failed == 0
