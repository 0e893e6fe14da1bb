"""When something is done again and again."""

from typing import Annotated

from pydantic import AfterValidator

from nestegg_core.settings.types import invalid

_FIELDS = 5


def _cron(value: str) -> str:
    from croniter import croniter  # noqa: PLC0415 - no command shall wait for it that needs it not

    fields = value.split()
    if len(fields) != _FIELDS or not croniter.is_valid(value):
        raise invalid("is no schedule", "write five cron fields, e.g. 0 2 * * * for 02:00 daily")
    return " ".join(fields)


CronSchedule = Annotated[str, AfterValidator(_cron)]
"""Five cron fields: minute, hour, day of the month, month, day of the week (0 is Sunday)."""
