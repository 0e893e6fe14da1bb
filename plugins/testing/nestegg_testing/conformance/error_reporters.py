"""What holds of every error reporter."""

from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import ClassVar

import pytest

from nestegg_core.contracts.error_reporters import ErrorReporter
from nestegg_testing.conformance.base import Conformance
from nestegg_testing.report_server import ReportServer

_REQUEST_ID = "r-4711"
_SECONDS = 2
_SECRETS = ("quokka-password", "quokka-payee")


class ErrorReporterConformance(Conformance):
    """Sends failures with an `ErrorReporter` to a server that is there, silent, or gone.

    The fixture `subject` returns the reporter, told to send to the fixture `report_server`.

    Attributes:
        sends_http: whether the reports go to `report_server` as the bodies of HTTP requests, so
            that the kit can read them.

    Example:
        ```python
        class TestSentry(ErrorReporterConformance):
            @pytest.fixture
            def subject(self, report_server):
                return Sentry(report_server.url.replace("://", "://key@") + "/1")
        ```
    """

    kind = "ErrorReporter"
    section = "error-reporter"

    sends_http: ClassVar[bool] = True

    @pytest.fixture
    def report_server(self) -> Iterator[ReportServer]:
        """Where the reports go."""
        with ReportServer() as server:
            yield server

    @pytest.mark.parametrize("name", ["plain", "not raised", "unprintable", "circular", "huge"])
    def test_any_failure_can_be_reported(self, name: str, subject: ErrorReporter) -> None:
        """Reporting never raises, whatever the exception is like."""
        subject.report(_failures()[name], _facts())

    def test_facts_may_be_missing(self, subject: ErrorReporter) -> None:
        """Facts may be few, and their texts anything."""
        subject.report(_raised(), {})
        subject.report(_raised(), {"route": "", "release": "ä\n\0", "request_id": "x" * 5000})

    def test_a_target_that_is_gone_costs_little(
        self, subject: ErrorReporter, report_server: ReportServer
    ) -> None:
        """With its target gone, a reporter returns within two seconds and does not raise."""
        report_server.stop()
        assert _seconds_of(subject) < _SECONDS

    def test_a_target_that_is_silent_costs_little(
        self, subject: ErrorReporter, report_server: ReportServer
    ) -> None:
        """With its target silent, a reporter returns within two seconds and does not raise."""
        with report_server.holding():
            assert _seconds_of(subject) < _SECONDS

    def test_a_report_names_the_failure_and_its_facts(
        self, subject: ErrorReporter, report_server: ReportServer
    ) -> None:
        """A report arrives, and names the type of the exception and the request's id."""
        self._need_http()
        subject.report(_raised(), _facts())
        body = report_server.wait()
        assert b"ZeroDivisionError" in body
        assert _REQUEST_ID.encode() in body

    def test_a_report_holds_no_values(
        self, subject: ErrorReporter, report_server: ReportServer
    ) -> None:
        """A report holds no values of variables: they may be a user's data or a secret."""
        self._need_http()
        subject.report(_raised_beside_secrets(*_SECRETS), _facts())
        body = report_server.wait()
        assert not [secret for secret in _SECRETS if secret.encode() in body]

    def test_facts_are_left_as_they_were(self, subject: ErrorReporter) -> None:
        """The facts belong to the caller, and are not changed."""
        facts = _facts()
        subject.report(_raised(), facts)
        assert facts == _facts()

    def _need_http(self) -> None:
        if not self.sends_http:
            pytest.skip("the reports are not sent over HTTP")


def _facts() -> dict[str, str]:
    return {"request_id": _REQUEST_ID, "route": "/api/v1/me", "release": "0.1.0"}


class _Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def _raised() -> BaseException:
    try:
        _ = 1 / 0
    except ZeroDivisionError as error:
        return error
    raise AssertionError("unreachable")


def _raised_beside_secrets(password: str, payee: str) -> BaseException:
    """Return an error whose traceback has a frame with secrets in its variables."""
    try:
        _divide(password, payee)
    except ZeroDivisionError as error:
        return error
    raise AssertionError("unreachable")


def _divide(password: str, payee: str) -> float:
    headers = {"Authorization": password, "payee": payee}
    return len(headers) / 0


def _failures() -> Mapping[str, BaseException]:
    circular = ValueError("one")
    circular.__cause__ = TypeError("another")
    circular.__cause__.__cause__ = circular
    return {
        "plain": _raised(),
        "not raised": RuntimeError("was made, but never raised"),
        "unprintable": _Unprintable(),
        "circular": circular,
        "huge": ValueError("x" * 1_000_000),
    }


def _seconds_of(subject: ErrorReporter) -> float:
    began = perf_counter()
    subject.report(_raised(), _facts())
    return perf_counter() - began
