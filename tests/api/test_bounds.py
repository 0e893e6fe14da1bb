"""Whatever a request holds, answering it is cheap: each kind of thing has a bound."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from falcon.testing import TestClient

from nestegg_core.api.app import create_app, operations
from nestegg_core.api.problems import MAX_PROBLEMS
from nestegg_core.api.validation import MAX_DEPTH, MAX_PARAMETERS, MAX_VALUES
from nestegg_core.application import Runtime
from support.household import Household

TESTS = Path(__file__).parents[1]
MAX_JSON = 256 * 1024


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What requests of a million fields and their like cost a server of their own."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("only Linux tells the most memory that a process has held")
    home = str(tmp_path_factory.mktemp("costly"))
    command = [sys.executable, "-m", "support.costly", home]
    run = subprocess.run(
        command, cwd=TESTS, capture_output=True, text=True, timeout=120, check=True
    )
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith('{"body"')]


def test_no_body_costs_more_than_20_megabytes(costs: list[dict[str, Any]]) -> None:
    assert len(costs) == 24
    for one in costs:
        assert one["megabytes"] < 20, one
        assert one["seconds"] < 1, one  # 0.1 on an idle machine; CPU time of a busy one is longer
        assert one["answered"] < 20_000, one
        assert one["status"] in {400, 413, 422}, one


def test_a_body_that_is_too_large_is_refused_unread(costs: list[dict[str, Any]]) -> None:
    million = [one for one in costs if one["body"].startswith("1000000")]
    assert {one["status"] for one in million} == {413}
    assert {one["read"] for one in million} <= {0, MAX_JSON + 1}


def test_a_server_can_tell_how_large_a_body_may_be_before_it_comes(runtime: Runtime) -> None:
    largest = create_app(runtime).largest_body
    settings = runtime.settings
    for op in operations(runtime):
        path = re.sub(r"\{[^}]*\}", str(UUID(int=7)), op.path)
        bound = settings.max_body_bytes if op.upload else settings.max_json_bytes
        assert largest(op.method, path) == bound, path
        assert largest("PUT", path) == settings.max_json_bytes
    assert largest("POST", "/nowhere") == settings.max_json_bytes


def test_an_error_names_a_hundred_problems_and_counts_the_others(client: TestClient) -> None:
    body = {f"field{number}": 1 for number in range(MAX_PROBLEMS + 150)}
    answer = client.simulate_post("/api/v1/auth/refresh", json=body)

    assert answer.status_code == 422
    assert len(answer.json["errors"]) == MAX_PROBLEMS
    assert answer.json["more_errors"] == 151  # refresh_token is missing, too


def test_an_error_with_few_problems_counts_no_others(client: TestClient) -> None:
    answer = client.simulate_post("/api/v1/auth/refresh", json={})

    assert len(answer.json["errors"]) == 1
    assert "more_errors" not in answer.json


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[" + b"0," * MAX_VALUES + b"0]", "too_many_values"),
        (b'{"a":{' + b",".join(b'"%d":{}' % n for n in range(MAX_VALUES)) + b"}}", "too_many"),
        (b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", "too_deep"),
    ],
)
def test_a_body_of_too_many_or_too_deep_values_is_refused_as_a_whole(
    client: TestClient, body: bytes, code: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.simulate_post("/api/v1/auth/refresh", body=body, headers=headers)

    assert answer.status_code == 422
    (problem,) = answer.json["errors"]
    assert problem["code"].startswith(code)
    assert problem["pointer"] == ""


def test_values_up_to_the_bound_are_looked_at(client: TestClient) -> None:
    body = {"refresh_token": [0] * (MAX_VALUES - 1)}
    answer = client.simulate_post("/api/v1/auth/refresh", json=body)

    assert [one["code"] for one in answer.json["errors"]] == ["string_type"]


@pytest.mark.parametrize("body", [b'{"a":1,"a":1}', b'{"name":{"b":1,"c":2,"b":3}}'])
def test_a_name_that_stands_twice_is_refused(client: TestClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.simulate_post("/api/v1/auth/refresh", body=body, headers=headers)

    assert answer.status_code == 400
    assert answer.json["type"] == "urn:nestegg:problem:ambiguous-json"


def test_parameters_of_a_query_are_few(household: Household) -> None:
    for query in (
        "&".join(f"p{number}=1" for number in range(MAX_PARAMETERS + 1)),
        "&".join(["account_id=1"] * (MAX_PARAMETERS + 1)),
    ):
        answer = household.get(f"transactions?{query}")
        assert answer.status_code == 422
        assert len(answer.json["errors"]) == 1


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_json_has_no_number_for_is_malformed(client: TestClient, number: str) -> None:
    answer = client.simulate_post(
        "/api/v1/auth/login",
        body=f'{{"email": {number}, "password": [{number}]}}',
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code == 400


def test_a_parameter_that_is_given_twice_is_told_of(household: Household) -> None:
    answer = household.get("accounts?limit=5&limit=6")

    assert answer.status_code == 422
    assert answer.json["errors"] == [
        {"pointer": "limit", "code": "given_twice", "detail": "is given twice"}
    ]
