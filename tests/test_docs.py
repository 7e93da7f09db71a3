"""The pages hold together: every link leads to a file, and every anchor to a heading."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def _anchors(text: str) -> set[str]:
    """Return what GitHub calls the headings: lower case, no punctuation, a hyphen for each space."""
    headings = re.findall(r"^#+ (.+)$", _CODE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _broken(page: Path, text: str) -> list[str]:
    found = []
    for link in _LINK.findall(_CODE.sub("", text)):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            found.append(f"{link}: there is no such file")
        elif anchor and target.suffix == ".md" and anchor not in _anchors(target.read_text("utf-8")):
            found.append(f"{link}: there is no such heading")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Files and headings that pages link to exist."""
    assert _broken(page, page.read_text("utf-8")) == []


def test_a_broken_link_is_found() -> None:
    """A missing file and a missing heading are both named; a link in a block of code is none."""
    text = "[a](nowhere.md) [b](README.md#nothing-here) [c](README.md#deploy)\n```\n[d](x.md)\n```\n"
    found = _broken(ROOT / "README.md", text)
    assert [one.partition(":")[0] for one in found] == ["nowhere.md", "README.md#nothing-here"]
