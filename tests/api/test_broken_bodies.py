"""Bodies that never arrive whole: the client's fault, whatever the server raises for it."""

import errno
import logging
from typing import Any

import pytest
from falcon.testing import TestClient, create_environ

from nestegg_core.api.app import create_app
from nestegg_core.application import Runtime
from support.household import Household


class BrokenChunk(Exception):
    """What a server raises for a chunk that is none."""


class Input:
    """A body that stops to arrive."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, _size: int = -1) -> bytes:
        """Fail as the server does."""
        raise self._error


def post(runtime: Runtime, path: str, token: str = "", **environ: Any) -> tuple[int, str]:
    statuses: list[str] = []
    headers = {"Content-Type": "text/csv" if "imports" in path else "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = create_environ(path.partition("?")[0], method="POST", headers=headers)
    request.update(environ, QUERY_STRING=path.partition("?")[2])
    body = b"".join(create_app(runtime)(request, lambda status, *_: statuses.append(status)))
    return int(statuses[0][:3]), body.decode()


ERRORS = [BrokenChunk("zz"), ConnectionResetError(), OSError(errno.EPIPE, "gone"), TimeoutError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("length", ["", "100"])
def test_what_a_read_raises_is_the_clients_fault_in_json_and_uploads(
    runtime: Runtime,
    household: Household,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    length: str,
) -> None:
    account = household.account()["id"]
    upload = f"/api/v1/organizations/{household.org_id}/imports?account_id={account}"
    environ = {"wsgi.input": Input(error), "wsgi.input_terminated": True, "CONTENT_LENGTH": length}
    for path, token in (("/api/v1/auth/login", ""), (upload, household.token)):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            status, body = post(runtime, path, token, **environ)
        assert status == 400
        assert "urn:nestegg:problem:broken-body" in body
        assert not [one for one in caplog.records if one.levelno > logging.INFO]


def test_a_body_that_ends_early_is_400(client: TestClient) -> None:
    for path in ("/api/v1/auth/login", "/api/v1/auth/refresh"):
        answer = client.simulate_post(
            path,
            body=b'{"email":',
            headers={"Content-Type": "application/json"},
            extras={"CONTENT_LENGTH": "40"},
        )
        assert (answer.status_code, answer.json["type"]) == (400, "urn:nestegg:problem:broken-body")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_full_disk_of_the_server_is_not(runtime: Runtime, number: int) -> None:
    environ = {
        "wsgi.input": Input(OSError(number, "ours")),
        "wsgi.input_terminated": True,
        "CONTENT_LENGTH": "",
    }
    assert post(runtime, "/api/v1/auth/login", **environ)[0] == 500


@pytest.mark.parametrize("coding", ["gzip", "Identity, br", "deflate", "zstd", "x"])
def test_a_body_that_is_coded_is_415_in_json_and_uploads(
    runtime: Runtime, household: Household, coding: str
) -> None:
    account = household.account()["id"]
    client = TestClient(create_app(runtime))
    upload = f"/api/v1/organizations/{household.org_id}/imports?account_id={account}"
    for path, kind in (
        ("/api/v1/auth/login", "application/json"),
        (upload, "text/csv"),
        (upload, "multipart/form-data; boundary=x"),
    ):
        headers = {
            "Authorization": f"Bearer {household.token}",
            "Content-Type": kind,
            "Content-Encoding": coding,
        }
        answer = client.simulate_post(path, headers=headers, body=b"\x1f\x8b")
        assert answer.status_code == 415, path
        assert answer.headers["Accept-Encoding"] == "identity"


def test_a_body_may_say_that_it_is_not_coded(client: TestClient) -> None:
    answer = client.simulate_post(
        "/api/v1/auth/login", json={}, headers={"Content-Encoding": "identity"}
    )

    assert answer.status_code == 422
