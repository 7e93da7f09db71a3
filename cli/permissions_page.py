"""The table of permissions as docs/security.md shows it; `python -m cli.permissions_page` writes it into that page."""

from pathlib import Path

from shared.clients.permissions import GRANTS, NEEDS, Permission

PAGE = Path(__file__).resolve().parent.parent / "docs" / "security.md"
BEGINS = "<!-- permissions begin: written by python -m cli.permissions_page -->"
ENDS = "<!-- permissions end -->"
_SYNCHRONIZATION = "/servicePrincipals/{id}/synchronization"


def permissions_page() -> str:
    """Return the table in Markdown: each permission, what it is for, where it is granted, the calls that need it."""
    rows = [_row(permission) for permission in GRANTS]
    head = ["| permission | for | granted in | calls |", "|---|---|---|---|"]
    return "\n".join([BEGINS, "", *head, *rows, "", ENDS])


def with_permissions(page: str) -> str:
    """Return the page with the table that is in force between its marks."""
    return page[: page.index(BEGINS)] + permissions_page() + page[page.index(ENDS) + len(ENDS) :]


def _row(permission: Permission) -> str:
    grant = GRANTS[permission]
    if permission is Permission.OWNED:
        calls = "those of the two above"
    else:
        calls = ", ".join(f"`{_short(need.call)}`" for need in NEEDS if need.permission is permission)
    return f"| {permission} | {grant.why} | {grant.where} | {calls} |"


def _short(call: str) -> str:
    return call.replace(_SYNCHRONIZATION, "…/synchronization")


if __name__ == "__main__":
    PAGE.write_text(with_permissions(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
