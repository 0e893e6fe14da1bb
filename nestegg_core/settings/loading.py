"""What a settings class says of itself, and how raw variables fill it or are reported as wrong."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args
from urllib.parse import unquote

from dotenv.parser import parse_stream
from pydantic import AliasChoices, BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings, EnvSettingsSource

from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.settings.types import Numbered
from nestegg_core.settings.urls import ShownAsUrl

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from nestegg_core.settings.environment import Environment


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


@dataclass(frozen=True, slots=True)
class Variable:
    """A raw value as the operator wrote it; `None` exactly when there is a problem."""

    name: str
    origin: str
    value: str | None = field(repr=False)
    problem: Problem | None = None


class Source:
    """One place with variables: the process environment or a `.env` file. Empty means not set."""

    def __init__(self, label: str, variables: Mapping[str, str]) -> None:
        self.label = label
        self._variables = {name: value for name, value in variables.items() if value}
        self._from_files: dict[str, Variable] = {}

    def find(self, name: str) -> Variable | None:
        """Return a variable by its name, or from the file that `NAME_FILE` names."""
        value, file = self._variables.get(name), self._variables.get(f"{name}_FILE")
        if value is not None and file is not None:
            problem = Problem(
                name,
                f"is set twice, as {name} and as {name}_FILE ({self.label})",
                "remove one of them",
            )
            return Variable(name, self.label, None, problem)
        if value is not None:
            return Variable(name, self.label, value)
        if file is None:
            return None
        if name not in self._from_files:  # a pipe can be read only once
            self._from_files[name] = _read_value(name, Path(file))
        return self._from_files[name]

    def __iter__(self) -> Iterator[str]:
        return iter({name.removesuffix("_FILE") for name in self._variables})

    def numbers(self, prefix: str) -> set[str]:
        pattern = re.compile(re.escape(prefix) + r"([0-9]+)(?:_FILE)?")
        return {found[1] for name in self._variables if (found := pattern.fullmatch(name))}


def read_dotenv(path: Path) -> tuple[dict[str, str], list[Problem]]:
    """Read a `.env` file, if there is one. `${NAME}` is not replaced."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return {}, []
    except OSError as error:
        return {}, [Problem(str(path), f"cannot be read ({error.strerror})", "make it readable")]
    except UnicodeDecodeError:
        return {}, [Problem(str(path), "is not UTF-8 text", "save it as UTF-8")]
    bindings = list(parse_stream(StringIO(text)))
    problems = [
        Problem(f"{path}", f"line {binding.original.line} is no setting", "write NAME=value")
        for binding in bindings
        if binding.error
    ]
    return {b.key: b.value for b in bindings if b.key and b.value}, problems


def _read_value(name: str, path: Path) -> Variable:
    origin = f"file {path}"
    try:
        value = path.read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        why = f"names a file that cannot be read ({error.strerror}: {path})"
    except UnicodeDecodeError:
        why = f"names a file that is not UTF-8 text ({path})"
    else:
        if value:
            return Variable(name, origin, value)
        why = f"names an empty file ({path})"
    fix = f"put the value of {name} into that file, readable by the user who runs Nest Egg"
    return Variable(name, origin, None, Problem(f"{name}_FILE", why, fix))


S = TypeVar("S", bound=BaseSettings)
Found = Mapping[tuple[str, str], Variable]
"""The variables in force by field and number; the number is empty for ordinary fields."""


def build(variables: "Environment", settings_class: type[S], problems: Sequence[Problem] = ()) -> S:
    """Make an instance from these variables alone, without a look at `os.environ`."""
    fields = fields_of(settings_class)
    found = dict(_find_all(variables, fields))
    known = [*problems, *(v.problem for v in found.values() if v.problem)]
    # BaseSettings' own constructor would read the process environment and the `.env` file.
    instance = settings_class.__new__(settings_class)
    errors: Sequence[ErrorDetails] = ()
    try:
        BaseModel.__init__(instance, **_values(settings_class, fields, found))
    except ValidationError as error:
        errors = error.errors(include_input=False, include_url=False)
    # Outside of `except`, so that no traceback leads back to pydantic's error and the input in it.
    blamed = {problem.where.removesuffix("_FILE") for problem in known}
    report = _Report(settings_class, fields, found)
    found_wrong = [report.problem(e) for e in errors if e["type"] != "default_factory_not_called"]
    known += [problem for problem in found_wrong if problem.where not in blamed]
    if known:
        raise ConfigurationError(known)
    return instance


def _find_all(
    variables: "Environment", fields: Sequence[SettingsField]
) -> Iterator[tuple[tuple[str, str], Variable]]:
    for each in fields:
        if each.prefix:
            for number, numbered in variables.numbered(each.prefix):
                yield (each.name, number), numbered
        elif variable := variables.find(*each.variables):
            yield (each.name, ""), variable


def _values(
    settings_class: type[BaseSettings], fields: Sequence[SettingsField], found: Found
) -> dict[str, Any]:
    raw = {
        field.variable.lower(): found[field.name, ""].value
        for field in fields
        if (field.name, "") in found
    }
    values = _Source(settings_class, raw)()
    for (name, number), variable in found.items():
        if number and variable.value is not None:
            values.setdefault(name, {})[number] = variable.value
    return values


class _Source(EnvSettingsSource):
    def __init__(self, settings_class: type[BaseSettings], raw: Mapping[str, str | None]) -> None:
        super().__init__(settings_class, case_sensitive=False)
        self.env_vars = raw

    def decode_complex_value(self, field_name: str, field: "FieldInfo", value: Any) -> Any:
        """Leave what is no JSON as it is: validation reports it together with all else."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class _Report:
    """Turns pydantic's errors into problems that never repeat a secret."""

    def __init__(
        self, settings_class: type[BaseSettings], fields: Sequence[SettingsField], found: Found
    ) -> None:
        self._class_name = settings_class.__name__
        self._fields = fields
        self._found = found
        secret = {field.name for field in fields if field.secret}
        self._secrets = [v.value for (name, _), v in found.items() if name in secret and v.value]

    def problem(self, error: "ErrorDetails") -> Problem:
        field, number = self._place(error["loc"])
        variable = self._found.get((field.name, number)) if field else None
        what, fix = self._words(error, field)
        if variable and variable.origin != "environment":
            what = f"{what} ({variable.origin})"
        if variable:
            return Problem(variable.name, what, fix)
        if field and error["type"] != "missing":  # nobody has set it
            what = what.replace("is not valid", "has a default that is not valid", 1)
            fix = f"tell the authors of {self._class_name}; until then set it: {fix}"
        return Problem(field.variable if field else self._class_name, what, fix)

    def _place(self, loc: tuple[int | str, ...]) -> tuple[SettingsField | None, str]:
        first = str(loc[0]) if loc else ""
        for each in self._fields:
            if first == each.name or first.upper() in each.variables:
                return each, str(loc[1]) if each.prefix and len(loc) > 1 else ""
        return None, ""

    def _words(self, error: "ErrorDetails", field: SettingsField | None) -> tuple[str, str]:
        about = (field and field.description) or "see the description of the setting"
        if error["type"] == "missing":
            return "is not set", f"set it: {about}"
        context = error.get("ctx", {})
        if error["type"] == "invalid_setting":
            what, fix = context["what"], context["fix"]
        else:
            text = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
            what, fix = f"is not valid: {text[:1].lower()}{text[1:]}", about
        # A plugin's validator may have put the value into its text.
        if any(secret in what or secret in fix for secret in self._secrets):
            return "is not valid", about
        return what, fix
