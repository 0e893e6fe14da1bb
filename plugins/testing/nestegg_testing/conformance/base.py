"""What all conformance classes share: the fixture that an author supplies, and the rules."""

import inspect
from typing import Any, ClassVar

import pytest

DOCUMENTATION = "docs/plugins.md"


class RuleBroken(AssertionError):
    """A conformance test failed; the message names the rule and where it is documented.

    Example:
        >>> print(RuleBroken.of("a policy never raises", "retention-policy", ZeroDivisionError()))
        rule: a policy never raises (docs/plugins.md#retention-policy)
        ZeroDivisionError
    """

    @classmethod
    def of(cls, rule: str, section: str, error: BaseException) -> "RuleBroken":
        """Make the error from what a test raised."""
        kind = "" if isinstance(error, AssertionError) else type(error).__name__
        found = ": ".join(filter(None, (kind, str(error))))
        return cls(f"rule: {rule} ({DOCUMENTATION}#{section})\n{found}")


class Conformance:
    """The base of every conformance class. Each of its tests states its rule as its docstring.

    Subclass the class of your kind, name the subclass `Test...`, and give it a fixture `subject`
    that returns the object under test. Further class attributes describe what is particular to
    it; each class lists its own.

    Attributes:
        kind: what `subject` must return, for messages.
        section: where the rules are documented, in `docs/plugins.md`.
    """

    kind: ClassVar[str] = "object"
    section: ClassVar[str] = ""

    @pytest.fixture
    def subject(self) -> Any:
        """The object under test: override this."""
        pytest.fail(
            f"{type(self).__name__} has no fixture `subject`: add one that returns your "
            f"{self.kind} ({DOCUMENTATION}#{self.section})",
            pytrace=False,
        )


def rule_of(test: object) -> str:
    """Return the rule that a test of the kit states: the first paragraph of its docstring."""
    return " ".join((inspect.getdoc(test) or "").partition("\n\n")[0].split()).rstrip(".")
