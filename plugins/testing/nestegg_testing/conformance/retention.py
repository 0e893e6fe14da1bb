"""What holds of every retention policy."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import ClassVar
from uuid import UUID

import pytest

from nestegg_core.contracts.retention import Expire, Hold, RetentionPolicy
from nestegg_testing.conformance.base import Conformance

_TODAY = date(2026, 3, 31)
_DAYS = (
    date(1970, 1, 1),
    date(2000, 2, 29),
    date(2026, 1, 1),
    date(2026, 12, 31),
    date(2028, 2, 29),
    date(2100, 3, 1),
    date(9999, 12, 31),
)
_ORGANIZATIONS = (UUID(int=0), UUID(int=1), UUID("01930000-0000-7000-8000-000000000000"))


class RetentionPolicyConformance(Conformance):
    """Asks a `RetentionPolicy` about organizations that it has never heard of, on many days.

    The fixture `subject` returns the policy.

    Attributes:
        organizations: organizations that are tried besides the kit's own, e.g. ones that
            `subject` was told to treat in a way of their own.
        records: the kinds of rows that the core lets expire.

    Example:
        ```python
        class TestLegalHold(RetentionPolicyConformance):
            organizations = (HELD,)

            @pytest.fixture
            def subject(self):
                return LegalHold(frozenset({HELD}))
        ```
    """

    kind = "RetentionPolicy"
    section = "retention-policy"

    organizations: ClassVar[Sequence[UUID]] = ()
    records: ClassVar[frozenset[str]] = frozenset({"transaction"})

    @pytest.mark.parametrize("today", _DAYS, ids=str)
    def test_a_policy_answers_on_any_day(self, today: date, subject: RetentionPolicy) -> None:
        """A policy never raises, whatever the organization and the day: it answers with a sequence
        of Expire and Hold.
        """
        for org_id in self._all_organizations():
            decisions = subject.decide(org_id, today)
            assert isinstance(decisions, Sequence)
            assert all(isinstance(one, Expire | Hold) for one in decisions), decisions

    def test_a_policy_knows_what_it_speaks_of(self, subject: RetentionPolicy) -> None:
        """Decisions name kinds of rows that the core has; another would be left undone."""
        assert {one.record for one in self._decisions(subject, _TODAY)} <= self.records

    @pytest.mark.parametrize("today", _DAYS, ids=str)
    def test_nothing_expires_before_its_day_has_passed(
        self, today: date, subject: RetentionPolicy
    ) -> None:
        """The newest rows never expire: before is a day, yesterday at the latest."""
        for one in self._decisions(subject, today):
            if isinstance(one, Expire):
                assert type(one.before) is date
                assert one.before < today

    def test_narrowed_decisions_name_ids(self, subject: RetentionPolicy) -> None:
        """Accounts and ids that narrow a decision are a frozenset of UUIDs, or None for all."""
        for one in self._decisions(subject, _TODAY):
            narrowed = one.accounts if isinstance(one, Expire) else one.ids
            if narrowed is not None:
                assert isinstance(narrowed, frozenset)
                assert all(isinstance(each, UUID) for each in narrowed)

    def test_a_hold_says_why(self, subject: RetentionPolicy) -> None:
        """A hold has a reason, in one line, for the operator to read."""
        for one in self._decisions(subject, _TODAY):
            if isinstance(one, Hold):
                assert isinstance(one.reason, str)
                assert one.reason.strip()
                assert len(one.reason.splitlines()) == 1

    def test_asking_changes_nothing(self, subject: RetentionPolicy) -> None:
        """The same organization and day get the same answer, however often and in whatever order
        they are asked for.
        """
        first = self._decisions(subject, _TODAY)
        self._decisions(subject, _TODAY + timedelta(days=400))
        self._decisions(subject, _TODAY - timedelta(days=400))
        assert self._decisions(subject, _TODAY) == first

    def _all_organizations(self) -> Sequence[UUID]:
        return (*_ORGANIZATIONS, *self.organizations)

    def _decisions(self, subject: RetentionPolicy, today: date) -> list[Expire | Hold]:
        return [
            one for org_id in self._all_organizations() for one in subject.decide(org_id, today)
        ]
