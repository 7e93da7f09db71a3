"""What is known of vendors' SCIM tokens, and how one is minted where a vendor's API allows it."""

from shared.tokens.vendors.catalogue import (
    Auth,
    Confidence,
    InvalidCatalogue,
    Lifetime,
    Obtain,
    Overlap,
    Vendor,
    catalogue,
    read_catalogue,
    vendor_for,
    vendor_named,
)

__all__ = [
    "Auth",
    "Confidence",
    "InvalidCatalogue",
    "Lifetime",
    "Obtain",
    "Overlap",
    "Vendor",
    "catalogue",
    "read_catalogue",
    "vendor_for",
    "vendor_named",
]
