"""What the database says when it lets nobody in is told in the operator's words."""

import pytest
from sqlalchemy.exc import OperationalError

from nestegg_core.database import SqlStorage
from nestegg_core.doctor.database import database
from nestegg_core.errors import StorageUnavailable

_AT = 'connection failed: connection to server at "role.ssl.example.org", port 5432 failed: '


class Unavailable(SqlStorage):
    """A storage whose driver says something instead of connecting."""

    def __init__(self, said: str) -> None:
        super().__init__()
        self._said = said

    def current_revision(self) -> str | None:
        raise StorageUnavailable("unavailable") from OperationalError("", {}, Exception(self._said))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f"{_AT}Connection refused", "does not answer"),
        ("failed to resolve host 'password.example.org'", "does not answer"),
        (f'{_AT}FATAL:  password authentication failed for user "ssl"', "refuses the user"),
        (f'{_AT}FATAL:  role "nobody" does not exist', "refuses the user"),
        (f'{_AT}FATAL:  database "role" does not exist', "has no database of the name"),
        (f"{_AT}server does not support SSL, but SSL was required", "do not agree on TLS"),
        (f"{_AT}SSL error: certificate verify failed", "do not agree on TLS"),
        (f"{_AT}FATAL:  sorry, too many clients already", "takes no more connections"),
        (
            f"{_AT}FATAL:  remaining connection slots are reserved for roles with SUPERUSER",
            "takes no more connections",
        ),
    ],
)
def test_what_the_database_says_is_understood(said: str, told: str) -> None:
    [one] = database(
        Unavailable(said), migrates_itself=False, processes=1, private=True, production=True
    )

    assert told in one.what
    assert one.level == "error"
    assert "example.org" not in f"{one.what} {one.why} {one.fix}"
    assert "{" not in f"{one.what} {one.fix}"
