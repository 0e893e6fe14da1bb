"""What a process of another user needs of this one's Python, in a folder that anybody may enter.

The interpreter and the libraries may lie below somebody's home, whose mode keeps others out. Links
to them are worth nothing to another user, so these are copies.
"""

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.environments import TAKES_PART

_NOT_NEEDED = shutil.ignore_patterns("site-packages", "test", "idlelib", "ensurepip", "config-*")


def lend_libraries(folder: Path, *names: str) -> None:
    """Copy all that these distributions depend on, but nothing of Nest Egg."""
    for name, found in _closure(names).items():
        if name.startswith(TAKES_PART):
            continue
        for file in found.files or ():
            source = Path(str(found.locate_file(file)))
            if ".." not in file.parts and source.is_file():
                _copy(source, folder / file)


@contextmanager
def lent_interpreter(environment: Path, folder: Path) -> Iterator[dict[str, str]]:
    """Let a virtual environment run on a copy of its interpreter while the block runs.

    Yields:
        variables that it needs for that.
    """
    base = Path(sys.base_prefix)
    library = Path(sysconfig.get_path("stdlib"))
    program = folder / "bin" / Path(sys._base_executable).name  # type: ignore[attr-defined]
    _copy(Path(os.path.realpath(sys.executable)), program)
    shutil.copytree(library, folder / library.relative_to(base), ignore=_NOT_NEEDED)
    shared = Path(str(sysconfig.get_config_var("LIBDIR"))) / str(
        sysconfig.get_config_var("INSTSONAME")
    )
    if shared.suffix != ".a" and shared.is_file():
        _copy(shared, folder / "lib" / shared.name)
    links = (path for path in (environment / "bin").glob("python*") if path.is_symlink())
    (link,) = (path for path in links if path.readlink().is_absolute())
    settings = environment / "pyvenv.cfg"
    before = link.readlink(), settings.read_text("utf-8")
    lines = [line for line in before[1].splitlines() if not line.startswith("home ")]
    try:
        link.unlink()
        link.symlink_to(program)
        settings.write_text("\n".join([f"home = {program.parent}", *lines, ""]), "utf-8")
        yield {"LD_LIBRARY_PATH": str(folder / "lib")}
    finally:
        link.unlink()
        link.symlink_to(before[0])
        settings.write_text(before[1], "utf-8")


def _closure(names: tuple[str, ...]) -> dict[str, Distribution]:
    found: dict[str, Distribution] = {}
    wanted = [(Requirement(name), "") for name in names]
    while wanted:
        requirement, extra = wanted.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        is_new = name not in found
        try:
            found.setdefault(name, distribution(requirement.name))
        except PackageNotFoundError:
            continue  # an optional one
        extras = [*requirement.extras, *([""] if is_new else [])]
        further = map(Requirement, found[name].requires or ())
        wanted += [(each, extra) for each in further for extra in extras]
    return found


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def open_to_all(folder: Path) -> None:
    """Do as `chmod -R a+rX` does: a strict umask may have made what was copied."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(path.stat().st_mode | (0o555 if runs else 0o444))
