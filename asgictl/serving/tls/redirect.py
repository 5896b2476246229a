"""A second listener, for plain HTTP, that leads to HTTPS."""

import asyncio
import contextlib
import logging
import re
import threading
from collections.abc import Callable, Sequence
from typing import Any

import uvicorn

from asgictl.asgi import Receive, Scope, Send
from asgictl.certs import names
from asgictl.certs.handshake import Certificate, look
from asgictl.errors import StartError
from asgictl.serving import protocols
from asgictl.serving.sockets import listen
from asgictl.serving.sockets.listen import Bind
from asgictl.serving.sockets.request_head import LimitedHead
from asgictl.serving.tls import TlsRequest
from asgictl.serving.tls.stamps import stamp

_HTTPS = 443

# RFC 3986 section 3.2, without a user, and with what certificates can be for.
_AUTHORITY = re.compile(rb"(?P<host>\[(?P<v6>[0-9a-fA-F.]*:[0-9a-fA-F:.]+)\]|[0-9a-zA-Z._-]+)(:[0-9]*)?")

# How long an end may take, in seconds.
_END = 2.0

# How long a request's head may take, in seconds, as with --prod.
_HEAD = 30.0

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
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        config = uvicorn.Config(
            self._app,
            http=_protocol,  # type: ignore[arg-type]  # whatever makes one is called
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)

    def start(self) -> None:
        """Answer; a second call does nothing."""
        if self._thread is None and not self._server.should_exit:
            logging.getLogger("uvicorn.error").addFilter(_is_wanted)
            self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),), name=_THREAD, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Have it refuse new clients at once, and end, which takes uvicorn up to 0.1 s."""
        self._server.should_exit = True
        if self._thread is None:
            self._listener.close()
        elif self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it is closed already
                self._loop.call_soon_threadsafe(self._close_doors)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve([self._listener.socket])

    def _close_doors(self) -> None:
        for server in getattr(self._server, "servers", ()):
            server.close()

    def close(self) -> None:
        """Stop, and return when it is over."""
        self.stop()
        if self._thread is not None:
            self._thread.join(_END)
        self._listener.close()

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


def _protocol(**arguments: Any) -> asyncio.Protocol:
    """Return what speaks HTTP on one connection: h11, which limits the size of a head itself."""
    inner = protocols.http_class("h11")(**arguments)
    return LimitedHead(inner, arguments["server_state"], seconds=_HEAD, size=0, refused=lambda _: None)


def _is_wanted(record: logging.LogRecord) -> bool:
    """Tell whether a line is to be logged."""
    return record.threadName != _THREAD or not str(record.msg).startswith(_UNSUPPORTED)
