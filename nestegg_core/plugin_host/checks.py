"""What makes a registration a good one.

Type checkers cannot tie a hook's implementation to its specification, so what a hook returned is
checked here, once, at start-up: what passes can be relied upon everywhere else. A check looks at
one registration and returns what to write instead, or `None` when it is right.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import click
from pydantic import BaseModel
from pydantic_settings import BaseSettings

from nestegg_core.contracts.names import RULE, is_name
from nestegg_core.foreign import PLAIN, never_runs

Check = Callable[[Any], str | None]

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_CRON_FIELD = re.compile(r"[0-9A-Za-z*,/-]+")
_CRON_FIELDS = 5
_PATH = re.compile(r"(/([A-Za-z0-9._~-]+|\{[a-z_][a-z0-9_]*(:(int|uuid))?\}))+", re.ASCII)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_QUEUES = ("default", "heavy")


def type_of(value: object) -> str:
    """Name a value's type, telling a class from its instance, and never show the value."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return f"an instance of {type(value).__name__}" if value is not None else "None"


def check_name(registration: Any) -> str | None:
    return None if is_name(registration.name) else f"`name` must be {RULE}, e.g. 'okta'"


def check_settings(registration: Any) -> str | None:
    settings = registration.settings
    if isinstance(settings, type) and issubclass(settings, BaseSettings):
        return None
    return f"`settings` must be a subclass of BaseSettings, not {type_of(settings)}"


def check_callable(field: str) -> Check:
    def check(registration: Any) -> str | None:
        value = getattr(registration, field)
        if not callable(value):
            return f"`{field}` must be callable, not {type_of(value)}"
        return f"`{field}` would never run: write {PLAIN}" if never_runs(value) else None

    return check


def check_schemes(registration: Any) -> str | None:
    schemes = registration.schemes
    if isinstance(schemes, tuple) and schemes and all(map(_is_scheme, schemes)):
        return None
    return "`schemes` must be a tuple of lower-case URL schemes, e.g. ('postgresql',)"


def _is_scheme(value: object) -> bool:
    return isinstance(value, str) and _SCHEME.fullmatch(value) is not None


def check_options(registration: Any) -> str | None:
    options = registration.options
    if isinstance(options, Mapping) and all(
        isinstance(text, str) for pair in options.items() for text in pair
    ):
        return None
    return "`options` must map each option's name to a line of explanation, e.g. {}"


def check_queue(registration: Any) -> str | None:
    return None if registration.queue in _QUEUES else f"`queue` must be one of {_QUEUES}"


def check_schedule(registration: Any) -> str | None:
    schedule = registration.schedule
    if schedule is None:
        return None
    fields = schedule.split() if isinstance(schedule, str) else []
    if len(fields) == _CRON_FIELDS and all(map(_CRON_FIELD.fullmatch, fields)):
        return None
    return "`schedule` must be None or five cron fields in UTC, e.g. '0 6 * * *'"


def check_command(registration: Any) -> str | None:
    command = registration.command
    if not (isinstance(command, click.Command) and is_name(command.name)):
        return f"`command` must be a click command, and its name {RULE}"
    if any(never_runs(one.callback) for one in _with_subcommands(command)):
        return f"`command` would never run: write {PLAIN}"
    return None


def _with_subcommands(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for one in command.commands.values():
            yield from _with_subcommands(one)


def check_method(registration: Any) -> str | None:
    return None if registration.method in _METHODS else f"`method` must be one of {_METHODS}"


def check_path(registration: Any) -> str | None:
    """Refuse `org_id` as a field: the path is put behind the plugin's own address, which has it."""
    path = registration.path
    if isinstance(path, str) and _PATH.fullmatch(path):
        fields = re.findall(r"\{(\w+)", path)
        if len({"org_id", *fields}) == len(fields) + 1:
            return None
    return (
        "`path` must begin with '/' and have plain segments and fields, each field once, e.g. "
        "'/budgets/{budget_id:uuid}'"
    )


def check_fields(paths: Iterable[str]) -> str | None:
    """Refuse two routes of one plugin that call a field in the same place by different names."""
    fields: dict[str, str] = {}
    for path in paths:
        place = ""
        for segment in path.split("/")[1:]:
            if segment.startswith("{"):
                known = fields.setdefault(place, segment)
                if known != segment:
                    return (
                        f"{path!r} must have {known!r} in place of {segment!r}, as another "
                        "route has"
                    )
            place += "/{}" if segment.startswith("{") else f"/{segment}"
    return None


def check_texts(registration: Any) -> str | None:
    for field in ("permission", "summary"):
        value = getattr(registration, field)
        if not (isinstance(value, str) and value.strip()):
            return f"`{field}` must be a string with something in it"
    return None


def check_models(registration: Any) -> str | None:
    if registration.request_model is not None and not _is_model(registration.request_model):
        return "`request_model` must be a pydantic model class or None"
    if not _is_model(registration.response_model):
        return "`response_model` must be a pydantic model class"
    return None


def _is_model(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)
