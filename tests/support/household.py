"""The users of our tests are those that authors of plugins get from the kit."""

from nestegg_testing import PASSWORD, Household, register

__all__ = ["PASSWORD", "Household", "register"]
