"""`/api/v1/admin/jobs`: for administrators of the instance. There is no Redis: jobs run at once."""

import pytest
from falcon.testing import TestClient

from nestegg_core.application import Runtime
from support.household import Household, register
from support.staff import promote

JOBS = "/api/v1/admin/jobs"


@pytest.fixture
def administrator(runtime: Runtime, client: TestClient) -> Household:
    user = register(client)
    promote(runtime, user)
    return user


def test_a_job_is_asked_for_and_read(administrator: Household) -> None:
    asked = administrator.post(JOBS, name="forget_jobs")

    assert asked.status_code == 202
    assert (asked.json["state"], asked.json["arguments"]) == ("done", {})
    assert asked.json["asked_by"] == "user"
    assert asked.headers["Location"] == f"{JOBS}/{asked.json['id']}"
    assert administrator.get(asked.headers["Location"]).json == asked.json


def test_a_failed_job_shows_its_error_and_is_tried_again(administrator: Household) -> None:
    asked = administrator.post(JOBS, name="forget_jobs", arguments={"number": 1}).json
    assert (asked["state"], asked["arguments"]) == ("failed", {"number": 1})
    assert "the job takes none" in asked["error"]

    again = administrator.post(f"{JOBS}/{asked['id']}/retry")

    assert (again.status_code, again.json["state"], again.json["tries"]) == (202, "failed", 1)
    assert again.json["finished_at"] > asked["finished_at"]


def test_one_that_is_done_is_not_tried_again(administrator: Household) -> None:
    job_id = administrator.post(JOBS, name="forget_jobs").json["id"]

    assert administrator.post(f"{JOBS}/{job_id}/retry").status_code == 409


def test_a_job_that_there_is_not_is_a_wrong_field_and_not_repeated(
    administrator: Household,
) -> None:
    answer = administrator.post(JOBS, name="marker7f3a")

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == ["/name"]
    assert "retention" in answer.json["errors"][0]["detail"]
    assert "marker7f3a" not in answer.text


@pytest.mark.parametrize(
    ("depth", "status"), [(1, 202), (31, 202), (32, 422), (200, 422), (1_000, 400)]
)
def test_arguments_are_taken_if_they_can_be_shown_again(
    administrator: Household, depth: int, status: int
) -> None:
    arguments = '{"a":' * (depth - 1) + "{}" + "}" * (depth - 1)
    body = f'{{"name": "forget_jobs", "arguments": {arguments}}}'.encode()

    asked = administrator.call(
        "POST", JOBS, body=body, headers={"Content-Type": "application/json"}
    )

    assert asked.status_code == status
    if status == 202:
        assert administrator.get(asked.headers["Location"]).json == asked.json


def test_pages_go_on_where_the_last_ended(administrator: Household) -> None:
    asked = [administrator.post(JOBS, name="forget_jobs").json["id"] for _ in range(3)]

    first = administrator.get(JOBS, limit=2, name="forget_jobs", state="done").json
    second = administrator.get(
        JOBS, limit=2, name="forget_jobs", state="done", cursor=first["next"]
    ).json

    seen = [item["id"] for page in (first, second) for item in page["items"]]
    assert seen[:3] == asked[::-1]
    assert administrator.get(JOBS, state="sleeping").status_code == 422
