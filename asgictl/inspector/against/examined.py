"""The app that a server is checked with: it does what each probe asks for, and keeps what it was given."""

import asyncio
from typing import Any

from asgictl.asgi import Message, Receive, Scope, Send
from asgictl.inspector.against import http_behaviours, probe_mark, websocket_behaviours
from asgictl.inspector.against.ledger import Ledger
from asgictl.inspector.against.visit import Visit
from asgictl.inspector.recorder import Inspector
from asgictl.inspector.rules.server_rules.given import Given
from asgictl.inspector.rules.server_rules.received_http import HttpGiven
from asgictl.inspector.rules.server_rules.received_websocket import WebSocketGiven
from asgictl.inspector.sessions import codec

_KEPT, _SEEN = "asgictl.kept", "asgictl.seen"


class Examined:
    """An ASGI application that does what the probes of `asgictl check --against` ask for."""

    def __init__(self, ledger: Ledger) -> None:
        """Tell `ledger` what only a probe can know."""
        self._ledger = ledger
        self._state: Any = None
        self._kept = object()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        # Nothing has come between since the recorder has begun with it.
        visit = Visit(scope, receive, send, self._ledger, self._ledger.latest)
        if scope.get("type") == "lifespan":
            await self._lifespan(visit)
            return
        is_websocket = scope.get("type") == "websocket"
        self._look_at_state(visit, WebSocketGiven if is_websocket else HttpGiven)
        mark = probe_mark.of_scope(scope)
        known = websocket_behaviours.BY_PROBE if is_websocket else http_behaviours.BY_PROBE
        usual = websocket_behaviours.chat if is_websocket else http_behaviours.answer
        await known.get(mark.probe if mark else "", usual)(visit)

    async def _lifespan(self, visit: Visit) -> None:
        state = visit.scope.get("state")
        self._state = state if isinstance(state, dict) else None
        await visit.receive()
        if self._state is not None:
            self._state[_KEPT] = self._kept
        await visit.send({"type": "lifespan.startup.complete"})
        await visit.receive()
        await visit.send({"type": "lifespan.shutdown.complete"})

    def _look_at_state(self, visit: Visit, kind: type[Given]) -> None:
        """Judge that a request has a copy of the lifespan's state, which is its own."""
        if self._state is None:
            return
        state = visit.scope.get("state")
        if not isinstance(state, dict) or state.get(_KEPT) is not self._kept:
            visit.judge(kind.state_rule("what the lifespan has put into `state` is not in the scope", n=0))
        elif state is not self._state:
            if _SEEN in state:
                visit.judge(kind.state_rule("the `state` holds what another request has put into its own", n=0))
            state[_SEEN] = True


def is_wanted(scope: Any) -> bool:
    """Tell whether a connection is one for it: a probe, or the lifespan."""
    try:
        if scope["type"] == "lifespan":
            return True
    except Exception:  # noqa: BLE001  # whatever a server hands over
        return True
    return probe_mark.of_scope(scope) is not None


_ledger = Ledger()
_inspector = Inspector(Examined(_ledger), sink=_ledger, redact=(), body_limit=64 * 1024, check="all", info=True)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a probe, or tell what was seen of those before."""
    mark = probe_mark.of_scope(scope) if isinstance(scope, dict) else None
    if mark is None or mark.probe != probe_mark.RESULTS:
        await _inspector(scope, receive, send)
        return
    await asyncio.sleep(0)
    body = "".join(map(codec.dumps, _ledger.records(mark.session))).encode()
    headers = [(b"content-type", probe_mark.MEDIA_TYPE), (b"content-length", str(len(body)).encode())]
    start: Message = {"type": "http.response.start", "status": 200, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": body})
