"""The user's own authority: one root for all projects, which can vouch for local names only."""

import contextlib
import datetime as dt
import getpass
import os
import shlex
import socket
import stat
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from asgictl import atomic, errors
from asgictl.certs import files, issue, keys, trust, validity, version_control
from asgictl.certs.files import Pair
from asgictl.certs.issue import Issuer
from asgictl.certs.names import Constraints
from asgictl.certs.pairs import loaded
from asgictl.certs.stores.held import is_asgictls
from asgictl.errors import ConfigError, FileProblemError

# How to have another authority.
ANEW = "gen-cert --untrust, and then --trust"

_AGAIN = "run `asgictl gen-cert --untrust`, and then --trust again"


def load(folder: Path, now: dt.datetime) -> Issuer | None:
    """Return the authority in `folder`, or None where there is none.

    Raises `FileProblemError` when asgictl has not made it, its key is not safe, or it has expired.
    """
    pair = trust.pair_in(folder)
    if not os.access(folder, os.R_OK | os.X_OK):  # there is none, or it is not this user's
        return None
    if len(there := pair.there) != len(pair):
        with atomic.locked(*pair):
            files.recover(pair)
            there = pair.there
    if not there:
        return None
    refuse_foreign(folder)
    if len(there) == 1:
        problem = f"`{folder}` holds `{there[0].name}` alone, which is half of an authority"
        raise FileProblemError(problem, hint=_AGAIN)
    check_access(pair)
    bundle = loaded(pair, None, hint=_AGAIN)
    assert bundle.key is not None  # noqa: S101  # it was read
    if not _is_as_made(bundle.leaf):
        raise _foreign(pair)
    if fault := validity.described(bundle.leaf).fault(now):
        raise FileProblemError(f"your authority {fault}", hint=f"check the clock, or {_AGAIN}")
    return Issuer(bundle.leaf, bundle.key)


def make(folder: Path, constraints: Constraints, now: dt.datetime) -> Issuer:
    """Make an authority in `folder`, unless another run has just done so; return the one that is there then."""
    pair = trust.pair_in(folder)
    key = keys.generate("ec256")
    certificate = issue.root(_owner(), key, constraints, now)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        problem = f"cannot make `{folder}`: {errors.reason(error)}"
        raise FileProblemError(problem, hint="set ASGICTL_CA_DIR to a folder of yours") from error
    check_access(pair)
    with atomic.locked(*pair):
        if not pair.there:
            version_control.keep_out(pair.key)
            files.write(pair, certificate.public_bytes(serialization.Encoding.PEM), keys.pem(key))
            return Issuer(certificate, key)
    found = load(folder, now)
    assert found is not None  # noqa: S101  # both files are there
    return found


def refuse_foreign(folder: Path) -> None:
    """Raise `FileProblemError` for a file in the place of the authority's certificate that asgictl has not made."""
    anchor = trust.anchor(folder)
    if anchor.pem.strip() and not is_asgictls(anchor.der):
        raise _foreign(trust.pair_in(folder))


def _foreign(pair: Pair) -> FileProblemError:
    problem = f"`{pair.certificate}` is not an authority that asgictl has made"
    return FileProblemError(problem, hint="move it and its key elsewhere, or set ASGICTL_CA_DIR to another folder")


def _is_as_made(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate is a root with constraints, as `issue.root` makes it."""
    extensions = certificate.extensions
    try:
        basic = extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        permitted = extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
        extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return False
    kinds = {type(it) for it in permitted}
    signs = basic.ca and usage.key_cert_sign and {x509.DNSName, x509.IPAddress} <= kinds
    return signs and validity.is_issued_by(certificate, certificate)


def extent(folder: Path, root: x509.Certificate, hosts: Iterable[str] = ()) -> str | None:
    """Return what to say of an authority that may vouch for more than a new one, and of those `hosts` that are more."""
    more = issue.constraints_of(root).beyond()
    if more is None:
        return None
    used = [host for host in hosts if not Constraints().permit(host)]
    here = f", as here for {', '.join(used)}" if used else ""
    return (
        f"your authority in `{folder}` can vouch for {more}, too{here}, and so can whoever has its key; "
        "`asgictl gen-cert --untrust` removes it"
    )


def refuse_wider(issuer: Issuer, places: Sequence[str]) -> None:
    """Raise `ConfigError` for places that an authority, which exists already, may not vouch for."""
    constraints = issue.constraints_of(issuer.certificate)
    if constraints.widened(places) != constraints:
        problem = f"your authority exists already, and is for {constraints}"
        raise ConfigError(problem, hint="remove it with --untrust, and make a new one", option="ca-permit")


def check_access(pair: Pair) -> None:
    """Raise `FileProblemError` for an authority whose key others may read, or may exchange."""
    if sys.platform == "win32":
        return
    folder, key = pair.key.parent, pair.key
    if stat.S_IMODE(folder.stat().st_mode) & 0o022:
        problem = f"others may write to the folder of your authority, `{folder}`"
        raise FileProblemError(
            problem, hint=f"`chmod 700 {shlex.quote(str(folder))}`, or set ASGICTL_CA_DIR to a folder of yours"
        )
    mode = stat.S_IMODE(key.stat().st_mode) if key.exists() else 0
    if mode & 0o077:
        problem = f"others may read the key of your authority, `{key}` ({mode:04o})"
        hint = f"`chmod 600 {shlex.quote(str(key))}`, or if somebody else has been here: {_AGAIN}"
        raise FileProblemError(problem, hint=hint)


def _owner() -> str:
    """Return the names of the user and of the host, as far as they have any."""
    user = ""
    with contextlib.suppress(KeyError, OSError, ImportError):  # a container's user without a name; no variables
        user = getpass.getuser()
    return "@".join(filter(None, (user, socket.gethostname())))
