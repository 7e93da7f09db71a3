"""Which addresses belong to the public internet; pure."""

import ipaddress

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PLATFORM = ipaddress.ip_address("168.63.129.16")  # Azure's own services for a virtual machine: public by number only


def is_public(address: str) -> bool:
    """Say whether an address is a public one; one that carries another inside is as public as that.

    What cannot be read is not public.
    """
    try:
        read = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(read, ipaddress.IPv6Address):
        inner = _carried(read)
        if inner is not None:
            return is_public(str(inner))
    return read.is_global and not read.is_multicast and read != _PLATFORM


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
