"""The vendor catalogue as docs/vendors.md shows it; `python -m cli.vendors_page` writes that page."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from shared.tokens.vendors import Auth, Lifetime, Obtain, Overlap, Vendor, read_catalogue

PAGE = Path(__file__).resolve().parent.parent / "docs" / "vendors.md"
_HEAD = """# Vendors

<!-- written by python -m cli.vendors_page from shared/tokens/vendors/catalogue.json -->

What Pratique knows of vendors' SCIM tokens. The tag `pratique-vendor` of a secret names an entry by its key. A vendor
that is not here works all the same, with a tenant URL in the tag `pratique-tenant-url`.

- **Host**: a token goes to a named host without further ado. A host with a `*` is shared by the vendor's customers, so
  the binding must name its own tenant URL.
- **Lifetime**: a fixed one gives a date to warn of; one that an administrator chooses says nothing about one token.
- **Overlap**: what a new token does to the old one.
- **Sure**: *documented* when every fact stands in the sources, *inferred* when at least one was reasoned from them or
  comes from a third party.

## Adding a vendor

Write a `vendors.json` beside `host.json`. An entry needs a `name` and `hosts` or `gallery` (names of the application);
what is left out counts as not known, and a token as made in a console. An entry with a key of ours replaces ours whole.
Every field is described in [`schema.json`](../shared/tokens/vendors/schema.json), and the file is checked against it
when it is read: one that is wrong is refused as a whole, with the entry and the field.

```json
{
  "vendors": {
    "contoso-hr": {
      "name": "Contoso HR",
      "hosts": ["scim.contoso.com"],
      "lifetime": "fixed",
      "lifetime_days": 90,
      "overlap": "none",
      "console": "Settings > Provisioning > New token",
      "cautions": ["A new token ends the old one at once."],
      "sources": ["Contoso HR handbook, chapter 4"]
    }
  }
}
```

## All vendors
"""
_AUTH = {
    Auth.BEARER: "bearer token",
    Auth.BASIC: "user name with password or token",
    Auth.OAUTH_CODE: "an administrator's consent",
    Auth.CLIENT_CREDENTIALS: "client id and secret",
    Auth.UNKNOWN: "not known",
}
_OBTAIN = {
    Obtain.API: "API",
    Obtain.CONSOLE: "console",
    Obtain.OAUTH: "consent",
    Obtain.NONE: "nothing to make",
    Obtain.UNKNOWN: "not known",
}
_OVERLAP = {
    Overlap.NONE: "old one ends at once",
    Overlap.WINDOW: "old one lives {window} longer",
    Overlap.COEXIST: "both live",
    Overlap.UNKNOWN: "not known",
}
_LIFETIME = {
    Lifetime.FIXED: "{length}",
    Lifetime.CHOSEN: "chosen",
    Lifetime.ENDLESS: "without end",
    Lifetime.UNKNOWN: "not known",
}


def vendors_page() -> str:
    """Return the page in Markdown: how to add a vendor, a table of all, and a section each."""
    vendors = sorted(read_catalogue().values(), key=lambda vendor: vendor.name.casefold())
    return "\n".join([_HEAD, *_table(vendors), "", *(line for vendor in vendors for line in _section(vendor))])


def _table(vendors: Iterable[Vendor]) -> Iterable[str]:
    yield "| vendor | key | a token is had by | lifetime | a new token | sure |"
    yield "|---|---|---|---|---|---|"
    for vendor in vendors:
        obtain = f"{_OBTAIN[vendor.obtain]}, Pratique can mint" if vendor.adapter else _OBTAIN[vendor.obtain]
        cells = (vendor.name, f"`{vendor.key}`", obtain, _lifetime(vendor), _overlap(vendor), vendor.confidence.value)
        yield f"| {' | '.join(map(_cell, cells))} |"


def _section(vendor: Vendor) -> Iterable[str]:
    yield f"### {vendor.name}"
    yield ""
    facts = {
        "Application": ", ".join(vendor.gallery),
        "Hosts": ", ".join(f"`{host}`" for host in vendor.hosts) or "not known: name the tenant URL in the binding",
        "Signs in with": _AUTH[vendor.auth]
        + (f" ({', '.join(f'`{key}`' for key in vendor.keys)})" if vendor.keys else ""),
        "Where": vendor.console,
        "Old token": vendor.revoke,
        "Mind": " ".join(vendor.cautions),
        "Sources": "; ".join(vendor.sources),
    }
    yield from (f"- **{name}**: {fact}" for name, fact in facts.items() if fact)
    yield ""


def _lifetime(vendor: Vendor) -> str:
    length = _length(vendor.lifetime) if vendor.lifetime else ""
    said = _LIFETIME[vendor.lifetime_kind].format(length=length)
    return f"{said} (default or most: {length})" if vendor.lifetime_kind is Lifetime.CHOSEN and length else said


def _overlap(vendor: Vendor) -> str:
    return _OVERLAP[vendor.overlap].format(window=_length(vendor.window) if vendor.window else "")


def _length(length: timedelta) -> str:
    count, unit = (length.days, "day") if length >= timedelta(days=2) else (length // timedelta(hours=1), "hour")
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


if __name__ == "__main__":
    PAGE.write_text(vendors_page(), encoding="utf-8")
