"""What a settings class says of itself: its variables, which are secret, their descriptions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args
from urllib.parse import unquote

from pydantic import AliasChoices, SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from nestegg_core.settings.types import Numbered
from nestegg_core.settings.urls import ShownAsUrl

_SECRET = re.compile(
    r"(?<!public)(^|_)(api_?key|credentials?|key|passphrase|passw(or)?d|secret|token)s?$",
    re.IGNORECASE,
)
"""How the names of fields end that hold a secret."""

_SECRET_VARIABLE = re.compile(
    r"(^|_)(API_?KEY|CREDENTIALS?|DSN|KEY|PASS(WOR)?D?|PASSPHRASE|SECRET|TOKEN)S?(_|\d|$)"
)
_PASSWORD = re.compile(r"://[^/@\s:]*:([^/@\s]+)@")
SHORTEST_SECRET = 4
"""Characters below which a value is no secret: it would be found in any text."""


def secrets_in(name: str, value: str) -> Iterator[str]:
    """Yield what must not be shown of a variable of which nothing is known but its name.

    Example:
        >>> list(secrets_in("ACME_TOKEN", "s3cr3t")), list(secrets_in("ACME_COLOUR", "crimson"))
        (['s3cr3t'], [])
        >>> list(secrets_in("ACME_URL", "https://ada:pass%20word@acme.example"))
        ['pass%20word', 'pass word']
    """
    if _SECRET_VARIABLE.search(name.upper()):
        yield value
    for password in _PASSWORD.findall(value):
        yield password
        if unquote(password) != password:
            yield unquote(password)


@dataclass(frozen=True, slots=True)
class SettingsField:
    """One field of a settings class.

    The first of `variables` is the preferred name. `undeclared`: a secret by its name alone. `url`:
    only its password is secret. `prefix`: of numbered variables. `default` is `None` also where it
    depends on other settings.
    """

    name: str
    variables: tuple[str, ...]
    secret: bool
    undeclared: bool
    url: bool
    prefix: str
    description: str
    default: Any

    @property
    def variable(self) -> str:
        return self.variables[0]


def fields_of(settings_class: type[BaseSettings]) -> tuple[SettingsField, ...]:
    """Return the fields of a settings class that a variable can set, in their order.

    A variable is called as its field, in capitals, after the class's `env_prefix`; or as the
    field's alias. Only flat fields are set from variables, and from names without their case.
    """
    fields = (_field(settings_class, name) for name in settings_class.model_fields)
    return tuple(field for field in fields if field.variables)


def _field(settings_class: type[BaseSettings], name: str) -> SettingsField:
    info = settings_class.model_fields[name]
    parts = [*_parts(info.annotation), *info.metadata]
    numbered = [part for part in parts if isinstance(part, Numbered)]
    prefix = numbered[0].prefix if numbered else ""
    url = any(isinstance(part, ShownAsUrl) for part in parts)
    declared = SecretStr in parts or SecretBytes in parts
    text = str in parts or bytes in parts
    undeclared = text and not declared and not url and _SECRET.search(name) is not None
    return SettingsField(
        name=name,
        variables=(f"{prefix}1",) if prefix else _variables(settings_class, name, info),
        secret=declared or undeclared,
        undeclared=undeclared,
        url=url,
        prefix=prefix,
        description=" ".join((info.description or "").split()),
        default=None if info.default is PydanticUndefined else info.default,
    )


def _variables(settings_class: type[BaseSettings], name: str, info: FieldInfo) -> tuple[str, ...]:
    config = settings_class.model_config
    alias = info.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    names = [choice for choice in choices if isinstance(choice, str)]
    if alias is None or config.get("populate_by_name") or config.get("validate_by_name"):
        names.append(config.get("env_prefix", "") + name)
    return tuple(dict.fromkeys(variable.upper() for variable in names))


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)
