"""The core stays small, and a stranger finds their way: `make size` prints what is counted here."""

from collections import Counter
from pathlib import Path

CORE = Path(__file__).parents[1] / "nestegg_core"
FILES = [path for path in sorted(CORE.rglob("*.py")) if "__pycache__" not in path.parts]


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_the_core_is_small() -> None:
    assert len(FILES) <= 215
    assert sum(map(lines, FILES)) <= 35_500


def test_no_folder_has_more_files_than_one_takes_in() -> None:
    counts = Counter(path.parent for path in FILES)

    assert {str(folder): count for folder, count in counts.items() if count > 12} == {}


def test_the_composition_root_fits_on_a_few_screens() -> None:
    assert lines(CORE / "application.py") <= 200
