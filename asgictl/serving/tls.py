"""The TLS files: looked at before anything starts, so that a bad one gets one clear line."""

import os
from pathlib import Path

from asgictl.errors import ConfigError, FileProblemError


def check(certfile: str | None, keyfile: str | None, password: str | None, ca_certs: str | None) -> None:
    """Raise `FileProblemError` unless OpenSSL takes the files, `ConfigError` for a key without a certificate."""
    if certfile is None:
        if keyfile or password or ca_certs:
            raise ConfigError("TLS needs a certificate", hint="pass --ssl-certfile")
        return
    certificate = _pem(certfile, "CERTIFICATE-----", "certificate")
    if keyfile is None and "PRIVATE KEY-----" not in certificate:
        raise FileProblemError(f"`{certfile}` holds no private key", hint="pass --ssl-keyfile")
    if keyfile is not None:
        _pem(keyfile, "PRIVATE KEY-----", "private key")
    _load(certfile, keyfile, password)
    if ca_certs is not None:
        _pem(ca_certs, "CERTIFICATE-----", "certificate")
        _load_authorities(ca_certs)


def _pem(file: str, marker: str, what: str) -> str:
    """Return the text of `file`, which has to hold a PEM block of one kind (RFC 7468)."""
    try:
        text = Path(file).read_text(encoding="ascii", errors="replace")
    except FileNotFoundError as error:
        raise FileProblemError(f"`{file}` does not exist", hint="the path is relative to the current folder") from error
    except OSError as error:
        raise FileProblemError(f"cannot read `{file}`: {os.strerror(error.errno or 0)}") from error
    if marker not in text:
        raise FileProblemError(f"`{file}` holds no {what} in PEM form")
    return text


def _load(certfile: str, keyfile: str | None, password: str | None) -> None:
    import ssl

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
            raise FileProblemError(f"`{key}` is not the key of `{certfile}`") from error
        if asked and not password:
            raise FileProblemError(f"`{key}` is encrypted", hint="pass --ssl-keyfile-password") from error
        if asked:
            raise FileProblemError(f"the password does not open `{key}`") from error
        raise FileProblemError(f"cannot use `{certfile}` with `{key}`: {_reason(error)}") from error


def _load_authorities(file: str) -> None:
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(file)
    except ssl.SSLError as error:
        raise FileProblemError(f"cannot use `{file}`: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    reason: str | None = getattr(error, "reason", None)
    return reason.replace("_", " ").lower() if reason else "OpenSSL does not take it"
