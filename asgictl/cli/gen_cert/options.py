"""The options of `asgictl gen-cert`."""

from typing import Annotated

import typer

from asgictl.cli.option import flag, option
from asgictl.option_types import Range, Trait

_FILES = "Files"
_CERTIFICATE = "Certificate"
_OTHERS = "Other certificates"
_TRUST = "Trust"

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAMES",
        show_default=False,
        help="Host names and IP addresses (localhost *.dev.localhost 127.0.0.1 ::1).",
    ),
]

Out = Annotated[str, Trait.PATH, option("--out", panel=_FILES, metavar="DIR", about="For cert.pem and cert.key.")]
CertFile = Annotated[
    str | None, Trait.PATH, option("--cert-file", panel=_FILES, metavar="FILE", about="The certificate, elsewhere.")
]
KeyFile = Annotated[
    str | None, Trait.PATH, option("--key-file", panel=_FILES, metavar="FILE", about="The key, elsewhere.")
]
P12 = Annotated[
    str | None,
    Trait.PATH,
    option("--p12", panel=_FILES, metavar="FILE", about="Both as PKCS #12 too; needs --password-stdin."),
]
Group = Annotated[
    int | None,
    Range(0, 2**31 - 1),
    option("--group", panel=_FILES, metavar="GID", about="May read the key, like a container's."),
]
PasswordStdin = Annotated[
    bool, Trait.ACTION, flag("--password-stdin", panel=_FILES, about="Read a password from stdin, to encrypt keys.")
]
Force = Annotated[bool, Trait.ACTION, flag("--force", panel=_FILES, about="Replace what is there.")]

Days = Annotated[
    int, Range(1), option("--days", panel=_CERTIFICATE, metavar="N", about="How long it is valid, up to 825.")
]
KeyType = Annotated[
    str,
    option("--key-type", panel=_CERTIFICATE, metavar="TYPE", about="ec256, ec384, rsa2048, rsa3072 or rsa4096."),
]

Client = Annotated[
    str | None,
    Trait.ACTION,
    option("--client", panel=_OTHERS, metavar="NAME", about="A client certificate, of your authority."),
]
Csr = Annotated[
    str | None,
    Trait.ACTION,
    option("--csr", panel=_OTHERS, metavar="FILE", about="Sign this request, by your authority."),
]
Check = Annotated[
    bool, Trait.ACTION, flag("--check", panel=_OTHERS, about="Look at what is there; 1 if something is wrong.")
]

Trust = Annotated[
    bool, Trait.ACTION, flag("--trust", panel=_TRUST, about="Use an authority of yours, and have it trusted.")
]
Untrust = Annotated[bool, Trait.ACTION, flag("--untrust", panel=_TRUST, about="Undo that, and remove the authority.")]
Stores = Annotated[
    list[str] | None,
    option("--store", panel=_TRUST, metavar="NAME", about="Only system, nss (browsers), or java (not by default)."),
]
CaPermit = Annotated[
    list[str] | None,
    option("--ca-permit", panel=_TRUST, metavar="DOMAIN", about="More that a new authority is for; or a network."),
]
DryRun = Annotated[bool, Trait.ACTION, flag("--dry-run", panel=_TRUST, about="Print the commands, and run none.")]

Json = Annotated[bool, Trait.ACTION, flag("--json", panel="Output", about="One JSON object, also on failure.")]
