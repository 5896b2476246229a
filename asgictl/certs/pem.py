"""PEM files (RFC 7468) as OpenSSL reads them, and what is wrong with one that it refuses."""

import contextlib
import os
import re
import shlex
import ssl
from pathlib import Path
from typing import NamedTuple

from asgictl import errors, reading
from asgictl.certs import pem_blocks, pem_files
from asgictl.certs.pem_blocks import PemBlock
from asgictl.errors import ConfigError, FileProblemError

RIGHT_FILE = pem_files.RIGHT_FILE

# Authorities come by the hundred, and with their text in front; in bytes.
_BUNDLE_LIMIT = 64_000_000


class _Kind(NamedTuple):
    """What a file is to hold: its name, the labels of its blocks, and the commands that get it out of other forms."""

    name: str
    labels: tuple[str, ...]
    from_der: str
    from_p12: str


_CERTIFICATE = _Kind(
    "certificate",
    pem_blocks.CERTIFICATE,
    "x509 -inform der -in {} -out cert.pem",
    "pkcs12 -in {} -nokeys -out cert.pem",
)
_KEY = _Kind(
    "private key",
    pem_blocks.KEY,
    "pkey -inform der -in {} -out cert.key",
    "pkcs12 -in {} -nocerts -nodes -out cert.key",
)

# What else PEM files hold, with what to do about it.
_OTHERS = {
    "CERTIFICATE REQUEST": ("a certificate signing request", "have it signed: `asgictl gen-cert --csr {}`"),
    "NEW CERTIFICATE REQUEST": ("a certificate signing request", "have it signed: `asgictl gen-cert --csr {}`"),
    "PUBLIC KEY": ("a public key", "pass the file with the private one"),
    "RSA PUBLIC KEY": ("a public key", "pass the file with the private one"),
    "X509 CRL": ("a revocation list", "pass the file with the certificate"),
    "PKCS7": ("a PKCS #7 bundle", "`openssl pkcs7 -print_certs -in {} -out cert.pem` converts it"),
    "OPENSSH PRIVATE KEY": ("a key in OpenSSH's form", "`ssh-keygen -p -m PKCS8 -f {}` converts it in place"),
    **dict.fromkeys(pem_blocks.CERTIFICATE, ("a certificate", "pass the file with the key")),
    **dict.fromkeys(pem_blocks.KEY, ("a private key", "pass the file with the certificate")),
}

# What OpenSSL says of a key or a signature that its security level does not allow (SSL_CTX_set_security_level(3)).
_TOO_WEAK = {
    "EE_KEY_TOO_SMALL": "the key of `{}` is too small",
    "CA_KEY_TOO_SMALL": "the key of an authority in `{}` is too small",
    "CA_MD_TOO_WEAK": "a signature in `{}` is too weak",
}


def check_pair(certificate: Path, key: Path | None, password: str | None) -> None:
    """Raise `FileProblemError` unless OpenSSL takes a certificate with its key, which may be in the same file."""
    held = _read(certificate)
    with errors.about("ssl-keyfile" if key else "ssl-certfile"):
        secret = _read(key) if key else held
    asked: list[bool] = []

    def give_password() -> str:  # without it OpenSSL asks the terminal
        asked.append(True)
        return password or ""

    try:
        context().load_cert_chain(certificate, key, give_password)
    except ssl.SSLError as error:
        raise _refused(held, secret, password, error, asked=bool(asked)) from error
    except ValueError as error:
        told = f"OpenSSL does not take the password: {error}"
        raise ConfigError(told, hint="pass another", option="ssl-keyfile-password") from error


def context() -> ssl.SSLContext:
    """Return a new context for a server; raise `FileProblemError` where OpenSSL's configuration allows none."""
    try:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    except ssl.SSLError as error:
        problem = f"OpenSSL cannot speak TLS: {reason(error)}"
        raise FileProblemError(problem, hint=f"correct its configuration: {configuration()}") from error


