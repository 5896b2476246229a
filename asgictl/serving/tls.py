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
from asgictl.certs.look import Certificate, look
from asgictl.errors import FileProblemError
from asgictl.serving.plain_http import Doorman

Version = Literal["1.2", "1.3"]

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

# How often to look whether the files were replaced, in seconds.
_LOOK = 1.0
_SOON = 0.1

# How many looks may fail before that is told: a replacement takes two steps, the key and the certificate.
_PATIENCE = 3


_RIGHT_FILE = "see that it is the right file, and whole"


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
    show = current.kept if request.certfile is None else current.given
    seen = show(request.pair, place, note)
    return Secured(seen, *current.trusted_by(request.pair, place, seen))


class Names:
    """The names that a certificate is for, also after it was replaced."""

    def __init__(self, request: TlsRequest, certificate: Certificate) -> None:
        """Begin with `certificate`, which is in the files of `request`."""
        self._request = request
        self._names = certificate.names
        self._seen = _stamp(request.pair.certificate)

    def __call__(self) -> tuple[str, ...]:
        """Return the names."""
        now = _stamp(self._request.pair.certificate)
        if now != self._seen and (found := look(*self._request.pair, self._request.password)):
            self._seen, self._names = now, found.names
        return self._names


class Follower:
    """Makes contexts of TLS files, anew when they are replaced."""

    def __init__(self, config: Any, default: Callable[[], ssl.SSLContext], minimum: Version) -> None:
        """Read the files that uvicorn's `config` names, by its `default` way to make a context."""
        self._default = default
        self._minimum = minimum
        self._pair = (config.ssl_certfile, config.ssl_keyfile, config.ssl_keyfile_password)
        self._client_ca: str | None = config.ssl_ca_certs
        self._files = [Path(file) for file in (*self._pair[:2], self._client_ca) if file]
        self._seen: list[_Stamp] = []
        self._tried: list[_Stamp] = []
        self._failures = 0
        self.latest: ssl.SSLContext | None = None

    def read(self) -> str | None:
        """Look whether there is something new, and use it; return what is to be said of that.

        What cannot be used leaves `latest` as it was. It is said only when it stays like that: a replacement takes
        two steps, the key and the certificate.
        """
        now = [_stamp(file) for file in self._files]
        if now == self._seen:
            return None
        if now != self._tried:
            self._tried, self._failures = now, 0
        try:
            made = self._make()
        except (OSError, ValueError, FileProblemError) as error:
            self._failures += 1
            return _reason(error) if self._failures == _PATIENCE else None
        first = self.latest is None
        self.latest, self._seen = made, now
        return None if first else self._news(now)

    def _make(self) -> ssl.SSLContext:
        _pem(self._pair[0], "CERTIFICATE-----", "certificate")
        _load(*self._pair)  # which never asks the terminal for a password, as uvicorn's way would
        made = self._default()
        made.minimum_version = _VERSIONS[self._minimum]
        made.sslobject_class = Doorman
        if self._client_ca:
            # A session that is taken up again is not verified again, and its authority may have been replaced.
            made.options |= ssl.OP_NO_TICKET
            made.num_tickets = 0
        return made

    def _news(self, now: "list[_Stamp]") -> str:
        when = datetime.fromtimestamp(max(stamp[0] for stamp in now if stamp) / 1e9, UTC).astimezone()
        certfile, keyfile, password = self._pair
        bad = "" if look(Path(certfile), Path(keyfile), password) else ", and clients refuse: it is not valid now"
        return f"new connections get the certificate that `{certfile}` has since {when:%H:%M:%S}{bad}"


def context(
    config: Any,
    default: Callable[[], ssl.SSLContext],
    *,
    minimum: Version,
    note: Callable[[str], object],
    stopping: Callable[[], bool],
) -> ssl.SSLContext:
    """Return a context for uvicorn's `ssl_context_factory`, which shows what is in the files at the time.

    The context of each new connection is exchanged while the client says hello. To load other files into a context
    that is in use is not safe: one key type does not replace another, and a pair that does not match breaks it.
    Where the files cannot be used from the beginning, because they were spoilt meanwhile, it waits for better ones.
    """
    follower = Follower(config, default, minimum)
    while follower.latest is None:
        if problem := follower.read():
            note(f"{problem}; waiting for a good one")
        if follower.latest is None:
            if stopping():
                return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            time.sleep(_SOON)
    first = follower.latest

    def choose(connection: Any, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = follower.latest

    def follow() -> None:
        while True:
            time.sleep(_LOOK)
            if news := follower.read():
                note(news if news.startswith("new") else f"{news}; the server goes on with what it has")

    first.sni_callback = choose
    threading.Thread(target=follow, name="asgictl-tls", daemon=True).start()
    return first


_Stamp = tuple[int, int, int] | None


def _stamp(file: Path) -> _Stamp:
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
        hint = "see to its permissions, or pass another file"
        raise FileProblemError(f"cannot read `{file}`: {os.strerror(error.errno or 0)}", hint=hint) from error
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
            raise FileProblemError(f"the password does not open `{key}`", hint="pass another") from error
        raise FileProblemError(f"cannot use `{certfile}` with `{key}`: {_reason(error)}", hint=_RIGHT_FILE) from error


def _load_authorities(file: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(file)
    except ssl.SSLError as error:
        raise FileProblemError(f"cannot use `{file}`: {_reason(error)}", hint=_RIGHT_FILE) from error


def _reason(error: Exception) -> str:
    if isinstance(error, FileProblemError):
        return error.message
    if isinstance(error, OSError) and error.filename:
        return f"cannot read `{error.filename}`: {error.strerror}"
    reason: str | None = getattr(error, "reason", None)
    return reason.replace("_", " ").lower() if reason else "OpenSSL does not take it"
