"""`docs/hardening.md` names tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(
    r"`((?:tests|plugins|nestegg_core|benchmarks)[\w/.]*\.py)?(?:::(\w+))?(?:::\w+)?`"
)


def test_every_test_that_it_names_is_there() -> None:
    text = (ROOT / "docs" / "hardening.md").read_text(encoding="utf-8")
    missing, file = [], ""
    for found in NAMED.finditer(text):
        file, name = found[1] or file, found[2]
        if not found[1] and not name:
            continue
        path = ROOT / file
        if not path.is_file():
            missing.append(file)
        elif name and not re.search(rf"(def|class) {name}\b", path.read_text(encoding="utf-8")):
            missing.append(f"{file}::{name}")

    assert missing == []
