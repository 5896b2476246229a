"""What an example is: an app, and what it is called with."""

import inspect
import textwrap
from collections.abc import Callable
from typing import Any, NamedTuple

from asgictl.asgi import ASGIApp, Message, Scope

# What each example is called with, unless it says otherwise.
GET: dict[str, Any] = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.5"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/",
    "raw_path": b"/",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"host", b"localhost")],
    "client": ["127.0.0.1", 50000],
    "server": ["127.0.0.1", 8000],
}
CHAT: dict[str, Any] = {
    **{key: value for key, value in GET.items() if key != "method"},
    "type": "websocket",
    "scheme": "ws",
    "subprotocols": ["chat"],
    "extensions": {"websocket.http.response": {}},
}
LIFESPAN: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}

_READS: dict[str, tuple[Message, ...]] = {
    "http": ({"type": "http.request", "body": b"", "more_body": False},),
    "websocket": ({"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hello"}),
    "lifespan": ({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}),
}
_THEN: dict[str, tuple[Message, ...]] = {
    "http": ({"type": "http.disconnect"},),
    "websocket": ({"type": "websocket.disconnect", "code": 1000, "reason": ""},),
    "lifespan": (),
}


class Example(NamedTuple):
    """An app that breaks a rule, or one close to it that does not, with the scope and the messages it is given."""

    rule: str
    breaks: bool
    app: ASGIApp
    scope: Scope
    messages: tuple[Message, ...]

    @property
    def source(self) -> str:
        """The app's own lines, without the decorator."""
        lines = textwrap.dedent(inspect.getsource(self.app)).splitlines()
        first = next(n for n, line in enumerate(lines) if line.startswith(("async def", "def", "class")))
        return "\n".join(lines[first:])


EXAMPLES: list[Example] = []


def breaks(
    rule: str, scope: Scope = GET, messages: tuple[Message, ...] | None = None, **changes: Any
) -> Callable[[ASGIApp], ASGIApp]:
    """Take a function as the example that breaks `rule`; `changes` are keys of the scope, None for one that is absent.

    After `messages`, which are those of a usual client without any, the app is told that the client has gone.
    """
    return _example(rule, scope, messages, changes, breaks=True)


def keeps(
    rule: str, scope: Scope = GET, messages: tuple[Message, ...] | None = None, **changes: Any
) -> Callable[[ASGIApp], ASGIApp]:
    """Take a function as the example that keeps `rule`, as `breaks` does."""
    return _example(rule, scope, messages, changes, breaks=False)


def _example(
    rule: str, scope: Scope, messages: tuple[Message, ...] | None, changes: dict[str, Any], *, breaks: bool
) -> Callable[[ASGIApp], ASGIApp]:
    whole = {key: value for key, value in {**scope, **changes}.items() if key not in changes or value is not None}
    kind = str(whole["type"])
    given = (_READS.get(kind, ()) if messages is None else messages) + _THEN.get(kind, ())

    def taken(app: ASGIApp) -> ASGIApp:
        EXAMPLES.append(Example(rule, breaks, app, whole, given))
        return app

    return taken