def check_authorities(file: Path) -> None:
    """Raise `FileProblemError` unless OpenSSL takes the certificates of authorities in `file`."""
    held = _read(file, _BUNDLE_LIMIT)
    try:
        context().load_verify_locations(file)
    except ssl.SSLError as error:
        raise _fault(held, _CERTIFICATE) or _unknown(f"`{file}`", error) from error
    if problem := _not_there(held, _CERTIFICATE):  # OpenSSL takes a file of revocation lists alone
        raise problem


def is_self_signed(file: Path) -> bool:
    """Tell whether a file that OpenSSL takes holds a certificate that has signed itself."""
    from asgictl.certs import validity

    with contextlib.suppress(ValueError):
        return any(validity.is_issued_by(it, it) for it in pem_blocks.certificates(_read(file).data))
    return False


class _Content(NamedTuple):
    """What is in a file."""

    file: Path
    data: bytes

    def has(self, kind: _Kind) -> bool:
        """Tell whether there is a block of this kind."""
        return any(block.label in kind.labels for block in pem_blocks.find(self.data))


def _read(file: Path, limit: int = reading.LIMIT) -> _Content:
    return _Content(file, pem_files.content(file, limit))


def _refused(
    held: _Content, secret: _Content, password: str | None, error: ssl.SSLError, *, asked: bool
) -> FileProblemError:
    """Return why OpenSSL refuses a pair, for the key of which it may have `asked` for the password."""
    if problem := _fault(held, _CERTIFICATE) or _too_weak(held.file, error):
        return problem
    if secret is held and not held.has(_KEY):
        return FileProblemError(f"`{held.file}` holds no private key", hint="pass --ssl-keyfile")
    problem = _fault(secret, _KEY) or _mismatch(held, secret, password)
    problem = problem or (_locked(secret.file, password) if asked else None)
    problem = problem or _unknown(f"`{held.file}` with `{secret.file}`", error)
    problem.option = problem.option or (None if secret is held else "ssl-keyfile")
    return problem


def _fault(content: _Content, kind: _Kind) -> FileProblemError | None:
    """Return what keeps OpenSSL from finding in a file what it is to hold."""
    file, data = content
    if not data.strip():
        return FileProblemError(f"`{file}` is empty", hint=RIGHT_FILE)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        hint = "save it as ASCII; in PowerShell with `Out-File -Encoding ascii`"
        return FileProblemError(f"`{file}` is in UTF-16, not in ASCII", hint=hint)
    if glued := re.search(rb"(?m)^-----END [^-\n]+-----[ \t]*-----BEGIN ", data):
        number = data.count(b"\n", 0, glued.start()) + 1
        text = f"two blocks of `{file}` are glued together: the first has to end with a line break, in line {number}"
        return FileProblemError(text, hint="put one there; `awk 1 cert.pem chain.pem` joins files with it")
    for block in pem_blocks.find(data):
        if problem := _of_block(file, block, kind):
            return problem
    return _not_there(content, kind)


def _of_block(file: Path, block: PemBlock, kind: _Kind) -> FileProblemError | None:
    """Return what is wrong with a block, which OpenSSL reads to its end whatever it is."""
    if not block.ended and b"-----END " in block.content:
        return _out_of_line(file)
    text = ""
    if not block.ended:
        text = f"`{file}` is cut off: the `-----BEGIN {block.label}-----` in line {block.line} has no end"
    elif block.label in kind.labels and _is_damaged(block):
        text = f"`{file}` is damaged: the block that begins in line {block.line} is not a {kind.name}"
    return FileProblemError(text, hint=RIGHT_FILE) if text else None


def _is_damaged(block: PemBlock) -> bool:
    """Tell whether a block is none of what its label says; one of an encrypted key has lines in front (RFC 1421)."""
    if b":" in block.content:
        return False
    try:
        der = block.decoded()
        if block.label in pem_blocks.CERTIFICATE:
            pem_blocks.certificate(block)
    except ValueError:
        return True
    return not 0 < pem_blocks.size_of(der) <= len(der)


