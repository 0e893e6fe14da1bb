"""Writes down what the code says: `.env.example`, `settings.md` and `permissions.md`.

`make docs` runs it; tests compare the files with the code.
"""

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from pydantic_settings import BaseSettings

from nestegg_core.api.app import operations
from nestegg_core.api.operation import PREFIX, Operation
from nestegg_core.application import start
from nestegg_core.cli.inspection import sections
from nestegg_core.plugin_host import PluginHost
from nestegg_core.settings import Environment, env_example
from nestegg_core.settings.loading import SettingsField
from nestegg_core.settings.report import default_text, fields_by_heading
from nestegg_core.users.roles import PERMISSIONS, ROLES

ROOT = Path(__file__).parents[1]

SETTINGS = """\
# Settings

Every setting is an environment variable. It may also stand in `.env`, or in a file of its own that
`NAME_FILE` names. Lists are written with commas. `nestegg config` shows what is in force and where
it comes from. This page is made from the settings themselves: `make docs`.
"""

PERMISSIONS_HEAD = """\
# Permissions

What each role may do in an organization, and what every operation asks for. Made by `make docs`; a
test compares it with the code.

A user has one role in each organization that they belong to. To whoever does not belong to it, an
organization and all that is in it looks as if it were not there (404). A personal access token can
be used for what its scopes say, and for no more than its user's role allows; scopes have the
names of the permissions. Routes of plugins are left out.
"""


def plugins_of_this_repository() -> list[EntryPoint]:
    """Leave out what else is installed."""
    folders = {path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml")}
    return [point for point in entry_points(group="nestegg.plugins") if point.name in folders]


def settings_page(classes: Sequence[tuple[str, type[BaseSettings]]]) -> str:
    """Return a Markdown page of every variable: a table under each heading."""
    tables = (
        f"\n## {heading}\n\n{_settings_table(fields)}"
        for heading, fields in fields_by_heading(classes)
    )
    return "".join((SETTINGS, *tables))


def _settings_table(fields: Sequence[SettingsField]) -> str:
    rows = ["| Variable | Default | What it does |", "|---|---|---|"]
    for field in fields:
        names = " or ".join(f"`{variable}`" for variable in field.variables)
        default = f"`{default_text(field)}`" if default_text(field) else ""
        cells = (cell.replace("|", "\\|") for cell in (names, default, field.description))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def permissions_page(known: Iterable[Operation]) -> str:
    """Return a Markdown page of every operation: what it asks for, and who has that."""
    of_core = [op for op in known if not op.path.startswith(f"{PREFIX}/x/")]
    return "\n".join([PERMISSIONS_HEAD, *_roles(), "", *_operations(of_core), ""])


def _roles() -> Iterator[str]:
    yield "## Roles\n"
    yield f"| permission | {' | '.join(ROLES)} |"
    yield "|---|" + "---|" * len(ROLES)
    for permission in sorted(PERMISSIONS):
        marks = ("yes" if permission in held else "" for held in ROLES.values())
        yield f"| `{permission}` | {' | '.join(marks)} |"


def _operations(known: Iterable[Operation]) -> Iterator[str]:
    yield "## Operations\n"
    yield "| operation | permission | roles |"
    yield "|---|---|---|"
    for op in sorted(known, key=lambda op: (_path(op), op.method)):
        yield f"| `{op.method} {_path(op)}` | {_permission(op)} | {_who(op)} |"


def _path(op: Operation) -> str:
    """Return a path as the API's document has it, without converters."""
    return re.sub(r":\w+\}", "}", op.path)


def _permission(op: Operation) -> str:
    if op.public:
        return ""
    own = f", or `{op.own}` for oneself" if op.own else ""
    return f"`{op.scope}`{own}"


def _who(op: Operation) -> str:
    if op.public:
        return "everyone"
    if op.administrators:
        return "administrators of the instance"
    if not op.permission:
        return "everyone signed in"
    return ", ".join(role for role, held in ROLES.items() if op.permission in held)


def main() -> None:
    classes = sections(PluginHost.discover(entry_points=plugins_of_this_repository()))
    (ROOT / ".env.example").write_text(env_example(classes), "utf-8")
    (ROOT / "docs" / "settings.md").write_text(settings_page(classes), "utf-8")
    with tempfile.TemporaryDirectory() as home:
        runtime = start(Environment.read({"NESTEGG_HOME": home}, dotenv=None))
        (ROOT / "docs" / "permissions.md").write_text(
            permissions_page(operations(runtime)), "utf-8"
        )
        runtime.storage.dispose()


if __name__ == "__main__":
    main()
