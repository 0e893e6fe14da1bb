"""Nobody is locked in: `docs/encryption.md` says how to open a value, and its code does it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from support.rotation import KEYS, Notes, Process, stored_note

GUIDE = Path(__file__).parents[2] / "docs" / "encryption.md"


@pytest.fixture(scope="module")
def open_value() -> Callable[..., str]:
    """The function that the guide prints; it uses nothing of Nest Egg."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    assert "nestegg" not in code
    scope: dict[str, Callable[..., str]] = {}
    exec(code, scope)  # noqa: S102 - our own guide
    return scope["open_value"]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")
def test_the_guides_code_opens_what_is_stored(
    process: Process, open_value: Callable[..., str]
) -> None:
    notes = Notes()
    notes.furnish(process(1), 1, 3)
    runtime = process(2, 1)
    place, other = sorted(place for place, text in notes.texts.items() if text)
    notes.write(runtime, other, "Zürich 7")
    for (org_id, row_id), key in ((place, KEYS[1]), (other, KEYS[2])):
        stored = stored_note(runtime.storage, (org_id, row_id))
        text = open_value(stored, key, str(org_id), "transactions", "notes", str(row_id))
        assert text == notes.texts[org_id, row_id]
