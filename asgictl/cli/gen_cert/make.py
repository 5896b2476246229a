"""`asgictl gen-cert`: making a certificate, for a server, for a client, or for a request that is there."""

import contextlib
import datetime as dt
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from asgictl.certs.request import CertRequest
from asgictl.cli.gen_cert.options import CertFlags
from asgictl.console import Console
from asgictl.errors import ConfigError, UnansweredError

if TYPE_CHECKING:
    from asgictl.certs.files import Pair
    from asgictl.certs.issue import Issuer
    from asgictl.certs.names import Constraints
    from asgictl.certs.pairs import Made, Order

_LONGEST_PASSWORD = 1000


def order_of(request: CertRequest, flags: CertFlags) -> "Order":
    """Return what the certificate is to be like."""
    from asgictl.certs import keys, names, pairs

    kinds: dict[str, keys.KeyType] = {kind: kind for kind in get_args(keys.KeyType)}
    kind = kinds.get(wanted := request.key_type.lower())
    if kind is None:
        problem = f"there is no key type `{request.key_type}`"
        if wanted == "ed25519":
            problem = "no browser accepts Ed25519 certificates"
        raise ConfigError(problem, hint=f"choose from {', '.join(kinds)}", option="key-type")
    return pairs.Order(
        hosts=names.parse(request.names),
        key_type=kind,
        lifetime=dt.timedelta(days=request.days),
        password=password(flags),
        group=request.group,
        p12=Path(request.p12) if request.p12 else None,
    )


def password(flags: CertFlags) -> bytes | None:
    """Return the first line of stdin, if it is to be a password; raise `ConfigError` for none."""
    if not flags.password_stdin:
        return None
    line = sys.stdin.buffer.readline().rstrip(b"\r\n")
    if not line:
        raise ConfigError("there is no password on stdin", hint="pass it like `echo secret | asgictl gen-cert ...`")
    try:
        line.decode()
    except UnicodeDecodeError as error:
        problem = "the password on stdin is not UTF-8"
        raise ConfigError(
            problem, hint="encode it so, or use ASCII: programs would not agree on other bytes"
        ) from error
    if len(line) > _LONGEST_PASSWORD:
        raise ConfigError("the password is too long for OpenSSL", hint=f"use {_LONGEST_PASSWORD} bytes at the most")
    return line


def authority_of(
    console: Console, folder: Path, now: dt.datetime, constraints: "Constraints | None" = None
) -> "Issuer":
    """Return the authority in `folder`; one that has to be made first, for `constraints` or the usual, is told of."""
    from asgictl.certs import authority, names

    if found := authority.load(folder, now):
        return found
    constraints = constraints or names.Constraints()
    made = authority.make(folder, constraints, now)
    console.note(f"made your authority in `{folder}`, which can vouch for {constraints} and nothing else")
    return made


def server(console: Console, pair: "Pair", order: "Order", where: Sequence[str], *, force: bool) -> int:
    """Make the pair that `serve --https` takes, by the user's authority if there is one; return the exit status.

    `where` are the options that say where the pair is.
    """
    from asgictl.certs import authority, offer, pairs, trust

    now = dt.datetime.now(dt.UTC)
    distinct(*pair, *order.extra)
    folder = trust.folder(os.environ)
    issuer = pairs.for_hosts(authority.load(folder, now), order.wanted)
    made = pairs.new(pair, order, issuer, now, force=force)
    tell(console, made, [*pair, *order.extra], now)
    if issuer is not None:
        tell_of_authority(console, folder, issuer, order.wanted)
    else:
        console.hint(f"browsers warn about it; {offer.signed(order.wanted, folder, where)}")
    return 0


