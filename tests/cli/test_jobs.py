"""`nestegg jobs`, without Redis: a job that is asked for runs in the command."""

import json
import re
from typing import Any

from support.command_line import CommandLine


def answered(nestegg: CommandLine, *arguments: str) -> Any:
    answer = nestegg("jobs", *arguments, "--json")
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def failed(nestegg: CommandLine) -> str:
    """Make a job that fails: this one takes no arguments."""
    answer = nestegg("jobs", "run", "forget_jobs", "--arguments", '{"a": 1}', "--json")
    assert answer.exit_code == 1
    assert "The job failed." in answer.stderr
    return str(json.loads(answer.stdout)["id"])


def test_a_job_runs_here_and_is_listed_and_shown(nestegg: CommandLine) -> None:
    asked = answered(nestegg, "run", "forget_jobs")
    assert (asked["state"], asked["tries"], asked["arguments"]) == ("done", 1, {})
    assert asked["asked_by"] == "command"

    listed = answered(nestegg, "list", "--limit", "1")["jobs"]
    assert [job["id"] for job in listed] == [asked["id"]]
    assert answered(nestegg, "show", asked["id"]) == asked


def test_for_users_there_is_a_table_and_one_line_for_each_fact(nestegg: CommandLine) -> None:
    job_id = failed(nestegg)

    table = nestegg("jobs", "list", "--state", "failed", "--limit", "1").stdout.splitlines()
    columns = ["ID", "NAME", "QUEUE", "STATE", "TRIES", "CREATED AT", "STARTED AT", "FINISHED AT"]
    assert re.split(r"  +", table[0]) == columns
    assert table[1].startswith(f"{job_id}  forget_jobs  default  failed  1")
    shown = nestegg("jobs", "show", job_id).stdout
    assert "state: failed\n" in shown
    assert "InvalidInput: /arguments: the job takes none" in shown
    assert 'arguments: {"a": 1}\n' in shown


def test_a_failed_job_is_tried_again_and_one_that_is_done_is_not(nestegg: CommandLine) -> None:
    again = nestegg("jobs", "retry", failed(nestegg))
    assert (again.exit_code, "state: failed" in again.stdout) == (1, True)

    done = answered(nestegg, "run", "forget_jobs")["id"]
    refused = nestegg("jobs", "retry", done)

    assert refused.exit_code == 1
    assert "Only a failed job can be tried again." in refused.stderr


def test_what_there_is_to_run_is_listed_with_its_schedule(nestegg: CommandLine) -> None:
    registered = answered(nestegg, "list", "--registered")["jobs"]

    assert {"name": "retention", "queue": "default", "schedule": "30 3 * * *"} in registered


def test_what_there_is_not_is_refused(nestegg: CommandLine) -> None:
    for command in (("show", "nonsense"), ("retry", "nonsense"), ("show", "\0")):
        answer = nestegg("jobs", *command)
        assert (answer.exit_code, answer.stderr) == (1, "Error: There is no such job.\n")
    answer = nestegg("jobs", "run", "nonsense")
    assert answer.exit_code == 1
    assert "is no job; there are: backup, forget_jobs," in answer.stderr


def test_arguments_must_be_a_json_object(nestegg: CommandLine) -> None:
    for text in ("{", "[]", "1", "", '{"a": NaN}', '{"a":' * 100_000):
        answer = nestegg("jobs", "run", "forget_jobs", "--arguments", text)
        assert answer.exit_code == 2
        assert "--arguments takes a JSON object" in answer.stderr
