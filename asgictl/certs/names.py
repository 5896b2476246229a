"""The names a certificate is for, as text: host names in lower case and ASCII, and IP addresses.

RFC 5280 section 4.2.1.6 says which there are, RFC 6125 section 6.4 how clients match them.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from asgictl.errors import ConfigError

LOCAL = ("localhost", "*.dev.localhost", "127.0.0.1", "::1")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_LONGEST = 253  # RFC 1035 section 2.3.4, without the dots at both ends


class Constraints(NamedTuple):
    """What an authority may vouch for: these domains with all below them, and the addresses of these networks."""

    domains: tuple[str, ...] = ("localhost", "test", "internal", "local")
    networks: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))

    def permit(self, name: str) -> bool:
        """Tell whether `name` is inside (RFC 5280 section 4.2.1.10)."""
        if address := ip(name):
            return any(address in network for network in self.networks)
        name = name.removeprefix("*.")
        return any(name == domain or name.endswith(f".{domain}") for domain in self.domains)

    def widened(self, places: Iterable[str]) -> "Constraints":
        """Return these and `places`, domains or networks; raise `ConfigError` for what is neither."""
        domains, networks = list(self.domains), list(self.networks)
        for place in places:
            network = _network(place)
            if network is not None:
                networks += [network] if network not in networks else []
            elif not self.permit(domain := _host(place.removeprefix("."), option="ca-permit")):
                domains += [domain] if domain not in domains else []
        return Constraints(tuple(domains), tuple(networks))

    def __str__(self) -> str:
        return ", ".join([*self.domains, *map(str, self.networks)])


def parse(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the names in `texts`, each once; raise `ConfigError` for what no client would accept."""
    return tuple(dict.fromkeys(_name(text.strip()) for text in texts))


def ip(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return `name` as an address if it is one."""
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def match(names: Iterable[str], host: str) -> bool:
    """Tell whether a certificate for `names` is one for `host`: a `*` stands for one label (RFC 6125 section 6.4.3).

    A `_` is in no host name, and all clients accept it (measured).
    """
    host = host.lower().removesuffix(".")
    known = {name.lower() for name in names}
    if address := ip(host):
        return str(address) in known
    label, _, parent = host.partition(".")
    return host in known or (f"*.{parent}" in known and _LABEL.fullmatch(label.replace("_", "a")) is not None)


def _name(text: str) -> str:
    if address := ip(text.removeprefix("[").removesuffix("]")):
        if getattr(address, "scope_id", None):
            raise _refused(text, "has a zone, which is of this machine alone", "leave out what is behind the `%`")
        if address.is_unspecified:
            raise _refused(text, "is where to listen, not where to connect to", "name 127.0.0.1, ::1 or a real address")
        return str(address)
    if not text.startswith("*"):
        return _host(text)
    parent = text.removeprefix("*.")
    if parent in {"*", ""} or "*" in parent:
        raise _refused(text, "is not a name that clients accept", "name a domain, like `*.dev.localhost`")
    if parent == "localhost":
        raise _refused(text, "is accepted by no client", "name one level more: `*.dev.localhost`")
    host = _host(parent)
    if "." not in host:
        hint = f"name the hosts, or one level more: `*.dev.{host}`"
        raise _refused(text, "is too wide for any client to accept", hint)
    return f"*.{host}"


def _host(text: str, option: str = "names") -> str:
    """Return a host name in the form that certificates have."""
    host = text.lower().removesuffix(".")
    if "://" in host or "/" in host or host.rpartition(":")[2].isdecimal():
        bare = re.sub(r"^[a-z]+://|[:/].*$", "", re.sub(r"^[a-z]+://", "", host))
        raise _refused(text, "is not a host name", f"name the host alone: `{bare or 'localhost'}`", option)
    if not host.isascii():
        host = _ascii(text, host, option)
    labels = host.split(".")
    if not all(map(_LABEL.fullmatch, labels)) or len(host) > _LONGEST:
        hint = "write `-` for `_`" if "_" in host else "use letters, digits, `-` and dots"
        raise _refused(text, "is not a host name", hint, option)
    if labels[-1].isdecimal():
        raise _refused(text, "is neither a host name nor an IP address", "put it right, like 127.0.0.1", option)
    return host


def _ascii(text: str, host: str, option: str) -> str:
    """Return an international name as browsers do (UTS 46)."""
    import idna

    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError as error:
        problem = f"is not an international host name: {error}"
        raise _refused(text, problem, "see that it is spelled right", option) from error


def _network(text: str) -> Network | None:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        if "host bits" in str(error):
            raise _refused(
                text, "is no network", f"write `{ipaddress.ip_network(text, strict=False)}`", "ca-permit"
            ) from error
        return None
    return network


def _refused(text: str, problem: str, hint: str, option: str = "names") -> ConfigError:
    return ConfigError(f"`{text}` {problem}", hint=hint, option=option)
