"""Where raw settings come from: the process environment, files, `.env`, made secrets.

Nothing else in Nest Egg reads `os.environ`: a settings class sees what is found here and no more.
"""

import base64
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic_settings import BaseSettings

from nestegg_core.errors import Problem
from nestegg_core.settings.loading import (
    SHORTEST_SECRET,
    Source,
    Variable,
    build,
    fields_of,
    read_dotenv,
    secrets_in,
)
from nestegg_core.settings.urls import MASK


def _secret_key() -> str:
    return secrets.token_hex(32)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")


SECRET_MAKERS: Mapping[str, Callable[[], str]] = {
    "SECRET_KEY": _secret_key,
    "MASTER_ENCRYPTION_KEY": _fernet_key,
}
"""The variables that are made, and how."""


def secret_path(name: str, home: Path) -> Path:
    return home / "secrets" / name.lower()


def keep_secret(name: str, home: Path) -> tuple[str, bool]:
    """Return the kept value of a variable, and whether it was made just now.

    Processes that start together get the same value. An existing file is never replaced, whatever
    it holds.
    """
    path = secret_path(name, home)
    if path.exists():
        return _read(path), False
    path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    made = _write_once(path, SECRET_MAKERS[name]())
    return _read(path), made


def read_secret(name: str, home: Path) -> str | None:
    try:
        return _read(secret_path(name, home))
    except (OSError, UnicodeDecodeError):
        return None


def _read(path: Path) -> str:
    return path.read_text("utf-8").rstrip("\r\n")


