"""The options of `asgictl gen-cert`, and what they mean for each other."""

import itertools
from typing import Annotated, NamedTuple

from asgictl.cli.option import Form, argument, flag, option, panel
from asgictl.option_types import Trait
from asgictl.settings import Rules


class CertFlags(NamedTuple):
    """What the command does instead of making a certificate, or beside it."""

    password_stdin: Annotated[bool, Trait.ACTION] = False
    check: Annotated[bool, Trait.ACTION] = False
    trust: Annotated[bool, Trait.ACTION] = False
    untrust: Annotated[bool, Trait.ACTION] = False
    dry_run: Annotated[bool, Trait.ACTION] = False
    as_root: Annotated[bool, Trait.ACTION] = False
    phone: Annotated[bool, Trait.ACTION] = False
    host: Annotated[str | None, Trait.ACTION] = None
    json: Annotated[bool, Trait.ACTION] = False


ROWS = {
    "names": argument("NAMES", "Host names and IP addresses (localhost *.dev.localhost 127.0.0.1 ::1)."),
    **panel(
        "Files",
        out=option("--out", metavar="DIR", about="For cert.pem and cert.key."),
        cert_file=option("--cert-file", metavar="FILE", about="The certificate, elsewhere."),
        key_file=option("--key-file", metavar="FILE", about="The key, elsewhere."),
        p12=option("--p12", metavar="FILE", about="Write both as PKCS #12, too; needs --password-stdin."),
        group=option("--group", metavar="GID", about="A group that may read the key, like a container's."),
        password_stdin=flag("--password-stdin", about="Read a password from stdin, to encrypt keys."),
        force=flag("--force", about="Replace what is there."),
    ),
    **panel(
        "Certificate",
        days=option("--days", metavar="N", about="How long it is valid, up to 825."),
        key_type=option("--key-type", metavar="TYPE", about="ec256, ec384, rsa2048, rsa3072 or rsa4096."),
    ),
    **panel(
        "Other certificates",
        client=option("--client", metavar="NAME", about="Make a client's certificate, signed by your authority."),
        csr=option("--csr", metavar="FILE", about="Sign this request with your authority."),
        check=flag("--check", about="Report on what is there; exit with 1 if it is wrong."),
    ),
    **panel(
        "Trust",
        trust=flag("--trust", about="Sign with an authority of your own, and have it trusted."),
        untrust=flag("--untrust", about="Undo that, and remove the authority."),
        store=option(
            "--store", metavar="NAME", about="Only system, nss, windows (from WSL), or java (off by default)."
        ),
        ca_permit=option("--ca-permit", metavar="DOMAIN", about="A domain or network that a new authority is for too."),
        dry_run=flag("--dry-run", about="Print the commands, and run none."),
        as_root=flag("--as-root", about="Let sudo make root's own authority: for containers and CI."),
    ),
    **panel(
        "Phones",
        phone=flag("--phone", about="Hand your authority's certificate to a phone."),
        host=option("--host", metavar="ADDRESS", about="This machine's address, as the phone reaches it."),
    ),
    **panel(
        "Output",
        json=flag("--json", about="One JSON object, also on failure."),
    ),
}

_RULES = Rules(
    exclusive=(
        *itertools.combinations(("client", "csr", "trust", "untrust", "phone"), 2),
        *(("check", other) for other in ("client", "csr", "untrust", "phone")),
        ("untrust", "p12"),
        *(("csr", other) for other in ("p12", "key_file", "key_type", "group", "password_stdin")),
    )
)

FORM = Form(ROWS, _RULES)
