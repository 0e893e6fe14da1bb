"""The contract with plugins changes only on purpose."""

import difflib

from contract.describe import GOLDEN, contract

WHAT_TO_DO = """
The contract with plugins is not what tests/contract/contract.txt says.

If the change is not meant, take it back: plugins that nobody here can see depend on it.
If it is meant:
  1. Raise CONTRACT_VERSION in nestegg_core/contracts/names.py: the minor number for what is
     added, the major one for what a plugin would notice that was written before.
  2. Say in CHANGELOG.md what changes, and what authors have to write instead.
  3. Bring docs/plugins.md and what `nestegg plugin new` writes up to date.
  4. Run `make contract`, and commit the difference with the rest.
"""


def complaint(agreed: str, now: str) -> str:
    """Return what to tell whoever changed the contract; nothing when it is as agreed."""
    lines = difflib.unified_diff(
        agreed.splitlines(), now.splitlines(), "agreed", "now", lineterm=""
    )
    difference = "\n".join(lines)
    return difference and f"{WHAT_TO_DO}\n{difference}"


def test_the_contract_is_what_was_agreed() -> None:
    told = complaint(GOLDEN.read_text(encoding="utf-8"), contract())
    assert not told, told


def test_a_change_is_shown_with_what_to_do() -> None:
    agreed = GOLDEN.read_text(encoding="utf-8")
    told = complaint(
        agreed, agreed.replace("def authenticate(self, token", "def authenticate(self, jwt")
    )
    assert "make contract" in told
    assert (
        "-    def authenticate(self, token: str) -> Verdict\n+    def authenticate(self, jwt"
        in told
    )
