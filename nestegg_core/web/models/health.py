"""Probes."""

from typing import Literal

from nestegg_core.web.models.common import AnswerModel


class HealthChecks(AnswerModel):
    """Whether the database answers."""

    database: Literal["ok", "unreachable"]


class Health(AnswerModel):
    """As the self-hosting guide has it."""

    status: Literal["healthy", "unhealthy"]
    checks: HealthChecks


class Live(AnswerModel):
    """The process answers."""

    status: Literal["alive"]


class Ready(AnswerModel):
    """Whether requests should come here."""

    status: Literal["ready", "not ready"]
    checks: dict[str, str]
