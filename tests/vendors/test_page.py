"""docs/vendors.md is what the catalogue says, and its example works."""

import re
from pathlib import Path

from cli.vendors_page import PAGE, vendors_page
from shared.tokens.vendors import catalogue, read_catalogue


def test_the_page_is_not_stale() -> None:
    """When this fails: run `python -m cli.vendors_page`."""
    assert PAGE.read_text(encoding="utf-8") == vendors_page()


def test_every_vendor_has_a_row_and_a_section_with_all_that_is_known() -> None:
    """Nothing that the catalogue holds is kept from the reader."""
    page = vendors_page()
    for vendor in catalogue().values():
        assert f"| {vendor.name} | `{vendor.key}` | " in page
        section = page.partition(f"\n### {vendor.name}\n")[2].partition("\n### ")[0]
        said = (vendor.console, vendor.revoke, *vendor.gallery, *vendor.hosts, *vendor.keys, *vendor.cautions)
        assert all(text in section for text in (*said, *vendor.sources))


def test_the_example_on_the_page_is_a_catalogue(tmp_path: Path) -> None:
    """Whoever copies it has a working entry."""
    example = re.search(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    (tmp_path / "vendors.json").write_text(example[1], encoding="utf-8")
    assert len(read_catalogue(tmp_path / "vendors.json")) == len(read_catalogue()) + 1
