"""HTTPS: which files, looked at before anything starts, and a context that follows them while the server runs."""

import os
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from asgictl.certs import current, trust
from asgictl.certs.files import Pair
from asgictl.certs.look import Certificate
from asgictl.errors import FileProblemError
from asgictl.serving.plain_http import Doorman

Version = Literal["1.2", "1.3"]

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

# How often to look whether the files were replaced, in seconds.
_LOOK = 1.0

# How many looks may fail before that is told: a replacement takes two steps, the key and the certificate.
_PATIENCE = 3


class TlsRequest(NamedTuple):
    """How HTTPS is wanted: without a `certfile`, with the pair that asgictl keeps. `redirect` is a port for HTTP."""

    certfile: str | None = None
    keyfile: str | None = None
    password: str | None = None
    client_ca: str | None = None
    client_required: bool = True
    minimum: Version = "1.2"
    redirect: int | None = None

    @property
    def pair(self) -> Pair:
        """The files; a certificate's file may hold its key too."""
        if self.certfile is None:
            return current.DEFAULT
        return Pair(Path(self.certfile), Path(self.keyfile or self.certfile))

    def arguments(self) -> dict[str, Any]:
        """Return what `uvicorn.run` takes."""
        arguments: dict[str, Any] = {
            "ssl_certfile": str(self.pair.certificate),
            "ssl_keyfile": str(self.pair.key),
            "ssl_keyfile_password": self.password,
        }
        if self.client_ca:
            required = ssl.CERT_REQUIRED if self.client_required else ssl.CERT_OPTIONAL
            arguments |= {"ssl_ca_certs": self.client_ca, "ssl_cert_reqs": int(required)}
        return arguments


class Secured(NamedTuple):
    """What the server shows, and who trusts it."""

    certificate: Certificate
    system: bool
    browsers: bool


def check(request: TlsRequest) -> None:
    """Raise `FileProblemError` unless OpenSSL takes the files that the user has named."""
    if request.certfile is not None:
        certificate = _pem(request.certfile, "CERTIFICATE-----", "certificate")
        if request.keyfile is None and "PRIVATE KEY-----" not in certificate:
            raise FileProblemError(f"`{request.certfile}` holds no private key", hint="pass --ssl-keyfile")
        if request.keyfile is not None:
            _pem(request.keyfile, "PRIVATE KEY-----", "private key")
        _load(request.certfile, request.keyfile, request.password)
    if request.client_ca is not None:
        _pem(request.client_ca, "CERTIFICATE-----", "certificate")
        _load_authorities(request.client_ca)


def secure(request: TlsRequest, host: str, note: Callable[[str], object]) -> Secured:
    """Return what the server is going to show as `host`; the pair that asgictl keeps is made and renewed.

    `note` hears of that. Raises `FileProblemError` for files that cannot be served with.
    """
    place = current.Place(host, request.password, trust.folder(os.environ), datetime.now(UTC))
    look = current.kept if request.certfile is None else current.given
    seen = look(request.pair, place, note)
    return Secured(seen, *current.trusted_by(request.pair, place, seen))


def context(
    config: Any, default: Callable[[], ssl.SSLContext], *, minimum: Version, note: Callable[[str], object]
) -> ssl.SSLContext:
    """Return a context for uvicorn's `ssl_context_factory`, which shows what is in the files at the time.

    The context of each new connection is exchanged while the client says hello. To load other files into a context
    that is in use is not safe: one key type does not replace another, and a pair that does not match breaks it.
    """

    def fresh() -> ssl.SSLContext:
        made = default()
        made.minimum_version = _VERSIONS[minimum]
        made.sslobject_class = Doorman
        return made

    files = [Path(file) for file in (config.ssl_certfile, config.ssl_keyfile, config.ssl_ca_certs) if file]
    seen = [_stamp(file) for file in files]
    first = latest = fresh()

    def choose(connection: Any, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = latest

    def follow() -> None:
        nonlocal latest, seen
        tried, failures = seen, 0
        while True:
            time.sleep(_LOOK)
            now = [_stamp(file) for file in files]
            if now == seen:
                continue
            if now != tried:
                tried, failures = now, 0
            try:
                _load(config.ssl_certfile, config.ssl_keyfile, config.ssl_keyfile_password)
                latest = fresh()
            except (OSError, ValueError, FileProblemError) as error:
                failures += 1
                if failures == _PATIENCE:
                    note(f"{_reason(error)}; the server goes on with what it has")
                continue
            seen = now
            when = datetime.fromtimestamp(max(stamp[0] for stamp in now if stamp) / 1e9, UTC).astimezone()
            note(f"new connections get the certificate that `{config.ssl_certfile}` has since {when:%H:%M:%S}")

    first.sni_callback = choose
    threading.Thread(target=follow, name="asgictl-tls", daemon=True).start()
    return first


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


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
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(file)
    except ssl.SSLError as error:
        raise FileProblemError(f"cannot use `{file}`: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, FileProblemError):
        return error.message
    reason: str | None = getattr(error, "reason", None)
    return reason.replace("_", " ").lower() if reason else "OpenSSL does not take it"
