"""Vendors' own APIs that mint SCIM tokens, served on their target's origin beside SCIM."""

from emulator.clock import Clock
from emulator.targets import Target
from emulator.vendor_apis.auth0 import Auth0
from emulator.vendor_apis.common import Fail, VendorApi
from emulator.vendor_apis.databricks import Databricks
from emulator.vendor_apis.hcp_terraform import HcpTerraform
from emulator.vendor_apis.snowflake import Snowflake

__all__ = ["Fail", "VendorApi", "vendor_api"]

_KINDS: dict[str, type[VendorApi]] = {
    "databricks": Databricks,
    "hcp_terraform": HcpTerraform,
    "snowflake": Snowflake,
    "auth0": Auth0,
}


def vendor_api(kind: str, target: Target, clock: Clock) -> VendorApi:
    """Put the API of this kind beside a target that does not listen yet, and return it.

    Args:
        kind: databricks, hcp_terraform, snowflake or auth0.
        target: where it answers, and what its tokens open.
        clock: by which its tokens, and what is signed for it, end.
    """
    api = _KINDS[kind](target, clock)
    target.serve_beside(api)
    return api