def _write_once(path: Path, value: str) -> bool:
    # A link appears with its whole content or not at all, and fails where one is already there:
    # of two processes that start together, one wins and the other reads the winner's.
    handle, temporary = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(value + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        Path(temporary).unlink()
    return True


S = TypeVar("S", bound=BaseSettings)

DEFAULT_HOME = Path("var")
_STAGES_WITH_MADE_SECRETS = frozenset({"development", "test"})


class Environment:
    """The raw variables and where each comes from.

    First the process environment, then the `.env` file; in both, `NAME_FILE` names a file that
    holds the value of `NAME`. A variable set to nothing counts as not set. Outside production a
    missing `SECRET_KEY` or `MASTER_ENCRYPTION_KEY` is made once and kept in the data folder.
    """

    def __init__(self, sources: Sequence[Source], problems: Sequence[Problem] = ()) -> None:
        self.problems = tuple(problems)
        self.dotenv: Path | None = None
        self._sources = tuple(sources)
        self._given: dict[str, Variable] = {}
        self._notices: list[str] = []
        self._declared: set[str] = set()

    @classmethod
    def read(
        cls, environ: Mapping[str, str] | None = None, *, dotenv: Path | None = Path(".env")
    ) -> "Environment":
        """Read the sources. Raises nothing: what is wrong is collected, or found by `load`."""
        process = Source("environment", dict(os.environ if environ is None else environ))
        if dotenv is None:
            return cls([process])
        variables, problems = read_dotenv(dotenv)
        read = cls([process, Source(str(dotenv), variables)], problems)
        read.dotenv = dotenv
        return read

    @property
    def notices(self) -> tuple[str, ...]:
        return tuple(self._notices)

    def find(self, *names: str) -> Variable | None:
        """Return the variable of one setting; an earlier source beats a better name."""
        for name in names:
            if name in self._given:
                return self._given[name]
        found = (source.find(name) for source in self._sources for name in names)
        return next((variable for variable in found if variable), None)

    def numbered(self, prefix: str) -> Iterator[tuple[str, Variable]]:
        """Yield the variables `<prefix><digits>` with their digits, each from its first source."""
        digits = {d for source in self._sources for d in source.numbers(prefix)}
        for number in sorted(digits, key=lambda d: (int(d), d)):
            if variable := self.find(prefix + number):
                yield number, variable

    def load(self, settings_class: type[S]) -> S:
        """Load a settings class; make the secrets that development may do without first."""
        problems = [
            problem
            for name in self._secrets_to_make(settings_class)
            if (problem := self._keep_secret(name))
        ]
        self._remember(settings_class)
        return build(self, settings_class, problems)

    def preview(self, settings_class: type[S]) -> S:
        """Do as `load` does, but leave the disk alone: secrets not made yet are only pretended."""
        self._remember(settings_class)
        looking = self.aside()
        for name in self._secrets_to_make(settings_class):
            value = read_secret(name, self.home) or SECRET_MAKERS[name]()
            looking._given[name] = Variable(name, self.origin(name), value)
        return build(looking, settings_class)

    def aside(self) -> "Environment":
        """Return one that reads the same, and in which values can be given without a trace."""
        looking = Environment(self._sources)
        looking._given.update(self._given)
        looking._declared = self._declared
        return looking

    def scrubbed(self, text: str) -> str:
        """Return a text of others, such as an exception's, without any secret of these variables.

        Secret is what a settings class says is, what is called so, and a URL's password.
        """
        for secret in sorted(self._secrets(), key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    def _secrets(self) -> set[str]:
        found: set[str] = set()
        for name in {name for source in self._sources for name in source} | self._declared:
            variable = self.find(name)
            if variable is not None and variable.value:
                found.update(secrets_in(name, variable.value))
                found.update([variable.value] if name in self._declared else ())
        return {secret for secret in found if len(secret) >= SHORTEST_SECRET}

    def _remember(self, settings_class: type[BaseSettings]) -> None:
        for field in fields_of(settings_class):
            if field.secret and not field.url:
                self._declared.update(field.variables)

    def give(self, name: str, value: str) -> None:
        """Set a value that was worked out from the settings; its origin stays what it was.

        So a plugin's `database_url` gets the very URL that the core arrived at, its default
        included.
        """
        known = self.find(name)
        self._given[name] = Variable(name, known.origin if known else "default", value)

    def origin(self, name: str) -> str:
        """Tell `environment`, the path of `.env`, `file <path>`, `generated, <path>`, `default`."""
        if variable := self.find(name):
            return variable.origin
        if self._may_be_made(name):
            return f"generated, {secret_path(name, self.home)}"
        return "default"

    @property
    def home(self) -> Path:
        variable = self.find("NESTEGG_HOME")
        return absolute(variable.value if variable and variable.value else DEFAULT_HOME)

    def __repr__(self) -> str:
        return f"Environment({', '.join(source.label for source in self._sources)})"

    def _may_be_made(self, name: str) -> bool:
        stage = self.find("ENVIRONMENT")
        return name in SECRET_MAKERS and (stage is None or stage.value in _STAGES_WITH_MADE_SECRETS)

    def _secrets_to_make(self, settings_class: type[BaseSettings]) -> list[str]:
        declared = {name for field in fields_of(settings_class) for name in field.variables}
        return [
            name
            for name in SECRET_MAKERS
            if name in declared and self._may_be_made(name) and self.find(name) is None
        ]

    def _keep_secret(self, name: str) -> Problem | None:
        path = secret_path(name, self.home)
        try:
            value, made = keep_secret(name, self.home)
        except OSError as error:
            why = f"is not set, and none can be kept in {path} ({error.strerror})"
            return Problem(
                name, why, "set it, or let NESTEGG_HOME name a folder that can be written"
            )
        except UnicodeDecodeError:
            why = f"is not set, and {path} does not hold one"
            return Problem(name, why, "restore that file, or set the variable")
        self._given[name] = Variable(name, f"generated, {path}", value)
        if made:
            self._notices.append(
                f"{name} is not set: made one for development and kept it in {path}. "
                "Production needs one that you set yourself."
            )
        return None


def absolute(path: Path | str) -> Path:
    """Return the path in full, with `~` for the user's home."""
    # `Path.expanduser` raises where there is no such user; this leaves the path as it is.
    return Path(os.path.expanduser(path)).absolute()