def client(console: Console, name: str, pair: "Pair", order: "Order", *, force: bool) -> int:
    """Make the pair of a client called `name`, by the user's authority; return the exit status."""
    from asgictl.certs import files, issue, keys, pairs, trust

    now = dt.datetime.now(dt.UTC)
    folder = trust.folder(os.environ)
    distinct(*pair, *order.extra)
    with files.locked(*pair, *order.extra):
        files.recover(pair)
        pairs.refuse_existing([*pair, *order.extra], force=force)
        issuer = authority_of(console, folder, now)
        bundle = issue.client(name, keys.generate(order.key_type), order.lifetime, now, issuer)
        made = pairs.save(pair, bundle, order)
    tell(console, made, [*pair, *order.extra], now, client=name)
    tell_of_authority(console, folder, issuer)
    ca = shlex.quote(str(trust.pair_in(folder).certificate))
    console.hint(f"have it asked for: `asgictl serve --https --client-ca {ca}`")
    return 0


def sign(console: Console, request: Path, target: Path, order: "Order", *, force: bool) -> int:
    """Sign the request in a file, by the user's authority; return the exit status."""
    from asgictl.certs import csr, files, issue, pairs, trust

    now = dt.datetime.now(dt.UTC)
    folder = trust.folder(os.environ)
    distinct(request, target)
    asked = csr.load(files.read(request, missing=csr.HOW), str(request))
    hosts = order.hosts or csr.hosts(asked, str(request))
    beside = target.with_suffix(".key")
    if beside.exists() and not csr.is_for(asked, files.read(beside)):
        problem = f"`{target}` would not fit `{beside}`"
        raise ConfigError(problem, hint="choose another place with --cert-file")
    with files.locked(target):
        pairs.refuse_existing([target], force=force)
        issuer = authority_of(console, folder, now)
        bundle = issue.server(hosts, csr.key(asked), order.lifetime, now, issuer)
        pairs.check(bundle, now)
        files.write_one(target, bundle.pem(), secret=False)
    tell(console, pairs.Made(files.Pair(target, request), bundle), [target], now)
    tell_of_authority(console, folder, issuer, hosts)
    if left_out := csr.left_out(asked, hosts):
        console.note(f"the request asks for more, which is left out: {', '.join(left_out)}")
    return 0


def distinct(*places: Path) -> None:
    """Raise `ConfigError` for files that would be written over each other."""
    known: set[Path] = set()
    for place in places:
        if place.absolute() in known:
            raise ConfigError(f"`{place}` would be written twice", hint="choose another file for each")
        known.add(place.absolute())


def tell(console: Console, made: "Made", written: Sequence[Path], now: dt.datetime, **more: Any) -> None:
    """Print what was made."""
    from asgictl.certs import names, version_control

    said = made.certificate
    issuer = "self-signed" if said.self_signed else "by your authority"
    data = {
        "files": [str(file) for file in written],
        "names": list(said.names),
        "not_after": said.not_after.isoformat(),
        "issuer": said.issuer,
        "self_signed": said.self_signed,
        "kept": made.kept,
        **more,
    }
    console.result("\n".join(map(str, written)), data)
    whom = f"client {more['client']}" if "client" in more else names.listed(said.names)
    console.note(f"for {whom}, {issuer}, until {said.not_after:%Y-%m-%d} ({said.left(now)})")
    if few := names.taken_by_few(said.names):
        console.note(few)
    if made.bundle.key is not None and not version_control.is_ignored(made.pair.key):
        _tell_of_version_control(console, made.pair.key)


def tell_of_authority(console: Console, folder: Path, issuer: "Issuer", hosts: Sequence[str] = ()) -> None:
    """Say what is unusual about the authority in `folder`, by which a certificate for `hosts` was made."""
    from asgictl.certs import authority, trust, version_control

    if more := authority.extent(folder, issuer.certificate, hosts):
        console.note(more)
    key = trust.pair_in(folder).key
    with contextlib.suppress(UnansweredError):
        if tracked := version_control.told(key, authority.ANEW):
            console.note(tracked)
            return
    if version_control.may_take(key):
        _tell_of_version_control(console, key)


def _tell_of_version_control(console: Console, key: Path) -> None:
    console.note(f"version control may take `{key}`; add `{key.name}` to `{key.parent}/.gitignore`")
