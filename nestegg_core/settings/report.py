"""Settings as operators see them: what is in force, the example file."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic_settings import BaseSettings

from nestegg_core.errors import ConfigurationError
from nestegg_core.settings.environment import Environment
from nestegg_core.settings.loading import SettingsField, fields_of
from nestegg_core.settings.urls import MASK, masked

_HEADER = """\
Every setting of Nest Egg, with its default. Copy this file to `.env` and set what you need.
Variables of the process environment come before those in `.env`. A variable set to nothing
counts as not set. In place of any NAME you may set NAME_FILE to the path of a file that holds
the value. Values are taken as they stand: nothing is put in for ${NAME}. docker compose reads
this file too, and does put something in: write a value with a $ in single quotes, 'pa$word',
which suit both.
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting; `value` is for showing, with `********` in place of a secret."""

    name: str
    value: str
    origin: str
    secret: bool
    description: str


def describe(
    environment: Environment, settings_classes: Sequence[type[BaseSettings]]
) -> list[Setting]:
    """Return every setting of the classes with its value in force and where it comes from.

    Writes nothing. Where a class does not load, its values are shown as they were written.
    """
    return [setting for cls in settings_classes for setting in _described(environment, cls)]


def env_example(classes: Sequence[tuple[str, type[BaseSettings]]]) -> str:
    """Return the text of `.env.example`: every variable, commented out, with its default.

    A variable that several classes read stands in the first of their sections.
    """
    lines = [f"# {line}" for line in _HEADER.splitlines()]
    for heading, fields in fields_by_heading(classes):
        lines += ["", f"# ---- {heading} ----"]
        for field in fields:
            also = "".join(f" {name} is read too." for name in field.variables[1:])
            about = textwrap.wrap(field.description + also, 96)
            lines += ["", *(f"# {line}" for line in about)]
            lines.append(f"# {field.variable}={default_text(field)}")
    return "\n".join(lines) + "\n"


def fields_by_heading(
    classes: Sequence[tuple[str, type[BaseSettings]]],
) -> Iterator[tuple[str, Sequence[SettingsField]]]:
    seen: set[str] = set()
    for heading, settings_class in classes:
        fields = [field for field in fields_of(settings_class) if field.variable not in seen]
        seen.update(field.variable for field in fields)
        if fields:
            yield heading, fields


def _described(environment: Environment, settings_class: type[BaseSettings]) -> Iterator[Setting]:
    try:
        settings = environment.preview(settings_class)
    except ConfigurationError:
        settings = None
    for field in fields_of(settings_class):
        if field.prefix:
            for _, variable in environment.numbered(field.prefix):
                yield _setting(
                    field,
                    variable.name,
                    MASK if field.secret else variable.value or "",
                    variable.origin,
                )
            continue
        found = environment.find(*field.variables)
        name = found.name if found else field.variable
        if settings is not None:
            value = getattr(settings, field.name)
        else:
            value = found.value if found else field.default
        origin = found.origin if found else environment.origin(name)
        yield _setting(field, name, _shown(field, value), origin)


def _setting(field: SettingsField, name: str, value: str, origin: str) -> Setting:
    return Setting(name, value, origin, field.secret, field.description)


def default_text(field: SettingsField) -> str:
    return "" if field.secret else _text(field.default)


def _shown(field: SettingsField, value: Any) -> str:
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    if plain is None or plain == "":
        return ""
    if field.url or (not field.secret and isinstance(plain, str) and "://" in plain):
        return masked(plain)
    return MASK if field.secret else _text(plain)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    return json.dumps(value, default=str) if isinstance(value, (list, tuple, dict)) else str(value)
