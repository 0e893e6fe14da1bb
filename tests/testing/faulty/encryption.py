"""Encryption backends, each with one fault, over Fernet as the core ships it."""

import base64
from threading import Lock
from typing import ClassVar

import pytest

from nestegg_core import DecryptionError, EncryptionBackend
from nestegg_core.encryption.fernet import FernetBackend
from nestegg_testing import EncryptionBackendConformance


class FaultyConformance(EncryptionBackendConformance):
    fault: ClassVar[type[EncryptionBackend]] = FernetBackend
    breaks: ClassVar[set[str]] = set()
    name = "faulty"

    @pytest.fixture
    def subject(self) -> EncryptionBackend:
        return self.fault()


class TestHasANameThatNoTokenHolds(FaultyConformance):
    name = "faulty.one"
    breaks: ClassVar = {"test_its_name_fits_into_tokens"}


class IgnoresContext(FernetBackend):
    def encrypt(self, plaintext: bytes, *, key: bytes, context: bytes) -> bytes:
        return super().encrypt(plaintext, key=key, context=context[:0])

    def decrypt(self, payload: bytes, *, key: bytes, context: bytes) -> bytes:
        return super().decrypt(payload, key=key, context=context[:0])


class TestIgnoresContext(FaultyConformance):
    fault = IgnoresContext
    breaks: ClassVar = {
        *(
            f"test_a_value_opens_only_where_it_was_put[{part}]"
            for part in ("backend", "key version", "organization", "table", "column", "row")
        ),
        "test_a_context_counts_to_its_last_byte[none]",
        "test_a_context_counts_to_its_last_byte[shorter]",
        "test_a_context_counts_to_its_last_byte[longer]",
    }


class StripsContext(FernetBackend):
    """Takes bytes for text."""

    def encrypt(self, plaintext: bytes, *, key: bytes, context: bytes) -> bytes:
        return super().encrypt(plaintext, key=key, context=context.rstrip(b"\0"))

    def decrypt(self, payload: bytes, *, key: bytes, context: bytes) -> bytes:
        return super().decrypt(payload, key=key, context=context.rstrip(b"\0"))


class TestStripsContext(FaultyConformance):
    fault = StripsContext
    breaks: ClassVar = {"test_a_context_counts_to_its_last_byte[longer]"}


class HasOneKey(FernetBackend):
    def encrypt(self, plaintext: bytes, *, key: bytes, context: bytes) -> bytes:
        return super().encrypt(plaintext, key=bytes(len(key)), context=context)

    def decrypt(self, payload: bytes, *, key: bytes, context: bytes) -> bytes:
        return super().decrypt(payload, key=bytes(len(key)), context=context)


class TestHasOneKey(FaultyConformance):
    fault = HasOneKey
    breaks: ClassVar = {"test_another_key_does_not_open", "test_errors_tell_no_secret"}


class Forgiving(FernetBackend):
    """Gives back what cannot be opened, as if it had never been encrypted."""

    def decrypt(self, payload: bytes, *, key: bytes, context: bytes) -> bytes:
        try:
            return super().decrypt(payload, key=key, context=context)
        except DecryptionError:
            if payload.startswith(b"g"):  # what Fernet tokens begin with
                raise
            return payload


class TestForgiving(FaultyConformance):
    fault = Forgiving
    breaks: ClassVar = {
        f"test_what_is_no_payload_does_not_open[{name}]"
        for name in (
            "nothing",
            "a letter",
            "padding alone",
            "short",
            "long",
            "no base64",
            "not ASCII",
            "a line break",
            "a whole token",
        )
    }


class Unauthenticated(FernetBackend):
    """Does not look at the last part of a payload, which the signature is in."""

    def encrypt(self, plaintext: bytes, *, key: bytes, context: bytes) -> bytes:
        return super().encrypt(plaintext, key=key, context=context) + b"AAAA"

    def decrypt(self, payload: bytes, *, key: bytes, context: bytes) -> bytes:
        return super().decrypt(payload[:-4], key=key, context=context)


class TestUnauthenticated(FaultyConformance):
    fault = Unauthenticated
    breaks: ClassVar = {"test_an_altered_payload_does_not_open"}


class Talkative(FernetBackend):
    def decrypt(self, payload: bytes, *, key: bytes, context: bytes) -> bytes:
        try:
            return super().decrypt(payload, key=key, context=context)
        except DecryptionError:
            raise DecryptionError(f"cannot open {payload!r}") from None


class TestTalkative(FaultyConformance):
    fault = Talkative
    breaks: ClassVar = {"test_errors_tell_no_secret"}


class Labelled(FernetBackend):
    def encrypt(self, plaintext: bytes, *, key: bytes, context: bytes) -> bytes:
        return b"fernet:" + super().encrypt(plaintext, key=key, context=context)

    def decrypt(self, payload: bytes, *, key: bytes, context: bytes) -> bytes:
        if not payload.startswith(b"fernet:"):
            raise DecryptionError("no payload")
        return super().decrypt(payload[7:], key=key, context=context)


class TestLabelled(FaultyConformance):
    fault = Labelled
    breaks: ClassVar = {"test_payloads_fit_into_tokens"}


class Repeating(FernetBackend):
    def __init__(self) -> None:
        self.made: dict[tuple[bytes, bytes, bytes], bytes] = {}

    def encrypt(self, plaintext: bytes, *, key: bytes, context: bytes) -> bytes:
        call = (plaintext, key, context)
        self.made[call] = self.made.get(call) or super().encrypt(
            plaintext, key=key, context=context
        )
        return self.made[call]


class TestRepeating(FaultyConformance):
    fault = Repeating
    breaks: ClassVar = {"test_payloads_hide_the_plaintext"}


class Texts(FernetBackend):
    """Thinks that everything is text."""

    def decrypt(self, payload: bytes, *, key: bytes, context: bytes) -> bytes:
        return super().decrypt(payload, key=key, context=context).rstrip(b"\0")


class TestTexts(FaultyConformance):
    fault = Texts
    breaks: ClassVar = {"test_what_was_encrypted_comes_back[NUL]"}


class OneAtATime(FernetBackend):
    def __init__(self) -> None:
        self.lock = Lock()

    def encrypt(self, plaintext: bytes, *, key: bytes, context: bytes) -> bytes:
        if not self.lock.acquire(blocking=False):
            raise RuntimeError("busy")
        try:
            base64.b64encode(bytes(1024 * 1024))  # long enough for others to come
            return super().encrypt(plaintext, key=key, context=context)
        finally:
            self.lock.release()


class TestOneAtATime(FaultyConformance):
    fault = OneAtATime
    breaks: ClassVar = {"test_threads_may_share_a_backend"}
