"""The context of HTTPS, which follows the files that it was made of."""

import contextlib
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asgictl.certs import names, pem
from asgictl.certs.files import Pair
from asgictl.certs.handshake import Certificate, look
from asgictl.errors import FileProblemError
from asgictl.serving.request import TlsVersion
from asgictl.serving.tls import given_files
from asgictl.serving.tls.plain_http import Doorman
from asgictl.serving.tls.stamps import Stamp, stamp

# How often to look whether the files were replaced, and whether the first ones can be used by now, in seconds.
_LOOK = 1.0
_SOON = 0.1

# How many looks may fail before that is told: a replacement takes two steps, the key and the certificate.
_PATIENCE = 3


class Follower:
    """Makes contexts of TLS files, and new ones when they are replaced."""

    def __init__(self, config: Any, default: Callable[[], ssl.SSLContext], minimum: TlsVersion) -> None:
        """Read the files that uvicorn's `config` names, by its `default` way to make a context."""
        self._default = default
        self._minimum = minimum
        self._pair = Pair(Path(config.ssl_certfile), Path(config.ssl_keyfile))
        self._password: str | None = config.ssl_keyfile_password
        self._client_ca = Path(config.ssl_ca_certs) if config.ssl_ca_certs else None
        self._files = [*self._pair, *([self._client_ca] if self._client_ca else [])]
        self._seen: list[Stamp] = []
        self._tried: list[Stamp] = []
        self._failures = 0
        self._names: tuple[str, ...] = ()
        self._lost: list[str] = []
        self._faults: list[str] = []
        self.latest: ssl.SSLContext | None = None

    def read(self) -> str | None:
        """Look whether there is something new, and make `latest` of it; return why that cannot be, if it stays so.

        A replacement takes two steps, the key and the certificate, so that the first failures mean nothing.
        """
        now = [stamp(file) for file in self._files]
        if now == self._seen:
            return None
        if now != self._tried:
            self._tried, self._failures = now, 0
        try:
            made = self._make()
        except FileProblemError as error:
            self._failures += 1
            return error.message if self._failures == _PATIENCE else None
        except OSError:  # it has changed between the look and the use
            return None
        self.latest, self._seen = made, now
        return None

    def _make(self) -> ssl.SSLContext:
        # This never asks the terminal for a password, as uvicorn's way would.
        pem.check_pair(*self._pair, self._password)
        self._refuse_expired()
        if self._client_ca:
            given_files.check_client_ca(self._client_ca)
        try:
            made = self._default()
        except ssl.SSLError as error:
            problem = f"OpenSSL cannot use `{self._pair.certificate}`: {pem.reason(error)}"
            raise FileProblemError(problem, hint=pem.RIGHT_FILE) from error
        made.minimum_version = given_files.VERSIONS[self._minimum]
        made.sslobject_class = Doorman
        if self._client_ca:
            # A session that is taken up again is not verified again, and its authority may have been replaced.
            made.options |= ssl.OP_NO_TICKET
            made.num_tickets = 0
        return made

    def _refuse_expired(self) -> None:
        """Raise `FileProblemError` for a certificate that has expired, unless there is no other to go on with."""
        said, self._faults = self._looked()
        now = datetime.now(UTC)
        if self.latest is not None and said is not None and said.not_after <= now:
            raise FileProblemError(f"`{self._pair.certificate}` {said.fault(now)}")
        before, self._names = self._names, said.names if said else ()
        self._lost = [name for name in before if not names.match(self._names, name)]

    def news(self) -> str:
        """Return what is to be said of `latest`."""
        when = datetime.fromtimestamp(max(stamp[0] for stamp in self._seen if stamp) / 1e9, UTC).astimezone()
        lost = [f"it is for {names.listed(self._names) or 'no name'}, and no longer for {names.listed(self._lost)}"]
        faults = "".join(f"; {fault}" for fault in [*self._faults, *(lost if self._lost else [])])
        return f"new connections get the certificate that `{self._pair.certificate}` has since {when:%H:%M:%S}{faults}"

    def _looked(self) -> tuple[Certificate | None, list[str]]:
        """Return what the certificate in the files says, and why clients refuse it, if they do."""
        if seen := look(*self._pair, self._password):
            return seen, []
        from asgictl.certs import verdict

        with contextlib.suppress(FileProblemError):  # it has changed again
            found = verdict.judge(self._pair, self._password, datetime.now(UTC))
            return found.certificate, found.faults
        return None, []


def context(
    config: Any,
    default: Callable[[], ssl.SSLContext],
    *,
    minimum: TlsVersion,
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
            before = follower.latest
            if problem := follower.read():
                note(f"{problem}; the server goes on with what it has")
            elif follower.latest is not before:
                note(follower.news())

    first.sni_callback = choose
    threading.Thread(target=follow, name="asgictl-tls", daemon=True).start()
    return first
