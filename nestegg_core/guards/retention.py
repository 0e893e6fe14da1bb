"""Around retention policies: what a policy raises is its own fault, and spares the rows."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from nestegg_core.contracts.retention import Expire, Hold, RetentionPolicy
from nestegg_core.guards.guard import Guard


class GuardedPolicy:
    """Fulfils `nestegg_core.RetentionPolicy`. Whether an answer can be done, the engine judges."""

    def __init__(self, guard: Guard, policy: RetentionPolicy) -> None:
        self._guard = guard
        self._policy = policy

    def decide(self, org_id: UUID, today: date) -> Sequence[Expire | Hold]:
        """Return what expires and what is held.

        Raises:
            PluginFault: the policy raised, or answered no sequence.
        """
        decisions = self._guard.call("decide", (), self._policy.decide, org_id, today)
        if not isinstance(decisions, Sequence):
            raise self._guard.fault("decide", f"answered {type(decisions).__name__}, no sequence")
        return decisions
