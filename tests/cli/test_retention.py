"""`nestegg retention`: look first, then delete, and keep the receipt."""

import json
import os
import pty
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from nestegg_core.application import Runtime, start
from nestegg_core.errors import NestEggError
from nestegg_core.ledger.balances import check_books
from nestegg_core.retention.engine import retention_job
from nestegg_core.settings import Environment
from support.command_line import NESTEGG, PATIENCE, CommandLine, environ
from support.purging import FIRST, Account, Booked, read, store

pytestmark = pytest.mark.parametrize(
    "database_kind", ["sqlite"], indirect=True, scope="session"
)  # what is deleted where is tested on both, with the engine

AGE = (datetime.now(UTC).date() - FIRST).days - 10
"""Days after which rows of the first ten days from `FIRST` on have had their time."""

HOLDING = """
from nestegg_core import Expire, Hold, RetentionPolicyRegistration, hookimpl
from pydantic_settings import BaseSettings

class Settings(BaseSettings):
    held_org: str = ""
    wrong: bool = False

class Policy:
    def __init__(self, ctx):
        self.settings = ctx.settings

    def decide(self, org_id, today):
        if self.settings.wrong:
            return [Expire("transaction", before=today)]
        held = str(org_id) == self.settings.held_org
        return [Hold("transaction", "a lawsuit")] if held else []

@hookimpl
def nestegg_retention_policies():
    return [RetentionPolicyRegistration("legal_hold", Settings, Policy)]
"""


@pytest.fixture
def filled(fresh_runtime: Runtime) -> Runtime:
    fresh_runtime.storage.upgrade()
    fresh_runtime.check_keys()
    return fresh_runtime


@pytest.fixture
def orgs(filled: Runtime) -> list[UUID]:
    """Two organizations with 12 old transactions each, and a young one."""
    rows = [Booked(day % 10, Decimal("-1.50")) for day in range(12)]
    return sorted(
        store(filled.storage, [Account(Decimal(100), None, [*rows, Booked(10, Decimal(-2))])])
        for _ in range(2)
    )


@pytest.fixture
def aged(fresh_variables: dict[str, str]) -> CommandLine:
    """The command line with an age for transactions."""
    return CommandLine({**fresh_variables, "DATA_RETENTION_DAYS": str(AGE)})


def transactions(runtime: Runtime, org_id: UUID) -> int:
    return len(read(runtime.storage, org_id).ids)


def test_a_preview_shows_what_would_go_and_changes_nothing(
    aged: CommandLine, filled: Runtime, orgs: list[UUID]
) -> None:
    before = [read(filled.storage, one) for one in orgs]

    shown = aged("retention", "preview")
    document = json.loads(aged("retention", "preview", "--json", "--org", str(orgs[0])).stdout)

    assert shown.exit_code == 0, shown.output
    assert all(str(one) in shown.stdout for one in orgs)
    assert "A live run would delete 24 transactions." in shown.stdout
    assert (document["live"], document["transactions"]) == (False, 12)
    ((account),) = document["organizations"][0]["accounts"]
    assert account["before"] == "2020-01-11"
    assert (account["transactions"], account["amount"], account["held"]) == (12, "-18.00", 0)
    assert account["policies"] == ["transaction_age"]
    assert [read(filled.storage, one) for one in orgs] == before


def test_without_live_it_is_a_dry_run_whatever_the_setting_for_the_daily_run(
    aged: CommandLine, filled: Runtime, orgs: list[UUID]
) -> None:
    brave = CommandLine({**aged.variables, "DATA_RETENTION_DRY_RUN": "false"})

    result = brave("retention", "run")

    assert result.exit_code == 0
    assert [transactions(filled, one) for one in orgs] == [13, 13]
    assert result.stderr.count("Data retention DRY RUN:") == 2


def test_the_log_says_it_in_the_guide_s_words(aged: CommandLine, orgs: list[UUID]) -> None:
    in_json = CommandLine({**aged.variables, "LOG_FORMAT": "json"})

    dry, dry_json = aged("retention", "run"), in_json("retention", "run")
    live, live_json = aged("retention", "run", "--live"), in_json("retention", "run", "--live")

    for number, org in ((12, orgs[0]), (12, orgs[1])):
        line = f"org={org} would delete {number} transactions older than 2020-01-11"
        assert f" Data retention DRY RUN: {line} " in dry.stderr
        assert f"Data retention DRY RUN: {line}" in events(dry_json.stderr)
        line = f"Data retention: org={org} deleted {number} transactions older than 2020-01-11"
        assert f" {line} " in live.stderr
        assert line.replace("deleted 12", "deleted 0") in events(live_json.stderr)


def events(logged: str) -> set[str]:
    lines = [json.loads(line) for line in logged.splitlines()]
    assert {line["level"] for line in lines} == {"info"}
    return {line["event"] for line in lines}


def test_a_live_run_deletes_what_the_dry_run_counted(
    aged: CommandLine, filled: Runtime, orgs: list[UUID]
) -> None:
    counted = json.loads(aged("retention", "run", "--json").stdout)
    deleted = json.loads(aged("retention", "run", "--live", "--json").stdout)

    assert deleted.pop("cleaned")["sessions"] == 0
    assert {**counted, "live": True} == deleted
    assert [transactions(filled, one) for one in orgs] == [1, 1]
    assert check_books(filled.storage).differences == []


