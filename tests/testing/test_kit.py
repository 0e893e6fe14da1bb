"""The kit finds what is wrong: each fault breaks the rule that is about it, and no other."""

import pytest

from testing.broken_rules import QUIET, Faults

pytest_plugins = ("pytester",)


KINDS = (
    "encryption",
    "error_reporters",
    "identity",
    "importers",
    "metrics",
    "retention",
    "storage",
)


@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_breaks_its_rule_and_no_other(kind: str, pytester: pytest.Pytester) -> None:
    faults = Faults(kind, narrow=kind == "storage")
    broken = faults.run(pytester)
    for name, wanted in faults.breaks.items():
        assert broken.get(name, set()) == wanted, name
    assert faults.untouched() == set(), "no fault shows that these can fail"


NO_SUBJECT = """
from nestegg_testing import RetentionPolicyConformance

class TestNothing(RetentionPolicyConformance):
    def test_of_its_own(self):
        '''An author's own test.'''
        assert not "mine"
"""


def test_a_class_without_a_subject_is_told_what_to_write(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(NO_SUBJECT)
    result = pytester.runpytest_inprocess(*QUIET, "-k", "says_why")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*TestNothing has no fixture `subject`: add one that returns your RetentionPolicy *"]
    )


def test_an_author_s_own_test_fails_in_its_own_words(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(NO_SUBJECT)
    result = pytester.runpytest_inprocess(*QUIET, "-k", "of_its_own")
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*rule: *")
    result.stdout.fnmatch_lines(["*assert not 'mine'*"])
