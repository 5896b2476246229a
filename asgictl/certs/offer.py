"""The commands after which asgictl's own certificate is for the names at which other machines reach this one."""

import contextlib
import ipaddress
import itertools
import shlex
from collections.abc import Sequence
from pathlib import Path

from asgictl import reading
from asgictl.certs import names, trust
from asgictl.certs.names import Constraints
from asgictl.errors import ConfigError, FileProblemError

# A router may give this machine another address of the same network: IPv6 has one size for those (RFC 4291 section
# 2.5.4), and home routers use one for those of private IPv4 addresses.
_PRIVATE_BITS = {4: 24, 6: 64}


def hint(
    known: Sequence[str], wanted: Sequence[str], folder: Path, where: Sequence[str] = (), *, vouched: bool = True
) -> str | None:
    """Return how a certificate for the `known` names comes to be for the `wanted` too, by the authority in `folder`.

    None if it is already, and `vouched` for by the authority. `where` are the options that say where it is. Wanted are
    addresses of this machine, which alone widen the authority, and `.local` names, which nobody has looked up.
    """
    own = _constraints(folder)
    bounds = own or Constraints()
    missing = [host for host in wanted if not names.match(known, host) and _is_possible(host, bounds)]
    if not missing and vouched:
        return None
    beyond = [host for host in wanted if names.ip(host) and not bounds.permit(host)]
    kept = [host for host in known if bounds.permit(host) or host in beyond]
    lost = [host for host in known if host not in kept]
    places = [*(_extras(own) if own and beyond else ()), *map(names.alone, beyond)]
    permits = itertools.chain.from_iterable(("--ca-permit", place) for place in places)
    command = _command("--trust", *where, *(["--force"] if lost else []), *permits, *kept, *missing)
    listed = " and ".join(host if names.ip(host) else f"{host} (if your network resolves it)" for host in missing)
    if own and beyond:
        made = f"a new one, and a certificate for {listed} too" if missing else "a new one, and have it sign this"
        text = f"your authority may not vouch for {' and '.join(beyond)}: {_command('--untrust')} and then {command}"
        text = f"{text} make {made}"
    else:
        text = f"{command} {f'makes a certificate for {listed} too' if missing else 'has your authority sign it'}"
    text = f"{text}, and no longer for {', '.join(lost)}, which your authority may not vouch for" if lost else text
    return f"{text}{_wider(beyond)}"


def signed(hosts: Sequence[str], folder: Path, where: Sequence[str]) -> str:
    """Return how the certificate for `hosts` comes to be of an authority, for which the one in `folder` may not do.

    `where` are the options that say where the certificate is.
    """
    own = _constraints(folder)
    outside = [host for host in hosts if not (own or Constraints()).permit(host)]
    places = [*(_extras(own) if own and outside else ()), *map(names.alone, outside)]
    permits = itertools.chain.from_iterable(("--ca-permit", place) for place in dict.fromkeys(places))
    command = _command("--trust", *where, *permits)
    if not outside:
        return f"{command} ends that"
    first = f"{_command('--untrust')} and then {command} end" if own else f"{command} ends"
    return f"{first} that; such an authority can vouch for {' and '.join(outside)}, and so can whoever has its key"


def _wider(addresses: Sequence[str]) -> str:
    """Return what it means that the authority is for `addresses`, and what else it can be for."""
    if not addresses:
        return ""
    networks = [network for host in addresses if (network := _network(host)) != names.alone(host)]
    text = f"; that lets your authority vouch for {' and '.join(addresses)}"
    if not networks:
        return text
    options = " ".join(f"--ca-permit {network}" for network in dict.fromkeys(networks))
    return f"{text} alone; `{options}` in its place, for that whole network, should the address change"


def _command(*arguments: str) -> str:
    return f"`{shlex.join(['asgictl', 'gen-cert', *arguments])}`"


def _is_possible(host: str, bounds: Constraints) -> bool:
    """Tell whether a certificate of an authority with these `bounds`, or wider ones for addresses, can have a name."""
    with contextlib.suppress(ConfigError):
        return names.parse([host]) == (host,) and (names.ip(host) is not None or bounds.permit(host))
    return False


def _constraints(folder: Path) -> Constraints | None:
    """Return what the authority in `folder` may vouch for; None where there is none."""
    file = trust.pair_in(folder).certificate
    with contextlib.suppress(OSError, FileProblemError):
        content = reading.content(file)
        from asgictl.certs import issue, validity

        return issue.constraints_of(validity.load(content, str(file))[0])
    return None


def _extras(own: Constraints) -> list[str]:
    """Return what an authority may vouch for beyond the usual."""
    usual = Constraints()
    networks = [str(network) for network in own.networks if network not in usual.networks]
    return [*(domain for domain in own.domains if domain not in usual.domains), *networks]


def _network(host: str) -> str:
    """Return the network within which an address of this machine may change."""
    address = ipaddress.ip_address(host)
    bits = _PRIVATE_BITS[address.version] if address.is_private else address.max_prefixlen
    return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))
