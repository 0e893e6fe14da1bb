"""The table of permissions."""

from nestegg_core.users.roles import LEAVE, PERMISSIONS, READ, ROLES


def test_each_role_may_do_what_the_one_below_may() -> None:
    assert ROLES["viewer"] < ROLES["member"] < ROLES["admin"] < ROLES["owner"] == PERMISSIONS


def test_a_viewer_may_only_read_and_leave() -> None:
    assert ROLES["viewer"] == READ | LEAVE
    assert all(permission.endswith(":read") for permission in READ)


def test_only_an_owner_may_change_the_organization() -> None:
    may = {role for role, permissions in ROLES.items() if "organization:write" in permissions}
    assert may == {"owner"}
