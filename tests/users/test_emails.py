"""Email addresses: what is one, what is another, and what gets no mail."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestegg_core.users.emails import can_get_mail, canonical


@pytest.mark.parametrize(
    "spelling",
    ["Ada@Example.org", " ada@example.org\t", "ADA@EXAMPLE.ORG", "\u2000ada@example.org\u3000"],
)
def test_the_case_of_ascii_and_blanks_around_make_no_other_address(spelling: str) -> None:
    assert canonical(spelling) == "ada@example.org"


@pytest.mark.parametrize(
    ("spelling", "other"),
    [
        ("ada@straße.example", "ada@xn--strae-oqa.example"),
        ("ada@STRAßE.example", "ada@straße.example"),
        ("ada@zürich.example", "ada@zu\u0308rich.example"),
        ("ada@exämple。org", "ada@EXÄMPLE.org"),
        ("zoë@example.org", "zoe\u0308@example.org"),
    ],
)
def test_domains_are_what_dns_has_and_letters_may_be_composed(spelling: str, other: str) -> None:
    assert canonical(spelling) == canonical(other)


@pytest.mark.parametrize(
    ("address", "look_alike"),
    [
        ("victim@strasse.example", "victim@straße.example"),
        ("strauss@corp.example", "strauß@corp.example"),
        ("firma@a.example", "ﬁrma@a.example"),
        ("kim@a.example", "\N{KELVIN SIGN}im@a.example"),
        ("`a@a.example", "\u1fefa@a.example"),
        ("ada@a.example", "\uff41da@a.example"),
        ("zoë@a.example", "ZOË@a.example"),
        ("ada@a.example", "ada@a.example."),
        ("ada@a.example", "ada@@a.example"),
        ("i@a.example", "\u0130@a.example"),
    ],
)
def test_look_alikes_are_other_addresses(address: str, look_alike: str) -> None:
    assert canonical(address) != canonical(look_alike)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_canonical_form_is_its_own_and_whatever_the_input_there_is_one(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)
    if text.isascii():
        assert canonical(text) == text.strip().lower()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_only_letters_of_ascii_fold(local: str) -> None:
    """No letter outside of ASCII turns into one of it."""
    whole = canonical(f"x{local}@example.org")
    before = [letter for letter in unicodedata.normalize("NFC", local) if letter.isascii()]
    assert sum(letter.isascii() for letter in whole) <= len(before) + len("x@example.org")


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.org",
        "a.b+c'd@sub.example.org",
        "zoë@zürich.example",
        "अदा@उदाहरण.भारत",
        "a@b.c",
        "a@1.2.de",
        "x" * 64 + "@example.org",
    ],
)
def test_addresses_that_can_get_mail(address: str) -> None:
    assert can_get_mail(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@example",
        "ada@@example.org",
        "ada@evil.example@example.org",
        '"a,b"@example.org',
        "a,b@example.org",
        "a b@example.org",
        "a\u00a0b@example.org",
        "a\x7fb@example.org",
        "a\x85b@example.org",
        "a\u200bb@example.org",
        "a\u202eb@example.org",
        "ad\u00ada@example.org",
        "ada@ex\u200dample.org",
        "ada@ex\u00adample.org",
        "a..b@example.org",
        ".a@example.org",
        "a.@example.org",
        "ada@example.org.",
        "ada@.example.org",
        "ada@-a.example",
        "ada@a_b.example",
        "ada@[127.0.0.1]",
        "ada@127.0.0.1",
        "ada@☃.example",
        "x" * 65 + "@example.org",
        "ada@" + "x" * 64 + ".org",
        "ada@" + "x." * 130 + "org",
        "\ud800@example.org",
    ],
)
def test_addresses_that_get_none(address: str) -> None:
    assert not can_get_mail(address)
