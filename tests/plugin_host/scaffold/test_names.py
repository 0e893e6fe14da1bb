"""What a new plugin may be called, and what follows from it."""

import pytest

from nestegg_core.plugin_host.kinds import KINDS as HOOKS
from nestegg_core.plugin_host.scaffold import KINDS, InvalidName, names_for


@pytest.mark.parametrize(
    "name",
    ["", "A", "Acme", "1st", "a b", "a--b", "-a", "a-", "a.b", "../x", "ä", "a/b", "a\n", "x" * 33],
)
def test_a_name_that_could_not_be_used_everywhere_is_refused(name: str) -> None:
    with pytest.raises(InvalidName, match="NAME must"):
        names_for("storage", name)


@pytest.mark.parametrize("name", ["idp-acme", "nestegg-acme"])
def test_a_name_does_not_repeat_what_the_distribution_says_anyway(name: str) -> None:
    with pytest.raises(InvalidName, match=r"^leave '"):
        names_for("identity-provider", name)


def test_hyphens_and_underscores_make_the_same_plugin() -> None:
    assert names_for("storage", "acme-one") == names_for("storage", "acme_one")


def test_the_entry_points_name_tells_what_a_broken_plugin_took_away() -> None:
    for kind in KINDS:
        names = names_for(kind, "acme-one")
        told = [
            one.implied_name(names.plugin)
            for one in HOOKS.values()
            if one.implied_name(names.plugin)
        ]
        assert told == ["acme_one"], kind
        assert {one.name.replace("_", "-") for one in HOOKS.values()} >= {kind}
