"""A second listener, for plain HTTP, that leads to HTTPS."""

import logging
import re
from collections.abc import Callable, Sequence

from asgictl.asgi import Receive, Scope, Send
from asgictl.certs import names
from asgictl.certs.handshake import Certificate, look
from asgictl.errors import StartError
from asgictl.serving.sockets import listen
from asgictl.serving.sockets.listen import Bind
from asgictl.serving.tls import TlsRequest
from asgictl.serving.tls.plain_listener import PlainListener
from asgictl.serving.tls.stamps import stamp

_HTTPS = 443

# RFC 3986 section 3.2, without a user, and with what certificates can be for.
_AUTHORITY = re.compile(rb"(?P<host>\[(?P<v6>[0-9a-fA-F.]*:[0-9a-fA-F:.]+)\]|[0-9a-zA-Z._-]+)(:[0-9]*)?")

_THREAD = "asgictl-redirect"

# What uvicorn says of a WebSocket that it is not to serve, as if a package were missing.
_UNSUPPORTED = ("Unsupported upgrade request.", "No supported WebSocket library detected.")


class ServedNames:
    """The names that a certificate is for, also after it was replaced."""

    def __init__(self, request: TlsRequest, certificate: Certificate) -> None:
        """Begin with `certificate`, which is in the files of `request`."""
        self._request = request
        self._names = certificate.names
        self._seen = stamp(request.pair.certificate)

    def __call__(self) -> tuple[str, ...]:
        """Return the names."""
        now = stamp(self._request.pair.certificate)
        if now != self._seen and (found := look(*self._request.pair, self._request.ssl_keyfile_password)):
            self._seen, self._names = now, found.names
        return self._names


class Redirect:
    """Listens from its construction on, and answers from `start` on, in a thread of its own, until `stop`."""

    def __init__(self, bind: Bind, hosts: Callable[[], Sequence[str]], port: int) -> None:
        """Lead to `port` of the `hosts` that the certificate is for; raise `StartError` when `bind` is not free."""
        try:
            self._listener = listen.listen(bind)
        except StartError as error:
            raise StartError(f"{error.message}, for --redirect-http", hint="pass another --redirect-http") from error
        self.url = self._listener.address.url("http")
        self._hosts = hosts
        self._port = port
        self._server = PlainListener(self._app, self._listener, _THREAD)

    def start(self) -> None:
        """Answer; a second call does nothing."""
        if self._server.start():
            logging.getLogger("uvicorn.error").addFilter(_is_wanted)

    def stop(self) -> None:
        """Have it refuse new clients at once, and end."""
        self._server.stop()

    def close(self) -> None:
        """Stop, and return when it is over."""
        self._server.close()

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        """Answer 307, which keeps the method and the body, and which no browser remembers (RFC 9110 section 15.4.8)."""
        status, location = self._where(scope)
        text = b"This is HTTPS only.\n" if location else b"This host is not served here.\n"
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(text))]
        headers += [(b"location", location), (b"cache-control", b"no-store")] if location else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else text})

    def _where(self, scope: Scope) -> tuple[int, bytes]:
        """Return the status and where to go: only to the certificate's hosts, or anybody could be led anywhere."""
        headers = dict(scope["headers"])
        authority = headers.get(b"host", b"")
        path: bytes = scope["raw_path"]
        if not path.startswith(b"/"):  # the whole URL, as proxies are asked (RFC 9112 section 3.2.2)
            _, _, rest = path.partition(b"://")
            authority, slash, path = rest.partition(b"/")
            path = slash + path or b"/"
        found = _AUTHORITY.fullmatch(authority)
        if found is None or not names.match(self._hosts(), (found["v6"] or found["host"]).decode()):
            return 421, b""
        scheme = b"wss://" if headers.get(b"upgrade", b"").lower() == b"websocket" else b"https://"
        port = "" if self._port == _HTTPS else f":{self._port}"
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        return 307, scheme + found["host"] + port.encode() + path + query


def _is_wanted(record: logging.LogRecord) -> bool:
    """Tell whether a line is to be logged."""
    return record.threadName != _THREAD or not str(record.msg).startswith(_UNSUPPORTED)
