"""The answer of an app that is broken: 500 with the reason, for those who may see it, until the next change."""

from pathlib import Path

from asgictl import addresses
from asgictl.asgi import Receive, Scope, Send
from asgictl.errors import AppLoadError
from asgictl.serving.request import ShowErrors

_HIDDEN = "The app is broken; the terminal in which it was started says why.\n"


class ErrorPage:
    """An ASGI application that answers everything with an error."""

    def __init__(self, error: AppLoadError, show_errors: ShowErrors) -> None:
        """Show `error` to the clients that `show_errors` names; others learn only that there is one."""
        self._error = error
        self._show_errors = show_errors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request with 500; refuse a WebSocket."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1011})
            return
        kind, text = "text/plain", _HIDDEN
        if self._show_errors == "always" or (self._show_errors == "loopback" and is_local(scope)):
            accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
            kind = "text/html" if b"text/html" in accept else "text/plain"
            text = self._html() if kind == "text/html" else self._text()
        headers = [
            (b"content-type", f"{kind}; charset=utf-8".encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        body = text.encode(errors="backslashreplace")
        await send({"type": "http.response.start", "status": 500, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _text(self) -> str:
        return "\n\n".join(part for part in self._parts() if part) + "\n"

    def _html(self) -> str:
        from html import escape

        message, hint, stack = map(escape, self._parts())
        page = Path(__file__).with_name("error_page.html").read_text(encoding="utf-8")
        return page.format(message=message, hint=hint, stack=stack)

    def _parts(self) -> tuple[str, str, str]:
        failure = self._error.failure
        return self._error.message, self._error.hint or "", failure.users if failure else ""


def is_local(scope: Scope) -> bool:
    """Tell whether a request comes from this machine, and was meant for it.

    The client's address has to be a loopback one, of IPv4, IPv6 or IPv4-mapped, and so has each that a proxy names,
    whether proxies are trusted or not. A client on a UNIX socket most often is a proxy, which speaks for others. A host
    that is neither an address nor `localhost` may be a page elsewhere that has its name point here (DNS rebinding).
    """
    forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    clients = [(scope.get("client") or ("",))[0], *b",".join(forwarded).decode("latin-1").split(",")]
    host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
    name = host[1 : host.find("]")] if host.startswith("[") else host.partition(":")[0]
    meant = name.lower() == "localhost" or name.lower().endswith(".localhost") or addresses.parsed(name) is not None
    return meant and all(addresses.is_loopback(client.strip()) for client in (clients if forwarded else clients[:1]))
