"""`asgictl gen-cert --phone`: the authority's certificate for a phone, and what its servers still lack."""

import datetime as dt
import os
import secrets
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asgictl import addresses
from asgictl.certs import authority, files, issue, names, offer, trust, validity
from asgictl.certs.handshake import Certificate
from asgictl.cli import qr
from asgictl.console import Console
from asgictl.errors import ConfigError, FileProblemError, InterruptedByUserError, StartError
from asgictl.serving.sockets import lan
from asgictl.serving.tls import handout
from asgictl.serving.tls.handout import Handout, Root

if TYPE_CHECKING:
    from asgictl.certs.files import Pair
    from asgictl.certs.issue import Issuer


def phone(console: Console, pair: "Pair", host: str | None, where: Sequence[str]) -> int:
    """Serve the page until a phone has the certificate; return the exit status.

    It is at the address `host`, or at the usual one. `where` are the options that say where `pair` is.
    """
    folder = trust.folder(os.environ)
    issuer = authority.load(folder, dt.datetime.now(dt.UTC))
    if issuer is None:
        problem = "you have no authority whose certificate a phone could install"
        raise FileProblemError(problem, hint="`asgictl gen-cert --trust` makes one")
    host = _address(console, host)
    file = trust.pair_in(folder).certificate
    said = validity.described(issuer.certificate)
    root = Root(validity.der(issuer.certificate), said.issuer, str(issue.constraints_of(issuer.certificate)))
    page = _handout(console, host, root)
    known: tuple[str, ...] = ()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with page:
            _tell(console, page.url, root)
            known = _names(console, pair, issuer, [name for name in (host, lan.name()) if name], where)
            page.wait()
    except KeyboardInterrupt:
        if page.downloaded_by is None:
            problem = "interrupted, and no phone has downloaded the certificate"
            raise InterruptedByUserError(problem, hint="run it again for another link") from None
    if page.downloaded_by is None:
        problem = f"no phone has downloaded the certificate within {handout.LIMIT / 60:.0f} minutes"
        hint = f"see that it is in the network of {host}, and that no firewall stops it; --host takes another address"
        raise StartError(problem, hint=hint)
    data = {
        "ca": str(file),
        "fingerprint": said.fingerprint,
        "url": page.url,
        "downloaded_by": page.downloaded_by,
        "names": list(known),
    }
    console.result(f"downloaded by {page.downloaded_by}", data)
    return 0


def _address(console: Console, host: str | None) -> str:
    """Return the address that is named, or the first of this machine; raise `ConfigError` for what is none."""
    own = lan.every_address()
    if host is not None:
        (address,) = names.parse([host])
        if names.ip(address) is None:
            raise ConfigError(f"`{host}` is not an address", hint=_choice(own), option="host")
        if addresses.is_loopback(address):
            problem = f"no phone reaches `{host}`, which is this machine to itself"
            raise ConfigError(problem, hint=_choice(own), option="host")
        return address
    if not own:
        problem = "this machine has no address in a network"
        raise StartError(problem, hint="connect it to the phone's network, or pass --host with its address there")
    if others := own[1:]:
        console.note(f"this machine has other addresses, {', '.join(others)}: pass --host for one of them")
    return own[0]


def _handout(console: Console, host: str, root: Root) -> Handout:
    try:
        return Handout(host, root, console.note, secret=secrets.token_urlsafe(16))
    except StartError as error:
        raise StartError(error.message, hint=_choice(lan.every_address()), option="host") from error


def _choice(own: Sequence[str]) -> str:
    which = f"of this machine, like {' or '.join(own)}" if own else "of this machine in the phone's network"
    return f"pass --host with an address {which}"


def _names(
    console: Console, pair: "Pair", issuer: "Issuer", wanted: Sequence[str], where: Sequence[str]
) -> tuple[str, ...]:
    """Return what the certificate is for, if there is one; say so, and how it comes to be for the `wanted` names."""
    is_there = os.path.lexists(pair.certificate)
    if not is_there:
        console.note(f"there is no `{pair.certificate}` yet for your servers to show")
        known: tuple[str, ...] = names.LOCAL
        vouched = False
    else:
        try:
            said, vouched = _read(pair.certificate, issuer)
        except (FileProblemError, OSError) as error:
            console.note(f"{error}: your servers have no certificate to show the phone")
            return ()
        known = said.names
        unsigned = "" if vouched else ", but not signed by your authority: the phone refuses it"
        console.note(f"`{pair.certificate}` is for {names.listed(known) or 'no name'}{unsigned}")
        if not said.is_ours:
            return known
    if hint := offer.hint(known, wanted, trust.folder(os.environ), where, vouched=vouched):
        console.hint(hint)
    return known if is_there else ()


def _read(file: Path, issuer: "Issuer") -> tuple[Certificate, bool]:
    """Return what the certificate in `file` says, and whether `issuer` has signed it; raise `FileProblemError`.

    Also for a pipe, to read from which would wait.
    """
    if not file.is_file() and not file.is_symlink():
        raise FileProblemError(f"`{file}` is not a file")
    (leaf, *_) = validity.load(files.read(file), str(file))
    return validity.described(leaf), validity.is_issued_by(leaf, issuer.certificate)


def _tell(console: Console, url: str, root: Root) -> None:
    """Say where the page is, and what to compare."""
    pairs = root.fingerprint.split(":")
    half = len(pairs) // 2
    console.table(
        [
            ("Open", f"{console.styled(url, 'bold', 'cyan')} on the phone"),
            ("SHA-256", ":".join(pairs[:half])),
            ("", ":".join(pairs[half:])),
            ("Until", f"a phone has it, or {handout.LIMIT / 60:.0f} minutes have passed; Ctrl-C ends it"),
        ]
    )
    if hint := qr.missing():
        console.hint(f"a QR code of it needs the package `segno`: {hint}")
    elif not console.json_result:
        console.line(qr.code(url))