def test_one_organization_alone(aged: CommandLine, filled: Runtime, orgs: list[UUID]) -> None:
    result = aged("retention", "run", "--live", "--org", str(orgs[1]))

    assert "Deleted 12 transactions." in result.stdout
    assert [transactions(filled, one) for one in orgs] == [13, 1]


@pytest.mark.parametrize("command", [("preview",), ("run", "--live"), ("history",)])
def test_an_organization_that_does_not_exist_is_refused(
    aged: CommandLine, orgs: list[UUID], command: tuple[str, ...]
) -> None:
    del orgs
    result = aged("retention", *command, "--org", str(uuid4()))

    assert (result.exit_code, result.stderr) == (1, "Error: There is no such organization.\n")


def test_the_history_shows_the_receipts(aged: CommandLine, orgs: list[UUID]) -> None:
    aged("retention", "run", "--live")

    table = aged("retention", "history").stdout.splitlines()
    receipts = json.loads(aged("retention", "history", "--json").stdout)["receipts"]
    own = json.loads(aged("retention", "history", "--json", "--org", str(orgs[0])).stdout)

    assert len(table) == 3
    assert " command " in table[1]
    assert [one["organization_id"] for one in receipts] == [str(one) for one in orgs]
    assert [one["transactions"] for one in receipts] == [12, 12]
    assert own["receipts"] == receipts[:1]


def test_without_an_age_nothing_expires(fresh_nestegg: CommandLine, orgs: list[UUID]) -> None:
    del orgs
    result = fresh_nestegg("retention", "run", "--live")

    assert result.exit_code == 0
    assert "DATA_RETENTION_DAYS sets an age" in result.stdout
    assert "Data retention:" not in result.stderr


def holding(aged: CommandLine, **variables: str) -> CommandLine:
    policies = {"RETENTION_POLICIES": "transaction_age,legal_hold"}
    return CommandLine({**aged.variables, **policies, **variables})


def test_a_hold_by_one_policy_spares_the_rows_from_all(
    install: Callable[[str], None], aged: CommandLine, filled: Runtime, orgs: list[UUID]
) -> None:
    install(HOLDING)

    result = holding(aged, HELD_ORG=str(orgs[0]))("retention", "run", "--live")

    assert result.exit_code == 0, result.output
    assert f"Everything of organization {orgs[0]} is held: a lawsuit" in result.stdout
    assert [transactions(filled, one) for one in orgs] == [13, 1]


def test_a_policy_that_would_delete_everything_deletes_nothing(
    install: Callable[[str], None], aged: CommandLine, filled: Runtime, orgs: list[UUID]
) -> None:
    install(HOLDING)

    result = holding(aged, WRONG="true")("retention", "run", "--live")

    assert result.exit_code == 1
    assert f"Organization {orgs[0]} was left alone: plugin 'legal_hold': decide would let" in (
        result.stderr
    )
    assert [transactions(filled, one) for one in orgs] == [13, 13]


def test_at_a_terminal_a_bar_shows_how_far_it_is(
    aged: CommandLine, filled: Runtime, orgs: list[UUID]
) -> None:
    output = at_terminal(aged.variables, "retention", "run", "--live")

    assert "Deleting transactions" in output
    assert "100%" in output
    assert [transactions(filled, one) for one in orgs] == [1, 1]


def at_terminal(variables: Mapping[str, str], *arguments: str) -> str:
    """Run with standard error at a terminal, and return what that shows."""
    shown, terminal = pty.openpty()
    try:
        subprocess.run(
            [NESTEGG, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=terminal,
            env=environ(variables),
            timeout=PATIENCE,
            check=True,
        )
        return os.read(shown, 65536).decode()
    finally:
        os.close(shown)
        os.close(terminal)


def runtime_with(variables: Mapping[str, str], **more: str) -> Runtime:
    return start(Environment.read({**variables, **more}, dotenv=None))


@pytest.mark.parametrize(("dry_run", "left"), [("true", 13), ("false", 1)])
def test_the_daily_job_obeys_the_setting(
    aged: CommandLine, filled: Runtime, orgs: list[UUID], dry_run: str, left: int
) -> None:
    made = runtime_with(aged.variables, DATA_RETENTION_DRY_RUN=dry_run)
    dry_run = made.settings.data_retention_dry_run
    job = retention_job(made.retention, dry_run=dry_run, asked_by=lambda: "schedule")

    for _ in range(2):
        job.run({})

    assert (job.name, job.schedule) == ("retention", "30 3 * * *")
    assert [transactions(filled, one) for one in orgs] == [left, left]
    made.storage.dispose()


def test_the_daily_job_fails_when_an_organization_was_left_alone(
    install: Callable[[str], None], aged: CommandLine, filled: Runtime, orgs: list[UUID]
) -> None:
    install(HOLDING)
    made = runtime_with(holding(aged, WRONG="true").variables)

    with pytest.raises(NestEggError, match=f"org={orgs[0]}.*legal_hold"):
        retention_job(made.retention, dry_run=False, asked_by=lambda: "schedule").run({})

    assert [transactions(filled, one) for one in orgs] == [13, 13]
    made.storage.dispose()


def test_by_default_the_daily_job_is_a_dry_run(filled: Runtime) -> None:
    assert filled.settings.data_retention_dry_run
