"""Which plugin ended the process when it was imported: a file tells the next one.

Python cannot stop `os._exit` or a crash in a library written in C. So each import leaves a crumb in
the data folder, locked by its process, and takes it away again. One that is there and not locked
belongs to a process that has ended meanwhile.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FOLDER = "imports"
ENOUGH = 2
"""How many processes in a row a plugin may end until it is left out: one may have been killed."""


class Crumbs:
    """The crumbs of one data folder. Without a folder that can be written to there are none."""

    def __init__(self, home: Path | None) -> None:
        self._home = home
        self._folder = home / FOLDER if home else None

    def deaths(self, plugin: str, version: str) -> int:
        """Return how many processes ended while they imported this version of a plugin."""
        return sum(1 for crumb in self._of(plugin, version) if _is_left(crumb))

    def path(self, plugin: str) -> str:
        return f"{self._folder}/{plugin}@*"

    @contextmanager
    def importing(self, plugin: str, version: str) -> Iterator[None]:
        """Leave a crumb until the import has come back, however it went."""
        made_home = self._make_folder()
        crumb = self._leave(plugin, version)
        try:
            yield
        finally:
            if crumb is not None:
                self._forget(plugin)
                os.close(crumb)  # only now: what is there and not locked counts as a death
            if self._folder is not None:
                with suppress(OSError):
                    self._folder.rmdir()
                    if made_home and self._home is not None:
                        self._home.rmdir()

    def _make_folder(self) -> bool:
        if self._folder is None or self._home is None:
            return False
        made_home = not self._home.exists()
        with suppress(OSError):
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
        return made_home

    def _leave(self, plugin: str, version: str) -> int | None:
        if self._folder is None:
            return None
        path = self._folder / f"{plugin}@{_plain(version)}@{os.getpid()}-{os.urandom(4).hex()}"
        fresh = path.with_name(f".{path.name}")
        try:
            crumb = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except OSError:
            return None
        with suppress(OSError):
            fcntl.flock(crumb, fcntl.LOCK_EX)
            fresh.rename(path)  # locked before anybody can see it
        return crumb

    def _forget(self, plugin: str) -> None:
        """It came back: what is left of others that did not is out of date, and so is ours."""
        for crumb in self._of(plugin, "*"):
            if f"@{os.getpid()}-" in crumb.name or _is_left(crumb):
                with suppress(OSError):
                    crumb.unlink()

    def _of(self, plugin: str, version: str) -> list[Path]:
        if self._folder is None:
            return []
        version = version if version == "*" else _plain(version)
        with suppress(OSError):
            return list(self._folder.glob(f"{plugin}@{version}@*"))
        return []


def _is_left(crumb: Path) -> bool:
    try:
        opened = os.open(crumb, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(opened).st_nlink > 0
    except OSError:  # it is being imported just now
        return False
    finally:
        os.close(opened)


def _plain(version: str) -> str:
    return "".join(letter if letter.isalnum() or letter in ".+-" else "_" for letter in version)
