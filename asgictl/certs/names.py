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

ALL: tuple[Network, ...] = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))

# With `_`, which no host name has (RFC 952), and every client but Java takes: measured, see `taken_by_few`.
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# What browsers take for a part of an IPv4 address where it comes last: https://url.spec.whatwg.org/#ends-in-a-number-checker
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_LONGEST_LABEL = 63
_MANY = 8
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
        return any(f".{name}".endswith(f".{domain}" if domain else "") for domain in self.domains)

    def beyond(self) -> "Constraints | None":
        """Return what is more than a new authority may vouch for, if there is any."""
        usual = Constraints()
        domains = tuple(it for it in self.domains if not usual.permit(it))
        networks = tuple(
            it for it in self.networks if not any(it[0] in own and it[-1] in own for own in usual.networks)
        )
        return Constraints(domains, networks) if domains or networks else None

    def widened(self, places: Iterable[str]) -> "Constraints":
        """Return these and `places`, domains or networks; raise `ConfigError` for what is neither."""
        domains, networks = list(self.domains), list(self.networks)
        for place in places:
            network = _network(place)
            if network is not None:
                networks += [network] if network not in networks else []
            elif not self.permit(domain := _host(place.removeprefix("*.").removeprefix("."), option="ca-permit")):
                domains += [domain] if domain not in domains else []
        return Constraints(tuple(domains), tuple(networks))

    def __str__(self) -> str:
        return ", ".join([domain or "any name" for domain in self.domains] + list(map(str, self.networks)))


def parse(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the names in `texts`, each once; raise `ConfigError` for what no client would accept."""
    return tuple(dict.fromkeys(_name(text.strip()) for text in texts))


def ip(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return `name` as an address if it is one."""
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def alone(name: str) -> str:
    """Return what permits an authority to vouch for a name and, if it is an address, for no other."""
    address = ip(name)
    return f"{address}/{address.max_prefixlen}" if address else name.removeprefix("*.")


def match(names: Iterable[str], host: str) -> bool:
    """Tell whether a certificate for `names` is one for `host`: a `*` stands for one label (RFC 6125 section 6.4.3)."""
    host = host.lower().removesuffix(".")
    known = {name.lower() for name in names}
    if address := ip(host):
        return str(address) in known
    label, _, parent = host.partition(".")
    return host in known or (f"*.{parent}" in known and _LABEL.fullmatch(label) is not None)


def listed(hosts: Sequence[str]) -> str:
    """Return names in one line, the first of many."""
    more = f" and {len(hosts) - _MANY} more" if len(hosts) > _MANY else ""
    return ", ".join(hosts[:_MANY]) + more


def taken_by_few(hosts: Iterable[str]) -> str | None:
    """Return which clients refuse some of `hosts`, if there are such: names with a `_`.

    Of curl, wget, Python, Node, Go, Java, rustls, wolfSSL, NSS and Chromium, tried on Debian 12; for Python's part see
    OpenSSL's crypto/x509/v3_utl.c, valid_star (curl and Node match names on their own).
    """
    found = [host for host in hosts if "_" in host]
    if not found:
        return None
    others = ", nor Python one with a `*`" if any("*" in host for host in found) else ""
    return f"Java takes no name with a `_`{others}"


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
        raise _refused(text, "is not a host name", _separated(host) if "," in host else _remedy(labels), option)
    if _NUMBER.fullmatch(labels[-1]):
        raise _refused(
            text, "is neither a host name nor an IP address", "write the whole address, like 127.0.0.1", option
        )
    return host


def _separated(host: str) -> str:
    return f"separate names by blanks: `{' '.join(filter(None, host.split(',')))}`"


def _remedy(labels: Sequence[str]) -> str:
    """Return what to do about a name of which some of `labels` cannot be."""
    if any("*" in label for label in labels):
        return "a `*` stands for the first label alone, as a whole: `*.dev.localhost`"
    if "" in labels and any(labels):
        return "leave out the dot at its beginning, or one of two"
    if any(len(label) > _LONGEST_LABEL for label in labels):
        return f"use at most {_LONGEST_LABEL} letters between two dots"
    if len(".".join(labels)) > _LONGEST:
        return f"use at most {_LONGEST} letters"
    if any(label.startswith("-") or label.endswith("-") for label in labels):
        return "leave out the `-` at the beginning or the end, or beside a dot"
    return "use letters, digits, `-`, `_` and dots"


def _ascii(text: str, host: str, option: str) -> str:
    """Return an international name as browsers do (UTS 46)."""
    import idna

    try:
        return idna.encode(host, uts46=True).decode()
    except UnicodeError as error:
        form = _punycode(host)
        hint = f"browsers write it as `{form}`: pass that" if form else "see that it is spelled right"
        reason = error if is_text(host) else "it is not UTF-8"
        raise _refused(text, f"is not an international host name: {reason}", hint, option) from error


def is_text(text: str) -> bool:
    """Tell whether `text` is characters, and not bytes, too, of which the system could make none (PEP 383)."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def _punycode(host: str) -> str | None:
    """Return a name in ASCII, signs too that are no letters (UTS 46, RFC 3492); None for what cannot be a host's."""
    import idna

    try:
        plain = idna.uts46_remap(host, std3_rules=False)
        for label in plain.split("."):
            idna.check_initial_combiner(label)
            idna.check_bidi(label)
        labels = [it if it.isascii() else f"xn--{it.encode('punycode').decode()}" for it in plain.split(".")]
    except UnicodeError:
        return None
    return ".".join(labels) if all(map(_LABEL.fullmatch, labels)) else None


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        address, slash, _ = text.partition("/")
        if not slash or not ip(address):
            return None
        hint = "write how many bits are the network's, like `10.0.0.0/8` or `fd00::/8`"
        if "host bits" in str(error):
            hint = f"write `{ipaddress.ip_network(text, strict=False)}`"
        raise _refused(text, "is not a network", hint, "ca-permit") from error


def _refused(text: str, problem: str, hint: str, option: str = "names") -> ConfigError:
    return ConfigError(f"`{text}` {problem}", hint=hint, option=option)
