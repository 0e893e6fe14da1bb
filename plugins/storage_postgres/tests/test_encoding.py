"""Only databases in UTF8 are taken, whatever asks, and the statement that mends it is told."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from nestegg_storage_postgres.storage import PostgresStorage

from nestegg_core import ConfigurationError
from support.command_line import CommandLine
from support.postgres import APPLICATION, OWNER, Postgres

_numbers = count(1)


@pytest.fixture(params=["LATIN1", "SQL_ASCII", "EUC_JP"])
def odd(request: pytest.FixtureRequest, postgres: Postgres, migrated: str) -> tuple[str, str]:
    """A database in another encoding, and that encoding; both roles are there."""
    del migrated
    name = f"odd{next(_numbers)}"
    postgres.execute(
        f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE template0 ENCODING '{request.param}' "
        "LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    return name, request.param


CALLS: list[Callable[[PostgresStorage], object]] = [
    PostgresStorage.upgrade,
    PostgresStorage.current_revision,
    PostgresStorage.ping,
    PostgresStorage.check,
    PostgresStorage.holds_data,
]


def test_whatever_connects_is_refused_with_the_statement_that_mends_it(
    postgres: Postgres, odd: tuple[str, str]
) -> None:
    name, encoding = odd
    storage = PostgresStorage(
        postgres.url(name, APPLICATION),
        admin_url=postgres.url(name, OWNER),
        pool_size=1,
        max_overflow=1,
    )
    for call in CALLS:
        with pytest.raises(ConfigurationError) as caught:
            call(storage)
        (problem,) = caught.value.problems
        assert encoding in problem.what
        assert f'CREATE DATABASE "{name}_utf8"' in problem.fix
        assert "ENCODING 'UTF8' TEMPLATE template0" in problem.fix
    storage.dispose()


@pytest.mark.parametrize("command", [("db", "upgrade"), ("db", "check"), ("doctor",)])
def test_commands_say_so_without_a_traceback(
    postgres: Postgres,
    odd: tuple[str, str],
    command: tuple[str, ...],
    tmp_path: Path,
) -> None:
    name, encoding = odd
    nestegg = CommandLine(
        {
            "ENVIRONMENT": "test",
            "NESTEGG_HOME": str(tmp_path),
            "DATABASE_URL": postgres.url(name, APPLICATION),
            "DATABASE_ADMIN_URL": postgres.url(name, OWNER),
        }
    )
    result = nestegg(*command)
    assert result.exit_code != 0
    assert f"in the encoding {encoding}" in " ".join(result.output.split())
    assert "ENCODING 'UTF8'" in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_the_statement_makes_a_database_that_is_taken(postgres: Postgres, migrated: str) -> None:
    del migrated
    postgres.execute(
        f"CREATE DATABASE \"mended_utf8\" OWNER {OWNER} ENCODING 'UTF8' TEMPLATE template0"
    )
    storage = PostgresStorage(
        postgres.url("mended_utf8", APPLICATION),
        admin_url=postgres.url("mended_utf8", OWNER),
        pool_size=1,
        max_overflow=1,
    )
    storage.upgrade()
    assert list(storage.check()) == []
    storage.dispose()
