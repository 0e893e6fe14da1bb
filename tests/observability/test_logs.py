"""Logs of the whole process: the libraries' too, and none with personal data."""

import json
import subprocess
import sys

import pytest

SCRIPT = """
import logging, sys
import structlog
from nestegg_core.errors import StorageUnavailable
from nestegg_core.observability.logs import configure_logging

configure_logging(sys.argv[1], "INFO")

def fail(personal):
    try:
        raise ValueError("no such value: " + personal)
    except ValueError as error:
        raise StorageUnavailable("The database does not answer.") from error

for log, told in ((structlog.get_logger("ours").error, "ours"),
                  (logging.getLogger("library").error, "theirs")):
    try:
        fail("marker" + str(7_3))
    except StorageUnavailable:
        log(told, exc_info=True)
structlog.get_logger("ours").debug("too quiet")
"""


def logged(log_format: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, log_format], capture_output=True, text=True, check=True
    )
    assert run.stdout == ""
    return run.stderr


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_code_and_types_and_no_values(log_format: str) -> None:
    text = logged(log_format)

    assert "marker73" not in text
    assert text.count("StorageUnavailable: The database does not answer.") == 2
    assert text.count("ValueError") == 2
    assert "in fail" in text
    assert "too quiet" not in text


def test_json_logs_are_one_object_a_line() -> None:
    ours, theirs = (json.loads(line) for line in logged("json").splitlines())

    assert (ours["event"], ours["logger"], ours["level"]) == ("ours", "ours", "error")
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("theirs", "library", "error")
    assert ours["timestamp"].endswith("Z")
