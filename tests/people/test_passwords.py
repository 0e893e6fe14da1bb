"""Passwords are hashed with argon2id, and nobody's password is nobody's."""

import pytest
from argon2 import PasswordHasher

from nestegg_core.people.passwords import Argon2Passwords


@pytest.fixture(scope="module")
def passwords() -> Argon2Passwords:
    return Argon2Passwords()


@pytest.mark.parametrize("password", ["correct horse", "", "pässword\u0000", "😀" * 8, "x" * 1_000])
def test_a_password_matches_its_hash_alone(passwords: Argon2Passwords, password: str) -> None:
    stored = passwords.hash(password)

    assert stored.startswith("$argon2id$")
    assert passwords.verify(stored, password)
    assert not passwords.verify(stored, password + "x")


def test_equal_passwords_have_different_hashes(passwords: Argon2Passwords) -> None:
    assert passwords.hash("correct horse") != passwords.hash("correct horse")


@pytest.mark.parametrize("password", ["nobody has this password", "", "x"])
def test_nobody_has_a_password(passwords: Argon2Passwords, password: str) -> None:
    assert passwords.verify(None, password) is False


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$v=19$broken", "$2b$12$bcrypt"])
def test_what_is_no_hash_matches_nothing(passwords: Argon2Passwords, stored: str) -> None:
    assert passwords.verify(stored, "x") is False


def test_a_hash_with_other_parameters_is_outdated(passwords: Argon2Passwords) -> None:
    weaker = Argon2Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))

    assert passwords.is_outdated(weaker.hash("correct horse"))
    assert not passwords.is_outdated(passwords.hash("correct horse"))
