"""What holds of every encryption backend."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest

from nestegg_core.contracts.encryption import EncryptionBackend
from nestegg_core.contracts.names import RULE, is_name
from nestegg_core.encryption.cipher import Token, parse
from nestegg_core.errors import DecryptionError
from nestegg_testing.conformance.base import Conformance

_KEY, _OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
_PARTS = ("backend", "key version", "organization", "table", "column", "row")
_PLACE = ("acme", "1", "0192-org", "users", "email", "0193-row")
_PLAINTEXTS = [
    pytest.param(b"", id="empty"),
    pytest.param(b"\0", id="NUL"),
    pytest.param("Äiti söi jäätelöä".encode(), id="text"),
    pytest.param(bytes(range(256)), id="every byte"),
    pytest.param(b"x" * 1024 * 1024, id="a megabyte"),
]
_NO_PAYLOADS = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"x", id="a letter"),
    pytest.param(b"=", id="padding alone"),
    pytest.param(b"AAAA", id="short"),
    pytest.param(b"A" * 200, id="long"),
    pytest.param(b"?" * 5000, id="no base64"),
    pytest.param(b"\xff\xfe", id="not ASCII"),
    pytest.param(b"\n", id="a line break"),
    pytest.param(b"ne1:acme:v1:x", id="a whole token"),
]
_SECRET = b"quokka 7f3a"
_MAY_PASS = 2
"""Characters whose change may make no difference: the last ones of base64 have spare bits."""


def _context(*parts: str) -> bytes:
    """Name a place as the core does: each part behind its length."""
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


_ALIKE = [
    pytest.param(b"", id="none"),
    pytest.param(_context(*_PLACE)[:-1], id="shorter"),
    pytest.param(_context(*_PLACE) + b"\0", id="longer"),
]


class EncryptionBackendConformance(Conformance):
    """Tries an `EncryptionBackend` with keys and contexts as the core makes them.

    The fixture `subject` returns the backend.

    Attributes:
        name: what its registration calls it.

    Example:
        ```python
        class TestAesGcm(EncryptionBackendConformance):
            name = "aesgcm"

            @pytest.fixture
            def subject(self):
                return AesGcm()
        ```
    """

    kind = "EncryptionBackend"
    section = "encryption-backend"
    name: ClassVar[str] = ""

    def test_its_name_fits_into_tokens(self) -> None:
        """The name that the registration gives is one that tokens can hold: a value that was
        sealed says by it who wrote it.
        """
        assert self.name, "set `name` to what the registration calls the backend"
        assert is_name(self.name), f"a name is {RULE}"
        token = Token(self.name, 1, "payload")
        assert parse(str(token)) == token

    @pytest.mark.parametrize("plaintext", _PLAINTEXTS)
    def test_what_was_encrypted_comes_back(
        self, plaintext: bytes, subject: EncryptionBackend
    ) -> None:
        """Decrypting gives back what was encrypted, to the byte."""
        payload = subject.encrypt(plaintext, key=_KEY, context=_context(*_PLACE))
        assert subject.decrypt(payload, key=_KEY, context=_context(*_PLACE)) == plaintext

    def test_payloads_fit_into_tokens(self, subject: EncryptionBackend) -> None:
        """A payload is ASCII without a colon or white space, and not empty, so that it fits into a
        token.
        """
        for plaintext in (b"", _SECRET, bytes(range(256))):
            payload = subject.encrypt(plaintext, key=_KEY, context=_context(*_PLACE))
            assert isinstance(payload, bytes)
            assert payload
            assert payload.isascii()
            assert b":" not in payload
            assert payload.split() == [payload]

    def test_payloads_hide_the_plaintext(self, subject: EncryptionBackend) -> None:
        """Two encryptions of one value differ, and neither shows it."""
        payloads = [
            subject.encrypt(_SECRET, key=_KEY, context=_context(*_PLACE)) for _ in range(16)
        ]
        assert len(set(payloads)) == len(payloads)
        assert not any(_SECRET in payload for payload in payloads)

    @pytest.mark.parametrize("part", _PARTS)
    def test_a_value_opens_only_where_it_was_put(
        self, part: str, subject: EncryptionBackend
    ) -> None:
        """What was encrypted under one context does not decrypt under another."""
        payload = subject.encrypt(_SECRET, key=_KEY, context=_context(*_PLACE))
        elsewhere = list(_PLACE)
        elsewhere[_PARTS.index(part)] += "2"
        opened = _opened(subject, payload, _KEY, _context(*elsewhere))
        assert opened is None, f"it opened under another {part}"

    @pytest.mark.parametrize("context", _ALIKE)
    def test_a_context_counts_to_its_last_byte(
        self, context: bytes, subject: EncryptionBackend
    ) -> None:
        """The whole context is bound: one that begins alike is another."""
        payload = subject.encrypt(_SECRET, key=_KEY, context=_context(*_PLACE))
        assert _opened(subject, payload, _KEY, context) is None

    def test_another_key_does_not_open(self, subject: EncryptionBackend) -> None:
        """What was encrypted under one key does not decrypt under another: DecryptionError."""
        payload = subject.encrypt(_SECRET, key=_KEY, context=_context(*_PLACE))
        assert _opened(subject, payload, _OTHER_KEY, _context(*_PLACE)) is None

    def test_an_altered_payload_does_not_open(self, subject: EncryptionBackend) -> None:
        """A payload that was altered anywhere raises DecryptionError."""
        payload = subject.encrypt(_SECRET, key=_KEY, context=_context(*_PLACE))
        opened = [
            position
            for position, altered in enumerate(_altered(payload))
            if _opened(subject, altered, _KEY, _context(*_PLACE)) is not None
        ]
        assert len(opened) <= _MAY_PASS, f"it opened with another character at {opened}"

    @pytest.mark.parametrize("payload", _NO_PAYLOADS)
    def test_what_is_no_payload_does_not_open(
        self, payload: bytes, subject: EncryptionBackend
    ) -> None:
        """What is no payload at all raises DecryptionError and nothing else."""
        assert _opened(subject, payload, _KEY, _context(*_PLACE)) is None

    def test_errors_tell_no_secret(self, subject: EncryptionBackend) -> None:
        """A DecryptionError repeats neither key nor plaintext nor payload."""
        payload = subject.encrypt(_SECRET, key=_KEY, context=_context(*_PLACE))
        with pytest.raises(DecryptionError) as caught:
            subject.decrypt(payload, key=_OTHER_KEY, context=_context(*_PLACE))
        told = str(caught.value)
        secrets = (_SECRET.decode(), payload.decode(), str(_KEY), str(_OTHER_KEY))
        assert not any(secret in told for secret in (*secrets, _KEY.hex(), _OTHER_KEY.hex()))

    def test_threads_may_share_a_backend(self, subject: EncryptionBackend) -> None:
        """Many threads may use one backend."""

        def there_and_back(number: int) -> bool:
            value, context = str(number).encode(), _context(*_PLACE[:-1], str(number))
            payload = subject.encrypt(value, key=_KEY, context=context)
            return subject.decrypt(payload, key=_KEY, context=context) == value

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(there_and_back, range(200)))


def _opened(subject: EncryptionBackend, payload: bytes, key: bytes, context: bytes) -> bytes | None:
    """Return what a payload opens to; `None` when it is refused as it should be."""
    try:
        return subject.decrypt(payload, key=key, context=context)
    except DecryptionError:
        return None


def _altered(payload: bytes) -> Sequence[bytes]:
    """Return the payload with another character in each place."""
    return [
        payload[:place] + (b"A" if payload[place] != ord("A") else b"B") + payload[place + 1 :]
        for place in range(len(payload))
    ]
