"""An answer for clients that speak plain HTTP to a port for HTTPS, as Go's servers give one."""

import ssl
from typing import Any

_TEXT = b"This port speaks HTTPS: write https:// in front of the address.\n"
_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(_TEXT), _TEXT)
)


class Doorman(ssl.SSLObject):
    """A connection, for `SSLContext.sslobject_class`, that knows a plain HTTP request when it sees one."""

    _outgoing: ssl.MemoryBIO

    @classmethod
    def _create(cls, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, **more: Any) -> "Doorman":
        # What `SSLContext.wrap_bio` calls; there is no other way to what is going to be sent.
        made: Doorman = super()._create(incoming, outgoing, **more)  # type: ignore[misc]
        made._outgoing = outgoing  # of the same class
        return made

    def do_handshake(self) -> None:
        """Answer a plain request where OpenSSL would give up, and wait for the client to leave."""
        try:
            super().do_handshake()
        except ssl.SSLError as error:
            if error.reason != "HTTP_REQUEST":
                raise
            self._outgoing.write(_ANSWER)
            raise ssl.SSLWantReadError from error
