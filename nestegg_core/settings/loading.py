"""From raw variables to an instance of a settings class, or a report of all that is wrong."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource

from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.settings.fields import SettingsField, fields_of
from nestegg_core.settings.sources import Variable

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

S = TypeVar("S", bound=BaseSettings)
Found = Mapping[tuple[str, str], Variable]
"""The variables in force by field and number; the number is empty for ordinary fields."""


class Variables(Protocol):
    """Where variables are looked up."""

    def find(self, *names: str) -> Variable | None:
        """Return the variable in force of several names."""
        ...

    def numbered(self, prefix: str) -> Iterator[tuple[str, Variable]]:
        """Yield the numbered variables with their digits."""
        ...


def build(variables: Variables, settings_class: type[S], problems: Sequence[Problem] = ()) -> S:
    """Make an instance from these variables alone, without a look at `os.environ`.

    Args:
        variables: where to look.
        settings_class: pydantic's alias rules and JSON values work as usual in it.
        problems: already known ones, to be reported with the rest.

    Raises:
        ConfigurationError: with every problem.
    """
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
    variables: Variables, fields: Sequence[SettingsField]
) -> Iterator[tuple[tuple[str, str], Variable]]:
    for field in fields:
        if field.prefix:
            for number, numbered in variables.numbered(field.prefix):
                yield (field.name, number), numbered
        elif variable := variables.find(*field.variables):
            yield (field.name, ""), variable


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
    """pydantic-settings' reading of variables, with ours in place of `os.environ`."""

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
        """Return the problem of one of pydantic's errors."""
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
        for field in self._fields:
            if first == field.name or first.upper() in field.variables:
                return field, str(loc[1]) if field.prefix and len(loc) > 1 else ""
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
