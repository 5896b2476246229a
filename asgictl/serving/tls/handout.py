"""A page over plain HTTP that hands the certificate of an authority to a phone: once, and not for long."""

import hashlib
import secrets
import string
import time
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import NamedTuple, Self

from asgictl.asgi import Receive, Scope, Send
from asgictl.serving.sockets import listen
from asgictl.serving.sockets.listen import Bind
from asgictl.serving.tls.plain_listener import PlainListener
from asgictl.spans import plain

# How long the page is there, and how long after a download, for another try; in seconds.
LIMIT = 600.0
AGAIN = 30.0

# How often to look whether it is over, in seconds.
_TICK = 0.1

_FILE = "asgictl-ca.crt"
_HTML = b"text/html; charset=utf-8"
_TEXT = b"text/plain; charset=utf-8"
_OK = 200

# How many bytes of the fingerprint are in one line of the page.
_PAIRS = 8

# What Safari on iOS takes for a profile to install, and Android keeps as a file.
_ROOT = b"application/x-x509-ca-cert"

_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


class Root(NamedTuple):
    """The certificate of an authority, in DER form, what it is called, and what it is to vouch for."""

    der: bytes
    name: str
    scope: str

    @property
    def fingerprint(self) -> str:
        """The SHA-256 fingerprint, as phones write it."""
        return hashlib.sha256(self.der).digest().hex(":").upper()


class Handout:
    """Listens from its construction on, and answers within its `with` block, in a thread of its own."""

    def __init__(
        self,
        host: str,
        root: Root,
        note: Callable[[str], object],
        *,
        secret: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Hand `root` to who asks for a `secret` path at the address `host`; `note` hears of it.

        Raises `StartError` when the address is not one of this machine.
        """
        self._listener = listen.listen(Bind(host=host, port=0))
        self.downloaded_by: str | None = None
        self._note = note
        self._clock = clock
        self._ends = clock() + LIMIT
        origin = self._listener.address.url("http")
        self.url = f"{origin}/{secret}"
        self._authority = origin.removeprefix("http://").encode()
        self._file = f"/{secret}/{_FILE}"
        self._contents = {f"/{secret}": (_HTML, _page(root, self._file)), self._file: (_ROOT, root.der)}
        self._server = PlainListener(
            self._app, self._listener, "asgictl-handout", log_level="critical", server_header=False
        )

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def wait(self) -> str | None:
        """Wait until a phone has the certificate, and had time for another try; return its address.

        None when the time is up before.
        """
        while (left := self._ends - self._clock()) > 0:
            time.sleep(min(left, _TICK))
        return self.downloaded_by

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        """Answer who came by the address, or else a page elsewhere could be one whose name leads here."""
        status, kind, body = 404, _TEXT, b"There is nothing here.\n"
        path = next((path for path in self._contents if _is_same(path, scope["path"])), None)
        if dict(scope["headers"]).get(b"host", b"").lower() != self._authority:
            status, body = 421, b"This host is not served here.\n"
        elif path is not None and scope["method"] in {"GET", "HEAD"}:
            status, (kind, body) = 200, self._contents[path]
        if status == _OK and scope["method"] == "GET":
            self._count(path, scope["client"][0])
        headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *_HEADERS]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _count(self, path: str | None, client: str) -> None:
        if path != self._file:
            self._note(f"{client} has opened the page")
            return
        self.downloaded_by = client
        self._ends = min(self._ends, self._clock() + AGAIN)
        self._note(f"{client} has downloaded the certificate; it can do so again for {AGAIN:.0f} s, Ctrl-C ends it")


def _is_same(one: str, other: str) -> bool:
    """Compare in a time that tells nothing."""
    return secrets.compare_digest(one.encode(), other.encode(errors="replace"))


def _page(root: Root, file: str) -> bytes:
    template = string.Template(Path(__file__).with_name("handout.html").read_text(encoding="utf-8"))
    pairs = root.fingerprint.split(":")
    lines = [":".join(pairs[start : start + _PAIRS]) for start in range(0, len(pairs), _PAIRS)]
    texts = {"name": root.name, "scope": root.scope, "file": file, "basename": _FILE}
    safe = {key: escape(plain(text)) for key, text in texts.items()}
    return template.substitute(safe, fingerprint="<br>".join(lines)).encode(errors="replace")
