"""Retention policies, each with one fault."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest

from nestegg_core import Expire, Hold, RetentionPolicy
from nestegg_testing import RetentionPolicyConformance

DAYS = {
    f"[{day}]"
    for day in (
        "1970-01-01",
        "2000-02-29",
        "2026-01-01",
        "2026-12-31",
        "2028-02-29",
        "2100-03-01",
        "9999-12-31",
    )
}


class Policy:
    def __init__(self, decide: Callable[[UUID, date], Any]) -> None:
        self._decide = decide

    def decide(self, org_id: UUID, today: date) -> Sequence[Expire | Hold]:
        answer: Sequence[Expire | Hold] = self._decide(org_id, today)
        return answer


class FaultyConformance(RetentionPolicyConformance):
    breaks: ClassVar[set[str]] = set()

    @pytest.fixture
    def subject(self) -> RetentionPolicy:
        return Policy(self.decide)

    def decide(self, org_id: UUID, today: date) -> Any:
        raise NotImplementedError


class TestRaisesOnALeapDay(FaultyConformance):
    breaks: ClassVar = {
        "test_a_policy_answers_on_any_day[2000-02-29]",
        "test_a_policy_answers_on_any_day[2028-02-29]",
        "test_nothing_expires_before_its_day_has_passed[2000-02-29]",
        "test_nothing_expires_before_its_day_has_passed[2028-02-29]",
    }

    def decide(self, org_id: UUID, today: date) -> Any:
        del org_id
        return [Expire("transaction", today.replace(year=today.year - 7))]


class TestAnswersOne(FaultyConformance):
    breaks: ClassVar = {f"test_a_policy_answers_on_any_day{day}" for day in DAYS}

    def decide(self, org_id: UUID, today: date) -> Any:
        del org_id
        return iter([Expire("transaction", today - timedelta(1))])


class TestSpeaksOfTheUnknown(FaultyConformance):
    breaks: ClassVar = {"test_a_policy_knows_what_it_speaks_of"}

    def decide(self, org_id: UUID, today: date) -> Any:
        del org_id
        return [Expire("transactions", today - timedelta(1))]


class TestExpiresAll(FaultyConformance):
    breaks: ClassVar = {f"test_nothing_expires_before_its_day_has_passed{day}" for day in DAYS}

    def decide(self, org_id: UUID, today: date) -> Any:
        del org_id
        return [Expire("transaction", today)]


class TestSpeaksOfMoments(FaultyConformance):
    breaks: ClassVar = {f"test_nothing_expires_before_its_day_has_passed{day}" for day in DAYS}

    def decide(self, org_id: UUID, today: date) -> Any:
        del org_id
        return [Expire("transaction", datetime(today.year, 1, 1))]  # noqa: DTZ001 - the fault


class TestNamesTexts(FaultyConformance):
    breaks: ClassVar = {"test_narrowed_decisions_name_ids"}

    def decide(self, org_id: UUID, today: date) -> Any:
        del today
        return [Hold("transaction", "legal hold", frozenset([str(org_id)]))]  # type: ignore[list-item]  # the fault


class TestGivesNoReason(FaultyConformance):
    breaks: ClassVar = {"test_a_hold_says_why"}

    def decide(self, org_id: UUID, today: date) -> Any:
        del org_id, today
        return [Hold("transaction", " ")]


class TestRemembers(FaultyConformance):
    breaks: ClassVar = {"test_asking_changes_nothing"}

    @pytest.fixture
    def subject(self) -> RetentionPolicy:
        latest = [date.min]

        def decide(org_id: UUID, today: date) -> Any:
            del org_id
            latest[0] = max(latest[0], today - timedelta(400))
            return [Expire("transaction", min(latest[0], today))]

        return Policy(decide)
