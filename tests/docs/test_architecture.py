"""`ARCHITECTURE.md` and `CONTRIBUTING.md` say what is there, in words that the code uses."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "nestegg_core"
PAGES = ("ARCHITECTURE.md", "CONTRIBUTING.md")

RETIRED = {
    "person": r"\b[Pp]ersons?\b|[a-z_]persons?\b|\b[Pp]eople\b",
    "proved": r"\b([Uu]n)?prove[dns]?\b",
    "door": r"\b[Dd]oors?\b",
    "envelope": r"\bEnvelope\b",
    "book of jobs": r"\bJobBook\b|\bbook of jobs\b",
    "guards": r"\bguards/|nestegg_core\.guards",
}
"""Words that had another beside them for the same thing; `ARCHITECTURE.md` has those that stay."""

OTHERS = {"LICENSE", "CHANGELOG.md", "tests/docs/test_architecture.py"}


def texts() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "nestegg_core", "docs", "plugins/*/nestegg_*", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in sorted(set(listed) - OTHERS):
        path = ROOT / name
        if path.suffix in {".py", ".md", ".tmpl", ".html"} and path.is_file():
            yield name, path.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`(\w[\w./-]*/[\w.-]+)`", text)

    assert [
        name
        for name in named
        if not any((base / name).exists() for base in (ROOT, CORE, ROOT / "plugins"))
    ] == []


def test_the_architecture_fits_on_four_screens() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()) <= 200


def test_the_glossary_has_at_most_thirty_words() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    glossary = text.partition("## Glossary")[2].partition("\n## ")[0]

    assert 10 <= len(re.findall(r"^\| (?!word|---)", glossary, re.MULTILINE)) <= 30


@pytest.mark.parametrize("word", RETIRED)
def test_nobody_writes_a_word_that_was_retired(word: str) -> None:
    pattern = re.compile(RETIRED[word])

    assert [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ] == []
