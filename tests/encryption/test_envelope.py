"""Tokens: what they say, and when they do not open."""

import logging
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestegg_core import DecryptionError
from nestegg_core.database.rows import Place
from nestegg_core.encryption.cipher import FieldCipher
from nestegg_core.encryption.fernet import FernetBackend
from nestegg_core.encryption.keyring import Keyring, key_bytes

ORG, OTHER_ORG = "0190a000-0000-7000-8000-000000000001", "0190a000-0000-7000-8000-000000000002"
PLACE = Place((ORG, "accounts", "number", "0190a000-0000-7000-8000-00000000000a"))
KEYS = {version: bytes([version]) * 32 for version in (1, 2, 3)}
ENVELOPE = FieldCipher(Keyring(2, KEYS), {"fernet": FernetBackend()}, "fernet")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
parts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
places = st.tuples(parts, parts, parts, parts).map(Place)


@given(text=texts, place=places)
def test_a_text_comes_back_from_its_place(text: str, place: Place) -> None:
    token = ENVELOPE.seal(text, place)
    assert ENVELOPE.open(token, place) == text


@given(text=texts, place=places, other=places)
def test_a_token_opens_in_its_own_place_only(text: str, place: Place, other: Place) -> None:
    token = ENVELOPE.seal(text, place)
    if place != other:
        with pytest.raises(DecryptionError, match="altered, moved, or its key is another"):
            ENVELOPE.open(token, other)


@pytest.mark.parametrize(
    "other",
    [
        Place((OTHER_ORG, *PLACE[1:])),
        Place((ORG, "transactions", *PLACE[2:])),
        Place((*PLACE[:2], "notes", PLACE[3])),
        Place((*PLACE[:3], "0190a000-0000-7000-8000-00000000000b")),
        Place((ORG + "accounts", "", *PLACE[2:])),
        Place(("", ORG + "accounts", *PLACE[2:])),
    ],
    ids=["organization", "table", "column", "row", "shifted right", "shifted left"],
)
def test_a_token_that_was_moved_does_not_open(other: Place) -> None:
    token = ENVELOPE.seal("DE12 3456", PLACE)
    with pytest.raises(DecryptionError):
        ENVELOPE.open(token, other)


def test_the_same_text_gives_another_token_each_time() -> None:
    assert len({ENVELOPE.seal("DE12 3456", PLACE) for _ in range(10)}) == 10


def test_a_token_says_backend_and_key_version() -> None:
    assert ENVELOPE.seal("DE12 3456", PLACE).startswith("ne1:fernet:v2:")


def test_old_values_open_while_new_ones_are_written_under_another_key() -> None:
    old = FieldCipher(Keyring(1, KEYS), {"fernet": FernetBackend()}, "fernet")
    token = old.seal("DE12 3456", PLACE)
    assert token.startswith("ne1:fernet:v1:")
    assert ENVELOPE.open(token, PLACE) == "DE12 3456"


ALTERED: list[Callable[[str], str]] = [
    lambda token: token[:-1],
    lambda token: token + "A",
    lambda token: token.replace("v2", "v3"),
    lambda token: token.replace("v2", "v02"),
    lambda token: token.replace("v2", "v0"),
    lambda token: token.replace("v2", "v" + "9" * 30),
    lambda token: token.replace("ne1", "ne2"),
    lambda token: token.replace("fernet", "Fernet"),
    lambda token: token.replace("fernet", "nothing"),
    lambda token: token + "\n",
    lambda token: " " + token,
    lambda token: token.rpartition(":")[2],
    lambda token: token.rpartition(":")[0] + ":",
    lambda token: token.rpartition(":")[0] + ":é",
    lambda _token: "",
    lambda _token: "DE12 3456",
]


@pytest.mark.parametrize("alter", ALTERED)
def test_an_altered_token_does_not_open_and_nothing_of_it_is_told(
    alter: Callable[[str], str],
) -> None:
    token = alter(ENVELOPE.seal("DE12 3456", PLACE))
    with pytest.raises(DecryptionError, match=r"^accounts\.number: ") as raised:
        ENVELOPE.open(token, PLACE)
    told = f"{raised.value} {raised.value.__cause__}"
    assert "DE12" not in told
    assert "gAAAA" not in told


SEALED = ENVELOPE.seal("DE12 3456", PLACE)  # once: what is drawn below depends on it


@given(data=st.data())
def test_any_changed_character_is_noticed(data: st.DataObject) -> None:
    token = SEALED
    position = data.draw(st.integers(len("ne1:fernet:v2:"), len(token) - 1))
    letter = data.draw(st.sampled_from("Ab3-_+/=\n ").filter(lambda one: one != token[position]))
    with pytest.raises(DecryptionError):
        ENVELOPE.open(token[:position] + letter + token[position + 1 :], PLACE)


def test_an_unknown_backend_is_named() -> None:
    token = ENVELOPE.seal("DE12 3456", PLACE).replace("fernet", "kms")
    with pytest.raises(DecryptionError, match="The encryption backend kms is not"):
        ENVELOPE.open(token, PLACE)


def test_a_missing_key_is_named_by_its_variable() -> None:
    token = ENVELOPE.seal("DE12 3456", PLACE)
    poorer = FieldCipher(Keyring(3, {3: KEYS[3]}), {"fernet": FernetBackend()}, "fernet")
    with pytest.raises(DecryptionError, match="ENCRYPTION_KEY_V2"):
        poorer.open(token, PLACE)


def test_another_key_of_the_same_version_does_not_open() -> None:
    token = ENVELOPE.seal("DE12 3456", PLACE)
    other = FieldCipher(Keyring(2, {2: KEYS[1]}), {"fernet": FernetBackend()}, "fernet")
    with pytest.raises(DecryptionError, match="its key is another"):
        other.open(token, PLACE)


def test_a_keyring_does_not_show_its_keys() -> None:
    keyring = Keyring(1, {1: b"s3cret-" * 4 + b"1234"})
    assert "s3cret" not in f"{keyring} {keyring!r}"


@pytest.mark.parametrize(
    "text", ["", "short", "A" * 43, "A" * 42 + "==", "é" * 44, "A" * 43 + "!", "A" * 86 + "=="]
)
def test_what_is_no_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="32 bytes in url-safe base64") as raised:
        key_bytes(text)
    assert not text or text not in str(raised.value)


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ENVELOPE.open(ENVELOPE.seal("DE12 3456", PLACE), PLACE)
    assert caplog.records == []
