"""The files of HTTPS: what is wrong with them, in one clear line each, before OpenSSL stumbles over it."""

import ssl
from pathlib import Path

from asgictl import errors
from asgictl.errors import FileProblemError

_RIGHT_FILE = "see that it is the right file, and whole"

Stamp = tuple[int, int, int] | None


def stamp(file: Path) -> Stamp:
    """Return what differs when a file was written or replaced, None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def check_pair(certfile: str, keyfile: str | None, password: str | None) -> None:
    """Raise `FileProblemError` unless OpenSSL takes a certificate with its key, which may be in the same file."""
    certificate = _pem(certfile, "CERTIFICATE-----", "certificate")
    if keyfile is None and "PRIVATE KEY-----" not in certificate:
        raise FileProblemError(f"`{certfile}` holds no private key", hint="pass --ssl-keyfile")
    if keyfile is not None:
        with errors.about("ssl-keyfile"):
            _pem(keyfile, "PRIVATE KEY-----", "private key")
    _load(certfile, keyfile, password)


def check_authorities(file: str) -> None:
    """Raise `FileProblemError` unless OpenSSL takes the certificates of authorities in `file`."""
    _pem(file, "CERTIFICATE-----", "certificate")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(file)
    except ssl.SSLError as error:
        raise FileProblemError(f"cannot use `{file}`: {_reason(error)}", hint=_RIGHT_FILE) from error


def _pem(file: str, marker: str, what: str) -> str:
    """Return the text of `file`, which has to hold a PEM block of one kind (RFC 7468)."""
    try:
        text = Path(file).read_text(encoding="ascii", errors="replace")
    except FileNotFoundError as error:
        hint = "see that it is there" if Path(file).is_absolute() else "the path is relative to the current folder"
        raise FileProblemError(f"`{file}` does not exist", hint=hint) from error
    except OSError as error:
        hint = "see to its permissions, or pass another file"
        raise FileProblemError(f"cannot read `{file}`: {errors.reason(error)}", hint=hint) from error
    if marker not in text:
        raise FileProblemError(f"`{file}` holds no {what} in PEM form", hint=_RIGHT_FILE)
    return text


def _load(certfile: str, keyfile: str | None, password: str | None) -> None:
    key = keyfile or certfile
    asked = False

    def give_password() -> str:  # without it OpenSSL asks the terminal
        nonlocal asked
        asked = True
        return password or ""

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certfile, keyfile, give_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise FileProblemError(f"`{key}` is not the key of `{certfile}`", hint=_RIGHT_FILE) from error
        if asked and not password:
            raise FileProblemError(f"`{key}` is encrypted", hint="pass --ssl-keyfile-password") from error
        if asked:
            raise FileProblemError(
                f"the password does not open `{key}`", hint="pass another", option="ssl-keyfile-password"
            ) from error
        raise FileProblemError(f"cannot use `{certfile}` with `{key}`: {_reason(error)}", hint=_RIGHT_FILE) from error


def _reason(error: ssl.SSLError) -> str:
    return error.reason.replace("_", " ").lower() if error.reason else "OpenSSL does not take it"
