"""Changing a `.env` file: what is not meant stays as it is, and nobody finds half a file."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.files import sync_folder

_COPY = ".before-rotation"
_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"


@dataclass(frozen=True)
class EnvFile:
    """The text of a `.env` file; `path` has its links followed: a link to it stays one."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> "EnvFile":
        """Read it as it stands, line ends included; it must be writable too."""
        path = path.resolve()
        try:
            text = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise _refused(path, f"cannot be read ({why})", "name another file") from None
        if not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            fix = "run this as the user who owns the file, or mount it so that it can be written"
            raise _refused(path, "cannot be written", fix)
        return cls(path, text)

    def lines_of(self, name: str) -> int:
        return sum(binding.key == name and bool(binding.value) for binding in self._bindings())

    def changed(
        self, new: Mapping[str, str], *, without: Sequence[str] = (), after: str = ""
    ) -> "EnvFile":
        """Return the file with other values; a new name gets a line behind that of `after`."""
        newline = "\r\n" if "\r\n" in self.text else "\n"
        bindings = self._bindings()
        lines = {name: _line_of(bindings, name) for name in new}
        added = [f"{name}={new[name]}{newline}" for name, line in lines.items() if line is None]
        parts = []
        for binding in bindings:
            original, name = binding.original.string, binding.key
            if name in without and binding.value:
                continue
            if name and binding is lines.get(name):
                original = _filled(binding, new[name])
            parts.append(original)
            if name == after and binding.value:
                parts[-1] += "" if original.endswith(("\n", "\r")) else newline
                parts += added
        bom = _BOM if self.text.startswith(_BOM) else ""
        return EnvFile(self.path, bom + "".join(parts))

    def write(self, *, spare: Path) -> None:
        """Put the text in the place of what is there; mode and owner stay.

        A file that cannot be replaced (it alone is mounted into a container, or its folder cannot
        be written to) is written in place; a copy lies beside it, or in `spare`, while that lasts.
        """
        try:
            self._replace()
        except OSError:
            self._write_in_place(spare)

    def _replace(self) -> None:
        was = self.path.stat()
        number, name = tempfile.mkstemp(dir=self.path.parent, prefix=".env-", suffix=".partial")
        try:
            with os.fdopen(number, "wb") as file:
                if (was.st_uid, was.st_gid) != _owner(number):
                    os.fchown(number, was.st_uid, was.st_gid)
                os.fchmod(number, was.st_mode & 0o7777)
                file.write(self.text.encode())
                file.flush()
                os.fsync(number)
            os.replace(name, self.path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name)
            raise
        with suppress(OSError):  # not every file system takes it, and the file is there
            sync_folder(self.path.parent)

    def _write_in_place(self, spare: Path) -> None:
        copy = self._copy(spare)
        try:
            with self.path.open("r+b") as file:
                file.write(self.text.encode())
                file.truncate()
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            why = f"could not be written in full ({error.strerror})"
            raise _refused(self.path, why, f"put {copy} in its place") from error
        copy.unlink()

    def _copy(self, spare: Path) -> Path:
        before = self.path.read_bytes()
        for folder in (self.path.parent, spare):
            copy = folder / (self.path.name + _COPY)
            try:
                number = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except FileExistsError:
                fix = f"compare it with {self.path}, keep the one that is right, and remove it"
                raise _refused(copy, "was left by a rotation that was cut short", fix) from None
            except OSError:
                continue
            with os.fdopen(number, "wb") as file:
                file.write(before)
                file.flush()
                os.fsync(number)
            return copy
        fix = f"make {self.path.parent} or {spare} writable"
        raise _refused(self.path, "cannot be replaced, nor a copy of it be kept meanwhile", fix)

    def _bindings(self) -> Sequence[Binding]:
        # A `StringIO` without `newline` would turn the ends of lines into others.
        return list(parse_stream(StringIO(self.text.removeprefix(_BOM), newline="")))


def _line_of(bindings: Sequence[Binding], name: str) -> Binding | None:
    """Return the line that sets a variable, or else the first that leaves it empty."""
    named = [one for one in bindings if one.key == name and one.value is not None]
    return next((one for one in named if one.value), named[0] if named else None)


def _filled(binding: Binding, value: str) -> str:
    head, equals, tail = binding.original.string.partition("=")
    if binding.value:
        return head + equals + tail.replace(binding.value, value, 1)
    return head + equals + value + tail.lstrip(" \t'\"")


def _owner(number: int) -> tuple[int, int]:
    is_now = os.fstat(number)
    return is_now.st_uid, is_now.st_gid


def _refused(path: Path, what: str, fix: str) -> ConfigurationError:
    return ConfigurationError([Problem(str(path), what, fix)])
