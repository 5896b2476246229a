"""An answer for clients that speak plain HTTP to a port for HTTPS, as Go's servers give one."""

import ssl
from typing import Any

_TEXT = b"This port speaks HTTPS: write https:// in front of the address.\n"
_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(_TEXT), _TEXT)
)


class Doorman(ssl.SSLObject):
    """A server's side of a connection, for `SSLContext.sslobject_class`, that says why a handshake fails."""

    _incoming: ssl.MemoryBIO
    _outgoing: ssl.MemoryBIO
    _first = True

    @classmethod
    def _create(cls, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, **more: Any) -> "Doorman":
        # What `SSLContext.wrap_bio` calls; there is no other way to what comes and goes.
        made: Doorman = super()._create(incoming, outgoing, **more)  # type: ignore[misc]
        made._incoming, made._outgoing = incoming, outgoing  # of the same class
        return made

    def do_handshake(self) -> None:
        """Answer a plain request, and send the alert of a handshake that fails, which asyncio would not.

        After either the client is expected to leave; asyncio ends the connection if it does not.
        """
        if self._first and self._is_plain():
            self._outgoing.write(_ANSWER)
            raise ssl.SSLWantReadError
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            if not self._outgoing.pending:
                raise
            raise ssl.SSLWantReadError from error

    def _is_plain(self) -> bool:
        """Tell whether the first bytes are those of an HTTP method: a TLS record begins with 22 (RFC 8446, 5.1)."""
        data = self._incoming.read()
        self._incoming.write(data)
        self._first = not data
        return data[:1].isalpha()
