"""`docs/permissions.md` tells what the code does."""

from pathlib import Path

from nestegg_core.api.app import operations
from nestegg_core.application import Runtime
from nestegg_core.users.roles import PERMISSIONS, ROLES
from support.command_line import CommandLine
from support.generated import permissions_page

PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"


def test_the_page_is_what_the_code_says(runtime: Runtime) -> None:
    written = PAGE.read_text(encoding="utf-8")

    page = permissions_page(operations(runtime))
    assert written == page, "run: make docs"


def test_every_operation_stands_there_with_its_roles(runtime: Runtime) -> None:
    lines = permissions_page(operations(runtime)).splitlines()
    change = "| `PATCH /api/v1/organizations/{org_id}/members/{user_id}` |"

    assert f"{change} `members:write` | admin, owner |" in lines
    assert sum(line.startswith("| `") for line in lines) == len(PERMISSIONS) + len(
        [op for op in operations(runtime) if "/api/v1/x/" not in op.path]
    )


def test_the_command_shows_each_role(tmp_path: Path) -> None:
    shown = CommandLine({"NESTEGG_HOME": str(tmp_path)})("permissions").stdout.splitlines()

    assert shown[0].split() == ["PERMISSION", *map(str.upper, ROLES)]
    assert ["organization:write", "-", "-", "-", "yes"] in [line.split() for line in shown]
