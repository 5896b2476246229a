"""`asgictl gen-cert`."""

import datetime as dt
import itertools
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, get_args

import typer

from asgictl import atomic
from asgictl.cli.command import Command, alone
from asgictl.cli.gen_cert import options, report
from asgictl.console import Console
from asgictl.errors import ConfigError
from asgictl.settings import Rank, Rules

if TYPE_CHECKING:
    from asgictl.certs.files import Pair
    from asgictl.certs.pairs import Order

_LONGEST_PASSWORD = 1000


class GenCert(Command):
    """The command, with what its options mean for each other."""

    rules: ClassVar = Rules(
        exclusive=(
            *itertools.combinations(("client", "csr", "trust", "untrust"), 2),
            *(("check", other) for other in ("client", "csr", "untrust")),
            ("untrust", "p12"),
            *(("csr", other) for other in ("p12", "key_file", "key_type", "group", "password_stdin")),
        )
    )


def gen_cert(  # noqa: PLR0913  # a command has as many arguments as options
    ctx: typer.Context,
    names: options.Names = None,
    *,
    out: options.Out = "ssl",
    cert_file: options.CertFile = None,
    key_file: options.KeyFile = None,
    p12: options.P12 = None,
    group: options.Group = None,
    password_stdin: options.PasswordStdin = False,
    force: options.Force = False,
    days: options.Days = 199,
    key_type: options.KeyType = "ec256",
    client: options.Client = None,
    csr: options.Csr = None,
    check: options.Check = False,
    trust: options.Trust = False,
    untrust: options.Untrust = False,
    stores: options.Stores = None,
    ca_permit: options.CaPermit = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> int:
    """Make a certificate for HTTPS on this machine, and have it trusted.

    \b
    asgictl gen-cert                      ssl/cert.pem and ssl/cert.key, self-signed, for localhost
    asgictl gen-cert --trust              the same by an authority of yours, which browsers then trust
    asgictl gen-cert --untrust            take that back, without a trace
    asgictl gen-cert shop.test 10.0.0.5   for other names
    asgictl gen-cert --client alice       for a client, see `asgictl serve --client-ca`
    asgictl gen-cert --check              what is in ssl/, and who trusts it
    """  # noqa: D301  # \b is click's mark for a paragraph that keeps its lines
    from asgictl.certs import stores as trust_stores
    from asgictl.certs.files import Pair

    console = Console.of(ctx.params)
    pair = Pair(Path(cert_file or Path(out) / "cert.pem"), Path(key_file or Path(out) / "cert.key"))
    for store in stores or ():
        if store not in trust_stores.NAMES:
            hint = f"choose from {', '.join(trust_stores.NAMES)}"
            raise ConfigError(f"there is no store `{store}`", hint=hint, option="stores")
    _refuse_useless(ctx.params, {name for name, it in ctx.obj.items() if it.rank is Rank.COMMAND_LINE})
    if (trust and not check) or untrust or client is not None or csr is not None:
        _refuse_sudo()
    if untrust or (trust and not check):
        return _trust(ctx.params, console, pair)
    if check:
        return report.show(console, pair, _password(password_stdin), must_be_trusted=trust)
    order = _order(ctx.params)
    if csr is not None:
        return _sign(console, Path(csr), Path(cert_file or Path(out) / f"{Path(csr).stem}.pem"), order, force=force)
    if client is not None:
        stem = re.sub(r"[^\w.@-]+", "-", client)
        pair = Pair(Path(cert_file or Path(out) / f"{stem}.pem"), Path(key_file or Path(out) / f"{stem}.key"))
        return _client(console, client, pair, order, force=force)
    return _server(console, pair, order, force=force)


def _refuse_sudo() -> None:
    if os.environ.get("SUDO_USER") and hasattr(os, "geteuid") and os.geteuid() == 0:
        problem = "with sudo the authority would be root's, and your browsers would not hear of it"
        raise ConfigError(problem, hint="run it without sudo: what needs root asks for that itself")


def _refuse_useless(params: Mapping[str, Any], typed: set[str]) -> None:
    """Raise `ConfigError` for options, among them those `typed` just now, that have no meaning in this company."""
    from asgictl.certs.handshake import LONGEST

    needs = {
        "dry_run": ("trust or --untrust", "trust", "untrust"),
        "ca_permit": ("trust", "trust"),
        "p12": ("password-stdin: many programs refuse one without a password", "password_stdin"),
    }
    for name, (hint, *others) in needs.items():
        if name in typed and not any(params[other] for other in others):
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(f"`{option}` means nothing alone", hint=f"pass it with --{hint}", option=name)
    for name in ("check", "untrust", "client"):
        if {name, "names"} <= typed:
            raise ConfigError(f"`--{name}` takes no names", hint="drop them")
    if params["days"] > LONGEST.days:
        problem = f"{params['days']} days are too many: Apple's systems refuse more than {LONGEST.days}"
        raise ConfigError(problem, hint="drop --days: a new certificate is one command away", option="days")
    if params["client"] is not None and not params["client"].strip():
        raise ConfigError("`--client` is empty", hint="name the client, like `--client alice`", option="client")
    if params["csr"] == "":
        raise ConfigError("`--csr` is empty", hint="name the file with the request", option="csr")
    if params["group"] is not None and sys.platform == "win32":
        raise ConfigError("`--group` means nothing on Windows", hint="drop it", option="group")


def _order(params: Mapping[str, Any]) -> "Order":
    """Return what the certificate is to be like."""
    from asgictl.certs import keys, names, pairs

    kinds = get_args(keys.KeyType)
    kind = params["key_type"].lower()
    if kind not in kinds:
        problem = f"there is no key type `{params['key_type']}`"
        if kind == "ed25519":
            problem = "no browser takes Ed25519 certificates"
        raise ConfigError(problem, hint=f"choose from {', '.join(kinds)}", option="key_type")
    return pairs.Order(
        hosts=names.parse(params["names"] or ()),
        key_type=kind,
        lifetime=dt.timedelta(days=params["days"]),
        password=_password(params["password_stdin"]),
        group=params["group"],
        p12=Path(params["p12"]) if params["p12"] else None,
    )


def _password(wanted: bool) -> bytes | None:  # noqa: FBT001  # whether the flag is there
    """Return the first line of stdin."""
    if not wanted:
        return None
    password = sys.stdin.buffer.readline().rstrip(b"\r\n")
    if not password:
        raise ConfigError("there is no password on stdin", hint="pass it like `echo secret | asgictl gen-cert ...`")
    if len(password) > _LONGEST_PASSWORD:
        raise ConfigError("the password is too long for OpenSSL", hint=f"use {_LONGEST_PASSWORD} bytes at the most")
    return password


def _distinct(*places: Path) -> None:
    """Raise `ConfigError` for files that would be written over each other."""
    known: set[Path] = set()
    for place in places:
        if place.absolute() in known:
            raise ConfigError(f"`{place}` would be written twice", hint="choose another file for each")
        known.add(place.absolute())


def _trust(params: Mapping[str, Any], console: Console, pair: "Pair") -> int:
    from asgictl.cli.gen_cert import trust

    stores = params["stores"] or ()
    if params["untrust"]:
        return trust.untrust(console, stores, dry_run=params["dry_run"])
    if params["dry_run"]:
        return trust.show(console, stores)
    order = _order(params)
    _distinct(*pair, *order.extra)
    wish = trust.Wish(pair, order, stores, params["ca_permit"] or (), force=params["force"])
    return trust.trust(console, wish)


def _server(console: Console, pair: "Pair", order: "Order", *, force: bool) -> int:
    from asgictl.certs import authority, pairs, trust

    now = dt.datetime.now(dt.UTC)
    _distinct(*pair, *order.extra)
    issuer = pairs.for_hosts(authority.load(trust.folder(os.environ), now), order.wanted)
    made = pairs.new(pair, order, issuer, now, force=force)
    report.tell(console, made, [*pair, *order.extra], now)
    if issuer is None:
        console.hint("browsers warn about it; `asgictl gen-cert --trust` ends that")
    return 0


def _client(console: Console, name: str, pair: "Pair", order: "Order", *, force: bool) -> int:
    from asgictl.certs import authority, files, issue, keys, pairs, trust

    now = dt.datetime.now(dt.UTC)
    folder = trust.folder(os.environ)
    _distinct(*pair, *order.extra)
    with atomic.locked(*pair):
        files.recover(pair)
        pairs.refuse_existing([*pair, *order.extra], force=force)
        issuer = authority.load_or_make(folder, now)
        bundle = issue.client(name, keys.generate(order.key_type), order.lifetime, now, issuer)
        made = pairs.save(pair, bundle, order)
    report.tell(console, made, [*pair, *order.extra], now, client=name)
    console.hint(f"have it asked for: `asgictl serve --https --client-ca {trust.pair_in(folder).certificate}`")
    return 0


def _sign(console: Console, request: Path, target: Path, order: "Order", *, force: bool) -> int:
    from asgictl.certs import authority, csr, files, issue, pairs, trust

    now = dt.datetime.now(dt.UTC)
    _distinct(request, target)
    asked = csr.load(files.read(request, missing=csr.HOW), str(request))
    hosts = order.hosts or csr.hosts(asked, str(request))
    beside = target.with_suffix(".key")
    if beside.exists() and not csr.is_for(asked, files.read(beside)):
        problem = f"`{target}` would not fit `{beside}`"
        raise ConfigError(problem, hint="choose another place with --cert-file")
    with atomic.locked(target):
        pairs.refuse_existing([target], force=force)
        issuer = authority.load_or_make(trust.folder(os.environ), now)
        bundle = issue.server(hosts, csr.key(asked), order.lifetime, now, issuer)
        pairs.check(bundle, now)
        files.write_one(target, bundle.pem(), secret=False)
    report.tell(console, pairs.Made(files.Pair(target, request), bundle), [target], now)
    return 0


app = alone("gen-cert", GenCert, gen_cert)
