"""Addresses of IPv4 and IPv6, as text."""

import ipaddress


def parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a text is, an IPv4 one for one that IPv6 has mapped (RFC 4291); None for no address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(text: str) -> bool:
    """Tell whether a text is an address of this machine that no other reaches."""
    address = parsed(text)
    return address is not None and address.is_loopback
