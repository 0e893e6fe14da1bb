"""Error reporters, each with one fault, over one that posts JSON."""

import contextlib
import json
import traceback
import urllib.request
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from nestegg_core import ErrorReporter
from nestegg_testing import ErrorReporterConformance, ReportServer


class Poster:
    timeout = 0.1

    def __init__(self, url: str) -> None:
        self.url = url

    def report(self, error: BaseException, facts: Mapping[str, str]) -> None:
        with contextlib.suppress(OSError):
            self.post(error, facts)

    def post(self, error: BaseException, facts: Mapping[str, str]) -> None:
        body = json.dumps({**self.described(error), "facts": dict(facts)}).encode()
        urllib.request.urlopen(self.url, body, self.timeout).close()  # noqa: S310 - loopback

    def described(self, error: BaseException) -> dict[str, Any]:
        return {"type": type(error).__name__}


class FaultyConformance(ErrorReporterConformance):
    fault: ClassVar[type[Poster]] = Poster
    breaks: ClassVar[set[str]] = set()

    @pytest.fixture
    def subject(self, report_server: ReportServer) -> ErrorReporter:
        return self.fault(report_server.url)


class TellsItsText(Poster):
    def described(self, error: BaseException) -> dict[str, Any]:
        return {"type": type(error).__name__, "text": str(error)}


class TestTellsItsText(FaultyConformance):
    fault = TellsItsText
    breaks: ClassVar = {"test_any_failure_can_be_reported[unprintable]"}


class TellsVariables(Poster):
    def described(self, error: BaseException) -> dict[str, Any]:
        frames = [frame.f_locals for frame, _ in traceback.walk_tb(error.__traceback__)]
        return {"type": type(error).__name__, "variables": str(frames)}


class TestTellsVariables(FaultyConformance):
    fault = TellsVariables
    breaks: ClassVar = {"test_a_report_holds_no_values"}


class LosesTheFacts(Poster):
    def post(self, error: BaseException, facts: Mapping[str, str]) -> None:
        del facts
        super().post(error, {})


class TestLosesTheFacts(FaultyConformance):
    fault = LosesTheFacts
    breaks: ClassVar = {"test_a_report_names_the_failure_and_its_facts"}


class NeedsFacts(Poster):
    def post(self, error: BaseException, facts: Mapping[str, str]) -> None:
        super().post(error, {"route": facts["route"], **facts})


class TestNeedsFacts(FaultyConformance):
    fault = NeedsFacts
    breaks: ClassVar = {"test_facts_may_be_missing"}


class TakesTheFacts(Poster):
    def report(self, error: BaseException, facts: Mapping[str, str]) -> None:
        super().report(error, facts)
        if isinstance(facts, dict):
            facts["reported"] = "yes"


class TestTakesTheFacts(FaultyConformance):
    fault = TakesTheFacts
    breaks: ClassVar = {"test_facts_are_left_as_they_were"}


class RaisesWhenGone(Poster):
    def report(self, error: BaseException, facts: Mapping[str, str]) -> None:
        with contextlib.suppress(TimeoutError):
            self.post(error, facts)


class TestRaisesWhenGone(FaultyConformance):
    fault = RaisesWhenGone
    breaks: ClassVar = {"test_a_target_that_is_gone_costs_little"}


class Patient(Poster):
    timeout = 2.2


class TestPatient(FaultyConformance):
    fault = Patient
    breaks: ClassVar = {"test_a_target_that_is_silent_costs_little"}
