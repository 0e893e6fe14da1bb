"""The table of permissions as a page: every operation, what it asks for, and who has that."""

import re
from collections.abc import Iterable, Iterator

from nestegg_core.api.operation import PREFIX, Operation
from nestegg_core.users.roles import PERMISSIONS, ROLES

_HEAD = """\
# Permissions

What each role may do in an organization, and what every operation asks for. Made by `nestegg
permissions --page`; a test compares it with the code.

A user has one role in each organization that they belong to. To whoever does not belong to it, an
organization and all that is in it looks as if it were not there (404). A personal access token can
be used for what its scopes say, and for no more than its user's role allows; scopes have the
names of the permissions. Routes of plugins are left out.
"""


def permissions_page(operations: Iterable[Operation]) -> str:
    """Return the page, in Markdown."""
    of_core = [op for op in operations if not op.path.startswith(f"{PREFIX}/x/")]
    return "\n".join([_HEAD, *_roles(), "", *_operations(of_core), ""])


def _roles() -> Iterator[str]:
    yield "## Roles\n"
    yield f"| permission | {' | '.join(ROLES)} |"
    yield "|---|" + "---|" * len(ROLES)
    for permission in sorted(PERMISSIONS):
        marks = ("yes" if permission in held else "" for held in ROLES.values())
        yield f"| `{permission}` | {' | '.join(marks)} |"


def _operations(operations: Iterable[Operation]) -> Iterator[str]:
    yield "## Operations\n"
    yield "| operation | permission | roles |"
    yield "|---|---|---|"
    for op in sorted(operations, key=lambda one: (_path(one), one.method)):
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
