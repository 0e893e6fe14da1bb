"""Secrets that are made once for development and kept in the data folder.

Production never gets one: a secret that nobody chose is one that nobody has backed up.
"""

import base64
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path


def _secret_key() -> str:
    return secrets.token_hex(32)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")


MAKERS: Mapping[str, Callable[[], str]] = {
    "SECRET_KEY": _secret_key,
    "MASTER_ENCRYPTION_KEY": _fernet_key,
}
"""The variables that are made, and how."""


def path_of(name: str, home: Path) -> Path:
    return home / "secrets" / name.lower()


def keep(name: str, home: Path) -> tuple[str, bool]:
    """Return the kept value of a variable, and whether it was made just now.

    Processes that start together get the same value. An existing file is never replaced, whatever
    it holds.
    """
    path = path_of(name, home)
    if path.exists():
        return _read(path), False
    path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    made = _write_once(path, MAKERS[name]())
    return _read(path), made


def kept(name: str, home: Path) -> str | None:
    try:
        return _read(path_of(name, home))
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
