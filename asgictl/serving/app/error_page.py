"""The answer of an app that is broken: 500 with the reason, for those who may see it, until the next change."""

import re
import zlib
from collections.abc import Iterable
from pathlib import Path

from asgictl import addresses
from asgictl.asgi import Receive, Scope, Send
from asgictl.errors import AppLoadError
from asgictl.serving.request import ShowErrors

_HIDDEN = "The app is broken; the terminal in which it was started says why.\n"

# With this the page asks to be told when its error is shown no more, and is told that it still is.
_SHOWN = b"asgictl-error"

# What proxies add to a request: RFC 7239, RFC 9110 section 7.6.3, RFC 8586, and the fields that the documentation of
# nginx, Apache, Envoy, Akamai, AWS, Azure, Cloudflare, Fastly, Fly.io, Google and WebLogic names.
_BY_PROXIES = re.compile(
    rb".*forwarded.*|via|cdn-loop|cf-.*|fly-.*|x-(amz|amzn|appengine|arr|azure|envoy|original|vercel)-.*"
    rb"|(.*-)?(client|socket|user|remote)?-?(ip(v6)?|addr(ess)?)"
)
_CLIENTS = re.compile(rb"x-forwarded|.*-for|.*(ip|ipv6|addr|address)")
_HOSTS = re.compile(rb".*-host")

# RFC 7239 section 4.
_PAIR = re.compile(r"(for|host)\s*=\s*(\"[^\"]*\"|[^;,\s]*)", re.IGNORECASE)

_HOST = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(:\d*)?")


class ErrorPage:
    """An ASGI application that answers everything with an error."""

    def __init__(self, error: AppLoadError, show_errors: ShowErrors) -> None:
        """Show `error` to the clients that `show_errors` names; others learn only that there is one.

        `unwatched` says why edits do not count for now.
        """
        self._error = error
        self._show_errors = show_errors
        self.unwatched = ""
        self._name = b"%08x" % zlib.crc32(self._text().encode(errors="backslashreplace"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request with 500; refuse a WebSocket."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1011})
            return
        kind, text = "text/plain", _HIDDEN
        if self._show_errors == "always" or (self._show_errors == "loopback" and is_local(scope)):
            headers = dict(scope["headers"])
            if headers.get(_SHOWN) == self._name:
                await self._wait(receive, send)
                return
            kind = "text/html" if b"text/html" in headers.get(b"accept", b"") else "text/plain"
            text = self._html(scope["method"]) if kind == "text/html" else self._text()
        await send(_start(kind))
        await send({"type": "http.response.body", "body": text.encode(errors="backslashreplace")})

    async def _wait(self, receive: Receive, send: Send) -> None:
        """Leave the answer open: what ends the app, or the page, ends it."""
        await send(_start("text/event-stream", (_SHOWN, self._name)))
        await send({"type": "http.response.body", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass

    def _text(self) -> str:
        return "\n\n".join(part for part in self._parts() if part) + "\n"

    def _html(self, method: str) -> str:
        from html import escape

        message, hint, stack, unwatched = map(escape, self._parts())
        page = Path(__file__).with_name("error_page.html").read_text(encoding="utf-8")
        repeatable = "true" if method in {"GET", "HEAD"} else "false"
        return page.format(
            message=message,
            hint=hint,
            stack=stack,
            unwatched=unwatched,
            shown=_SHOWN.decode(),
            name=self._name.decode(),
            get=repeatable,
        )

    def _parts(self) -> tuple[str, str, str, str]:
        failure = self._error.failure
        unwatched = self.unwatched[:1].upper() + self.unwatched[1:]
        return self._error.message, self._error.hint or "", failure.users if failure else "", unwatched


def _start(kind: str, *more: tuple[bytes, bytes]) -> dict[str, object]:
    headers = [
        (b"content-type", f"{kind}; charset=utf-8".encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *more,
    ]
    return {"type": "http.response.start", "status": 500, "headers": headers}


def is_local(scope: Scope) -> bool:
    """Tell whether a request comes from this machine, and was meant for it.

    The client has a loopback address, and asks for one or for a `localhost` name: any other host may be a page
    elsewhere whose name points here (DNS rebinding). A request that came through a proxy has to name its clients, all
    of them with loopback addresses, whether the proxy is trusted or not. A client on a UNIX socket most often is a
    proxy, which speaks for others.
    """
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    proxied = [(name, value) for name, value in scope["headers"] if _BY_PROXIES.fullmatch(name)]
    named: list[str] = []
    for name, value in proxied:
        text = value.decode("latin-1")
        if name == b"forwarded":
            pairs = [(key.lower(), item.strip('"')) for key, item in _PAIR.findall(text)]
            named += [item for key, item in pairs if key == "for"]
            hosts += [item.encode("latin-1") for key, item in pairs if key == "host"]
        elif _CLIENTS.fullmatch(name):
            named += text.split(",")
        elif _HOSTS.fullmatch(name):
            hosts += value.split(b",")
    client = (scope.get("client") or ("",))[0]
    return (
        addresses.is_loopback(client)
        and bool(hosts)
        and all(_is_here(host.decode("latin-1")) for host in hosts)
        and (bool(named) or not proxied)
        and _are_loopback(named)
    )


def _are_loopback(clients: Iterable[str]) -> bool:
    """Tell whether all are loopback addresses, which may have a port."""
    return all(addresses.is_loopback(client.strip()) or addresses.is_loopback(_name(client)) for client in clients)


def _is_here(host: str) -> bool:
    name = _name(host)
    return name == "localhost" or name.endswith(".localhost") or addresses.is_loopback(name)


def _name(host: str) -> str:
    """Return the name or the address of a host that may have a port (RFC 3986 section 3.2.2); nothing for another."""
    match = _HOST.fullmatch(host.strip())
    name = match[1].lower() if match else ""
    if name.startswith("["):
        return name[1:-1] if ":" in name else ""
    return name
