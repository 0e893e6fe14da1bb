"""The table of scopes in `docs/identity.md` says what the code does."""

import re
from pathlib import Path

from nestegg_core.auth.builtin.personal_tokens import (
    DEFAULT_DAYS,
    MAX_DAYS,
    USE_NOTED_EVERY,
    new_token,
)
from nestegg_core.cli.commands.user import DEFAULT_HOURS
from nestegg_core.retention.cleanup import EXPIRED_TOKEN_DAYS
from nestegg_core.settings import Settings
from nestegg_core.users.roles import ROLES, SCOPES

GUIDE = (Path(__file__).parents[2] / "docs" / "identity.md").read_text(encoding="utf-8")
SECTION = GUIDE.partition("## Personal access tokens\n")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| `([a-z]+:[a-z]+)` \| [^|]+ \|(.*)\|$", SECTION, flags=re.MULTILINE)


def test_the_table_has_every_scope_once_and_no_other() -> None:
    assert sorted(scope for scope, _ in ROWS) == sorted(SCOPES)


def test_the_table_tells_the_permissions_of_every_role() -> None:
    header = re.search(r"^\| Scope \| The token may \|(.*)\|$", SECTION, flags=re.MULTILINE)
    assert header
    roles = [name.strip() for name in header[1].split("|")]
    assert set(roles) == set(ROLES)
    for scope, cells in ROWS:
        said = dict(zip(roles, (cell.strip() for cell in cells.split("|")), strict=True))
        assert said == {role: "yes" if scope in ROLES[role] else "" for role in roles}, scope


def test_the_section_has_the_numbers_and_the_form_of_the_code() -> None:
    text = " ".join(SECTION.split())
    assert f"after {DEFAULT_DAYS} days unless something else is said" in text
    assert f"after {MAX_DAYS} days at the latest" in text
    most = Settings.model_fields["max_personal_tokens_per_user"].default
    assert f"at most {most} that are alive" in text
    assert (EXPIRED_TOKEN_DAYS, "listed for another month" in text) == (30, True)
    assert (USE_NOTED_EVERY.total_seconds(), "to within five minutes" in text) == (300, True)
    assert (DEFAULT_HOURS, "good for an hour unless" in text) == (1, True)
    form = re.search(r"A token looks like `([^`]+)`", text)
    assert form
    assert re.fullmatch(form[1], new_token())