def _not_there(content: _Content, kind: _Kind) -> FileProblemError | None:
    """Return what a file holds instead, or None where it holds what it is to hold."""
    if content.has(kind):
        return None
    file, data = content
    words = shlex.quote(str(file))
    for block in pem_blocks.find(data):
        if block.label in _OTHERS:
            what, hint = _OTHERS[block.label]
            return FileProblemError(f"`{file}` holds {what}, not a {kind.name}", hint=hint.format(words))
    if re.search(rb"-----BEGIN [^-\n]*%b-----" % kind.labels[0].encode(), data):
        return _out_of_line(file)
    if form := _binary(data):
        command = kind.from_p12 if form == "PKCS #12" else kind.from_der
        hint = f"`openssl {command.format(words)}` converts it"
        return FileProblemError(f"`{file}` is in {form} form, not in PEM form", hint=hint)
    return FileProblemError(f"`{file}` holds no {kind.name} in PEM form", hint=RIGHT_FILE)


def _out_of_line(file: Path) -> FileProblemError:
    problem = f"in `{file}` a `-----BEGIN` or `-----END` is not at the beginning of a line of its own"
    return FileProblemError(problem, hint="see that no blanks or quotes are before it, and no line break is lost")


def _binary(data: bytes) -> str | None:
    """Return what a file is that begins like DER (X.690); in PKCS #12 version 3 comes first (RFC 7292)."""
    if not 0 < pem_blocks.size_of(data) <= len(data):
        return None
    return "PKCS #12" if b"\x02\x01\x03\x30" in data[:8] else "DER"


def _too_weak(file: Path, error: ssl.SSLError) -> FileProblemError | None:
    """Return what OpenSSL's security level does not allow of a certificate."""
    weak = _TOO_WEAK.get(getattr(error, "reason", None) or "")
    if weak is None:
        return None
    hint = f"make one with a larger key (EC P-256, or P-384) and SHA-256, or lower the level in {configuration()}"
    return FileProblemError(f"{weak.format(file)} for OpenSSL's security level here", hint=hint)


def _mismatch(held: _Content, secret: _Content, password: str | None) -> FileProblemError | None:
    """Return what is wrong with a key that opens, for the certificates that are `held`."""
    from asgictl.certs import chain

    with contextlib.suppress(ValueError):
        return chain.mismatch(held.file, pem_blocks.certificates(held.data), secret.file, secret.data, password)
    return None


def _locked(file: Path, password: str | None) -> FileProblemError:
    """Return what is wrong with a key that does not open."""
    if not password:
        return FileProblemError(f"`{file}` is encrypted", hint="pass --ssl-keyfile-password")
    problem = f"the password does not open `{file}`"
    return FileProblemError(problem, hint="pass another", option="ssl-keyfile-password")


def configuration() -> str:
    """Return how to call OpenSSL's configuration (config(5))."""
    if own := os.environ.get("OPENSSL_CONF"):
        return f"`{own}` (OPENSSL_CONF)"
    return f"`{Path(ssl.get_default_verify_paths().openssl_cafile).with_name('openssl.cnf')}`, or set OPENSSL_CONF"


def reason(error: ssl.SSLError) -> str:
    """Return why OpenSSL refuses something, in its own words."""
    if (code := getattr(error, "reason", None)) is None:  # Python's own errors have none
        return str(error.args[0]).rstrip(".") if len(error.args) == 1 else "OpenSSL does not take it"
    return str(code).replace("_", " ").lower()


def unreadable(file: Path) -> FileProblemError:
    """Return what is wrong with a certificate that OpenSSL loads, though no client reads it."""
    return FileProblemError(f"the certificate in `{file}` is damaged", hint=RIGHT_FILE)


def _unknown(what: str, error: ssl.SSLError) -> FileProblemError:
    return FileProblemError(f"cannot use {what}: {reason(error)}", hint=RIGHT_FILE)
