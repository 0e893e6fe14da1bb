"""Passwords are hashed with argon2id, and nobody's password is nobody's."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from typing import Literal
from unicodedata import normalize

import pytest
from argon2 import PasswordHasher

from nestegg_core.auth.builtin.passwords import Match, Passwords
from nestegg_core.errors import ServerBusy

Form = Literal["NFC", "NFD"]


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords()


@pytest.mark.parametrize("password", ["correct horse", "", "pässword\u0000", "😀" * 8, "x" * 1_000])
def test_a_password_matches_its_hash_alone(passwords: Passwords, password: str) -> None:
    stored = passwords.hash(password)

    assert stored.startswith("$argon2id$")
    assert passwords.verify(stored, password) is Match.RIGHT
    assert passwords.verify(stored, password + "x") is Match.WRONG


def test_equal_passwords_have_different_hashes(passwords: Passwords) -> None:
    assert passwords.hash("correct horse") != passwords.hash("correct horse")


@pytest.mark.parametrize("password", ["nobody has this password", "", "x"])
def test_nobody_has_a_password(passwords: Passwords, password: str) -> None:
    assert passwords.verify(None, password) is Match.WRONG


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$v=19$broken", "$2b$12$bcrypt"])
def test_what_is_no_hash_matches_nothing(passwords: Passwords, stored: str) -> None:
    assert passwords.verify(stored, "x") is Match.WRONG


def test_a_hash_with_other_parameters_is_outdated(passwords: Passwords) -> None:
    weaker = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))

    assert passwords.verify(weaker.hash("correct horse"), "correct horse") is Match.OUTDATED
    assert passwords.verify(weaker.hash("correct horse"), "wrong horse") is Match.WRONG


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_password_is_the_same_on_every_keyboard(passwords: Passwords, form: Form) -> None:
    """A Mac types letters in parts, a phone whole ones."""
    stored = passwords.hash(normalize(form, "passwörté12"))

    for typed in ("NFC", "NFD"):
        assert passwords.verify(stored, normalize(typed, "passwörté12")) is Match.RIGHT


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_hash_from_before_there_was_one_form_is_found_and_made_anew(form: Form) -> None:
    raw = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    passwords = Passwords(raw)
    stored = raw.hash(normalize(form, "passwörté12"))

    matches = {
        passwords.verify(stored, normalize(typed, "passwörté12")) for typed in ("NFC", "NFD")
    }
    assert matches == {Match.RIGHT if form == "NFC" else Match.OUTDATED}
    mixed = normalize("NFC", "passwör") + normalize("NFD", "té12")
    assert passwords.verify(raw.hash(mixed), mixed) is Match.OUTDATED


class Watched(PasswordHasher):
    """Hashes, and counts how many do so at once."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=1024, parallelism=1)
        self._lock, self._now, self.most = Lock(), 0, 0
        self.inside, self.leave = Event(), Event()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        if password == "slow":
            self.inside.set()
            assert self.leave.wait(20)
        try:
            return super().hash(password, salt=salt)
        finally:
            with self._lock:
                self._now -= 1


def test_no_more_are_hashed_at_a_time_than_there_is_memory_for() -> None:
    hasher = Watched()
    passwords = Passwords(hasher, at_once=2, patience=60)
    with ThreadPoolExecutor(12) as pool:
        assert len(set(pool.map(passwords.hash, ["correct horse"] * 48))) == 48
    assert hasher.most <= 2


def test_who_waits_too_long_is_told_to_come_back() -> None:
    hasher = Watched()
    passwords = Passwords(hasher, at_once=1, patience=0.01)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(passwords.hash, "slow")
        assert hasher.inside.wait(20)
        for work in (passwords.hash, lambda password: passwords.verify(None, password)):
            with pytest.raises(ServerBusy):
                work("correct horse")
        hasher.leave.set()
        assert slow.result()
    assert passwords.hash("correct horse")
