"""Holds every answer that a test gets to what its operation declares and documents."""

import re
from collections.abc import Iterable
from typing import Any

from falcon.testing import Result, TestClient

from nestegg_core.api.middleware.gates import CONSTANT
from nestegg_core.api.openapi import answers_of
from nestegg_core.api.operation import Operation
from nestegg_core.api.problems import MEDIA_TYPE

PROBLEM = {"type", "title", "status", "detail"}

ANYWHERE = {308, 405, 421, 500, 503}
"""Statuses that any path may answer, so that no operation need document them."""


class ConformingClient(TestClient):
    """A test client that fails the test when an answer is not as documented."""

    def __init__(self, app: Any, operations: Iterable[Operation], **arguments: Any) -> None:
        super().__init__(app, **arguments)
        self._operations = [(_pattern(op.path), op) for op in operations]

    def simulate_request(self, *args: Any, **kwargs: Any) -> Result:
        """Send a request and look at the answer before the test does."""
        answer = super().simulate_request(*args, **kwargs)
        method, path = args[0], args[1]
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", answer.headers["X-Request-ID"])
        assert {name: answer.headers.get(name) for name in CONSTANT} == CONSTANT
        assert answer.headers["Cache-Control"]
        assert answer.headers["Content-Security-Policy"]
        op = self._operation(method, path)
        if answer.status_code >= 400 and not _is_probe(path):
            check_problem(answer)
        elif op is not None and answer.status_code != 308:
            check_answer(op, answer)
        if op is not None and answer.status_code not in {304, *ANYWHERE}:
            assert answer.status_code in answers_of(op), (op.path, answer.status)
        return answer

    def _operation(self, method: str, path: str) -> Operation | None:
        for pattern, op in self._operations:
            if op.method == method and pattern.fullmatch(path):
                return op
        return None


def check_problem(answer: Result) -> None:
    """Fail unless an answer is a problem document (RFC 9457) as this API writes them."""
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    if not answer.content:  # HEAD
        return
    problem = answer.json
    assert set(problem) - {"errors", "more_errors"} == PROBLEM
    assert problem["status"] == answer.status_code
    assert problem["type"].startswith("urn:nestegg:problem:")
    assert problem["title"]
    assert problem["detail"]
    for error in problem.get("errors", ()):
        assert set(error) == {"pointer", "code", "detail"}


def check_answer(op: Operation, answer: Result) -> None:
    """Fail unless an answer is what the operation declares, with the ETag of its row."""
    if answer.status_code == 304 or op.answer is None:
        assert answer.content == b""
        return
    if not _is_probe(op.path):
        assert answer.status_code == op.status
    op.answer.model_validate_json(answer.content, strict=True)
    if "version" in answer.json:
        assert answer.headers["ETag"] == f'"{answer.json["version"]}"'


def _is_probe(path: str) -> bool:
    return path in {"/health", "/livez", "/readyz"}


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]*\}", template)
    return re.compile("[^/]+".join(map(re.escape, parts)))
