"""PostgreSQL's next major version: the guide's recipe, walked from 15 to 18."""

import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from nestegg_core.application import start
from nestegg_core.settings import Environment
from support import system_postgres
from support.backups import populate
from support.command_line import CommandLine
from support.environments import ROOT
from support.guide import blocks
from support.postgres import APPLICATION, OWNER, Postgres, running_postgres

NEW = 18


def _major(server: Postgres) -> int:
    url = server.superuser.render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        return connection.info.server_version // 10_000


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Postgres, Postgres]]:
    """The system's PostgreSQL, and the wheel's newer one."""
    if system_postgres.tools() is None:
        pytest.skip(system_postgres.MISSING)
    with ExitStack() as stack:
        old = stack.enter_context(running_postgres(system=True))
        new = stack.enter_context(running_postgres(system=False))
        if _major(old) >= NEW or _major(new) < NEW:
            pytest.skip(f"there is no older PostgreSQL here than {_major(new)}")
        yield old, new


def recipe() -> tuple[list[list[str]], list[list[str]]]:
    """Return the arguments of `nestegg` before and after the change of servers."""
    guide = blocks(ROOT / "docs" / "self-hosting.md")
    before, after = (
        block.text for block in guide if block.heading == "PostgreSQL's next major version"
    )
    assert "docker compose down" in before.splitlines()[-1]
    ours = re.compile(r"\bnestegg ((?:\w+|\$LATEST| )+)$", re.MULTILINE)
    found = [ours.findall(text) for text in (before, after)]
    old, new = ([shlex.split(line) for line in lines] for lines in found)
    return old, new


def test_books_and_keys_arrive_in_the_new_version(
    servers: tuple[Postgres, Postgres], tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    common = {
        "ENVIRONMENT": "test",
        "NESTEGG_HOME": str(tmp_path / "home"),
        "BACKUP_DIR": str(kept),
    }
    on = []
    for server in servers:
        server.create_database("nestegg_prod")
        place = {
            "DATABASE_URL": server.url("nestegg_prod", APPLICATION),
            "DATABASE_ADMIN_URL": server.url("nestegg_prod", OWNER),
            "PG_BIN": str(server.tools),
        }
        on.append(CommandLine({**common, **place}))
    runtime = start(Environment.read(dict(on[0].variables), dotenv=None))
    populate(runtime, households=2, transactions_each=90)
    runtime.storage.dispose()
    servers[1].execute(f"CREATE ROLE {APPLICATION} LOGIN")  # as the script of the first start does

    told = []
    for nestegg, steps in zip(on, recipe(), strict=True):
        for step in steps:
            latest = next(iter(sorted(kept.glob("*.backup"), reverse=True)), kept)
            done = nestegg(*(str(latest) if word == "$LATEST" else word for word in step))
            assert done.exit_code == 0, f"{step}: {done.stdout}{done.stderr}"
            told.append((step[:2], done.stdout))

    assert [step for step, _ in told] == [
        ["backup", "create"],
        ["backup", "verify"],
        ["backup", "restore"],
        ["check", "books"],
        ["keys", "verify"],
        ["db", "check"],
    ]
    assert "The books balance" in told[3][1]
