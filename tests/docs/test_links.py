"""Links between the project's pages lead somewhere, and every page is found from the README."""

import re
from pathlib import Path

import pytest

from support.environments import ROOT
from support.guide import headings

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]+)?\)")


def links(page: Path) -> list[tuple[Path, str]]:
    """Return the files that a page links to, each with its anchor."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [
        ((page.parent / name).resolve() if name else page, anchor.removeprefix("#"))
        for name, anchor in _LINK.findall(text)
    ]


def anchors(page: Path) -> set[str]:
    """Return the names of a page's headings in links, as GitHub and most others make them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings(page.read_text("utf-8"))
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    for file, anchor in links(page):
        assert file.exists(), f"{page.name} links to {file.name}"
        assert not anchor or anchor in anchors(file), f"{page.name} links to #{anchor}"


def test_every_page_is_found_from_the_readme() -> None:
    found, new = set[Path](), {ROOT / "README.md"}
    while new:
        found |= new
        new = {file for page in new for file, _ in links(page) if file in PAGES} - found
    assert found == set(PAGES)
