from datetime import timedelta

from nestegg_core import Identity, Valid
from nestegg_core.auth.oidc.cache import RememberedTokens, token_digest
from nestegg_core.auth.oidc.keys import KeySet
from nestegg_testing import MovableClock

KEYS = KeySet(())


def test_memory_is_bounded_and_the_oldest_leaves_first() -> None:
    now = MovableClock()()
    verdict = Valid(Identity("acme", "https://id.example", "u1", now + timedelta(hours=1)))
    memory = RememberedTokens(capacity=3)
    digests = [token_digest(f"token-{number}") for number in range(5)]
    for digest in [*digests, digests[-1]]:
        memory.put(digest, verdict, KEYS)
    assert len(memory) == 3
    assert [memory.get(digest, now) is not None for digest in digests] == [False] * 2 + [True] * 3
