"""`asgictl gen-cert`."""

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from asgictl import extras
from asgictl.certs.request import CertRequest
from asgictl.cli.command import Invocation, alone
from asgictl.cli.gen_cert import make, options
from asgictl.cli.gen_cert.options import CertFlags
from asgictl.console import Console
from asgictl.errors import ConfigError

if TYPE_CHECKING:
    from asgictl.certs.files import Pair


def gen_cert(request: CertRequest, flags: CertFlags, run: Invocation) -> int:
    """Make a certificate for HTTPS on this machine, and have it trusted.

    \b
    asgictl gen-cert                     self-signed, for localhost, in ssl/
    asgictl gen-cert --trust             signed by an authority browsers trust
    asgictl gen-cert --untrust           take that back, without a trace
    asgictl gen-cert shop.test 10.0.0.5  for other names
    asgictl gen-cert --client alice      for a client of `serve --client-ca`
    asgictl gen-cert --phone             hand that authority to a phone
    asgictl gen-cert --check             what is in ssl/, and who trusts it
    """  # noqa: D301  # \b is click's mark for a paragraph that keeps its lines
    extras.need("asgictl gen-cert", extras.HTTPS)
    trusts = flags.trust and not flags.check
    console = run.console
    _check_stores(request)
    _refuse_useless(request, flags, run)
    if _needs_authority(request, flags):
        _refuse_sudo(flags)
    if trusts or flags.untrust:
        return _trust(request, flags, console)
    if flags.check:
        from asgictl.cli.gen_cert import check

        return check.check(console, _pair(request, "cert"), make.password(flags), must_be_trusted=flags.trust)
    if flags.phone:
        from asgictl.cli.gen_cert import phone

        return phone.phone(console, _pair(request, "cert"), flags.host, _where(request, run))
    order = make.order_of(request, flags)
    if request.csr is not None:
        target = _pair(request, Path(request.csr).stem).certificate
        return make.sign(console, Path(request.csr), target, order, force=request.force)
    if request.client is not None:
        pair = _pair(request, re.sub(r"[^\w.@-]+", "-", request.client))
        return make.client(console, request.client, pair, order, force=request.force)
    return make.server(console, _pair(request, "cert"), order, _where(request, run), force=request.force)


def _trust(request: CertRequest, flags: CertFlags, console: Console) -> int:
    from asgictl.cli.gen_cert import trust

    if flags.untrust:
        return trust.untrust(console, request.store, dry_run=flags.dry_run)
    store = request.store or (("system",) if flags.as_root else ())
    if flags.as_root and not flags.dry_run:
        trust.tell_of_root(console)
    order = make.order_of(request, flags)
    do = trust.show if flags.dry_run else trust.trust
    return do(console, _pair(request, "cert"), order, store=store, ca_permit=request.ca_permit, force=request.force)


def _needs_authority(request: CertRequest, flags: CertFlags) -> bool:
    """Tell whether the user's authority is made, used or removed."""
    trusts = flags.trust and not flags.check
    return trusts or flags.untrust or flags.phone or request.client is not None or request.csr is not None


def _pair(request: CertRequest, stem: str) -> "Pair":
    """Return the files to write: those that are named, or by `stem` in the folder."""
    from asgictl.certs.files import Pair

    certificate = request.cert_file or Path(request.out) / f"{stem}.pem"
    return Pair(Path(certificate), Path(request.key_file or Path(request.out) / f"{stem}.key"))


def _where(request: CertRequest, run: Invocation) -> list[str]:
    """Return the options that the user has just typed to say where the files are."""
    typed = [field for field in ("out", "cert_file", "key_file") if run.is_typed(field)]
    return [word for field in typed for word in (f"--{field.replace('_', '-')}", getattr(request, field))]


def _check_stores(request: CertRequest) -> None:
    from asgictl.certs import stores

    for store in request.store:
        if store not in stores.NAMES:
            hint = f"choose from {', '.join(stores.NAMES)}"
            raise ConfigError(f"there is no store `{store}`", hint=hint, option="store")
    if "windows" in request.store and not stores.wsl_is_here():
        problem = "the store `windows` is that of Windows around WSL, and this is not WSL"
        raise ConfigError(problem, hint="choose --store system for the system's own", option="store")


def _refuse_sudo(flags: CertFlags) -> None:
    """Raise `ConfigError` for a user who has become root, and has not said to be so on purpose."""
    if flags.as_root and not _is_root():
        hint = "drop it: what needs root asks for that itself"
        raise ConfigError("`--as-root` is for root", hint=hint, option="as-root")
    callers = {os.environ.get(name, "") for name in ("SUDO_USER", "DOAS_USER", "PKEXEC_UID")}
    if _is_root() and callers - {"", "root", "0"} and not (flags.as_root or flags.dry_run):
        hint = "run it without sudo, for what needs root asks for that itself"
        container = "for the system's store of a container or a CI machine pass --as-root"
        problem = "with sudo the authority would be root's, and your browsers would not trust it"
        raise ConfigError(problem, hint=f"{hint}; {container}")


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _refuse_useless(request: CertRequest, flags: CertFlags, run: Invocation) -> None:
    """Raise `ConfigError` for options that have no effect with the others."""
    from asgictl.certs.handshake import LONGEST

    for field, is_met, other in (
        ("dry_run", flags.trust or flags.untrust, "--trust or --untrust"),
        ("as_root", _needs_authority(request, flags), "--trust, --untrust, --client, --csr or --phone"),
        ("ca_permit", flags.trust, "--trust"),
        ("host", flags.phone, "--phone"),
        ("p12", flags.password_stdin, "--password-stdin"),
    ):
        if run.is_typed(field) and not is_met:
            key = field.replace("_", "-")
            why = ": many programs refuse such a file without a password" if field == "p12" else ""
            raise ConfigError(f"`--{key}` needs {other}{why}", hint=f"add {other}, or drop it", option=key)
    for field in ("check", "untrust", "phone", "client"):
        if run.is_typed(field) and run.is_typed("names"):
            raise ConfigError(f"`--{field}` takes no names", hint="drop them")
    if request.days > LONGEST.days:
        problem = f"{request.days} days are too many: Apple's systems refuse more than {LONGEST.days}"
        raise ConfigError(problem, hint="drop --days: a new certificate is one command away", option="days")
    if request.client is not None and not request.client.strip():
        raise ConfigError("`--client` is empty", hint="name the client, like `--client alice`", option="client")
    if request.csr == "":
        raise ConfigError("`--csr` is empty", hint="name the file with the request", option="csr")
    if request.group is not None and sys.platform == "win32":
        raise ConfigError("`--group` has no effect on Windows", hint="drop it", option="group")


app = alone("gen-cert", options.FORM, gen_cert)
