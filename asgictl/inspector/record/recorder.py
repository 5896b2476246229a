"""The recorder: an ASGI middleware that tells a sink of everything that passes, and changes nothing of it."""

import itertools
import logging
from collections.abc import Callable, Iterable
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, Generic

from asgictl.asgi import ASGIApp, Message, Receive, Scope, Send
from asgictl.failure import class_name
from asgictl.inspector.record import (
    CONTENT,
    Direction,
    Failure,
    Opaque,
    Raised,
    Record,
    Sink,
    drafts,
    failure,
    is_cancelled,
    quoted,
    redaction,
)
from asgictl.inspector.record.memory import Memory
from asgictl.inspector.record.secret_bodies import Conversation, SecretBodies
from asgictl.inspector.record.snapshot import ATOMS, kept_scope, lasting, lasting_links, snapshot
from asgictl.inspector.request import BODY_LIMIT

_logger = logging.getLogger("asgictl.inspector")

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    S = TypeVar("S", bound=Sink, default=Memory)
else:
    from typing import TypeVar

    S = TypeVar("S")  # it takes a default from Python 3.13 on

_CONTENT = frozenset(CONTENT)

# What else may hold a secret: a chosen subprotocol, a URL to push, links to hint at.
_URLS = frozenset(("links", "message", "path", "reason", "subprotocol"))

# A message with a body has a type, the body, and whether there is more.
_USUAL = 3


class Inspector(Generic[S]):
    """An ASGI 3 application that answers as `app` does, byte by byte, and tells `sink` of every scope and message."""

    def __init__(  # noqa: PLR0913  # what may be said of it
        self,
        app: ASGIApp,
        *,
        sink: S | None = None,
        redact: Iterable[str] = redaction.NAMES,
        redact_body: Iterable[str] = (),
        body_limit: int = BODY_LIMIT,
        first_id: int = 0,
    ) -> None:
        """Wrap `app`.

        `sink` is called with each record (`asgictl.records`) as it happens, in the thread of the event loop,
        and should return soon; without one, `Memory` keeps the latest exchanges, as `sink.exchanges`. The values of
        headers, parameters and cookies that `redact` names are replaced before anything is kept, and so are those of
        the fields in bodies and messages that `redact_body` names: in JSON, forms and text; a body that is packed,
        or comes in several messages, is left out whole. Of a body, and of each message of a WebSocket or an event
        stream, `body_limit` bytes are kept. Exchanges are numbered from `first_id`.
        """
        self.app = app
        self.sink: S = Memory() if sink is None else sink  # type: ignore[assignment]  # S is its default
        self.redactor = redaction.Redactor(redact, redact_body)
        self.bodies = SecretBodies(self.redactor.body_names)
        self._watched = _Discreet if self.redactor.body_names else _Watched
        self.body_limit = body_limit
        self.replay_of: int | None = None
        self.latest_failure: tuple[int, Callable[[str], str]] | None = None
        self._ids = itertools.count(first_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """Call the app, and record what passes."""
        __tracebackhide__ = True
        watched = self._watched(self, next(self._ids), scope, receive, send)
        try:
            result: Any = await self.app(scope, watched.receive, watched.send)  # type: ignore[func-returns-value]
        except BaseException as error:
            watched.end(error)
            raise
        watched.end(None)
        return result

    def tell(self, record: Record) -> None:
        """Pass a record on to the sink, whose errors are no business of the app's."""
        try:
            self.sink(record)
        except Exception:
            _logger.exception("the sink of an asgictl.Inspector failed")


class _Watched:
    """One connection on its way through. What is done for each message is written for speed (bench/inspecting.py)."""

    __slots__ = (
        "_answer",
        "_asked",
        "_begun",
        "_id",
        "_inspector",
        "_limit",
        "_n",
        "_receive",
        "_received",
        "_send",
        "_sent",
        "_streams",
        "_tell",
    )
    _redacted = False

    def __init__(self, inspector: Inspector[Any], number: int, scope: Scope, receive: Receive, send: Send) -> None:
        self._inspector = inspector
        self._id = number
        self._receive = receive
        self._send = send
        self._tell = inspector.tell
        self._n = 0
        self._answer: tuple[Any, ...] = ()
        self._limit = inspector.body_limit
        self._received = 0
        self._sent = 0
        self._streams = False
        self._asked: tuple[Any, Any, Any] = (), None, None
        try:
            self._streams = scope.get("type") == "websocket"
            kept = kept_scope(scope, inspector.redactor)
            # As the app was asked: it may change its scope before it fails.
            headers = scope.get("headers")
            headers = headers[:] if headers.__class__ is list else headers
            self._asked = headers, scope.get("query_string"), scope.get("raw_path")
        except Exception as error:  # noqa: BLE001  # whatever a server hands over, the app is called
            kept = {"type": Opaque(type(error).__name__)}
        self._tell(drafts.opened(number, time(), kept, inspector.replay_of))
        self._begun = perf_counter()

    async def receive(self) -> Message:
        __tracebackhide__ = True
        try:
            message = await self._receive()
        except Exception as error:
            self._raised("receive", error)
            raise
        self._record("receive", message)
        return message

    async def send(self, message: Message) -> None:
        __tracebackhide__ = True
        if isinstance(message, dict):
            if "headers" in message and (headers := lasting(message["headers"])) is not message["headers"]:
                message = {**message, "headers": headers}
            if "links" in message and (links := lasting_links(message["links"])) is not message["links"]:
                message = {**message, "links": links}
        self._record("send", message)
        try:
            await self._send(message)
        except Exception as error:
            self._raised("send", error)
            raise

    def end(self, error: BaseException | None) -> None:
        inspector, ms = self._inspector, self._ms()
        if error is None:
            self._tell(drafts.closed(self._id, ms))
        elif is_cancelled(error):
            self._tell(drafts.closed(self._id, ms, cancelled=True))
        else:
            inspector.latest_failure = id(error), self._hide
            self._tell(drafts.closed(self._id, ms, self._failure(error)))

    def _ms(self) -> float:
        return (perf_counter() - self._begun) * 1000

    def _failure(self, error: BaseException) -> Failure:
        try:
            return failure(error, self._hide)
        except BaseException:  # noqa: BLE001  # whatever an app raises, the server gets it
            return Failure(class_name(error), "", "")

    def _hide(self, text: str) -> str:
        """Return a text without the secrets of this request and its answer."""
        scope = dict(zip(("headers", "query_string", "raw_path"), self._asked, strict=True))
        return quoted.hiding(self._inspector.redactor, scope, self._answers(), self._found())(text)

    def _answers(self) -> list[Any]:
        """Return the headers of the answer, and of what came after it."""
        return [pair for headers in self._answer if isinstance(headers, (list, tuple)) for pair in headers]

    def _found(self) -> list[bytes]:
        """Return the secrets of bodies."""
        return []

    def _raised(self, direction: Direction, error: Exception) -> None:
        self._tell(Raised(self._id, self._n, self._ms(), direction, self._failure(error)))

    def _record(self, direction: Direction, message: Any) -> None:
        ms = (perf_counter() - self._begun) * 1000
        self._n = n = self._n + 1
        size, cut = 0, False
        try:
            if isinstance(message, dict):
                kept, size, cut = self._kept(direction, message)
            else:
                kept = snapshot(message)
        except Exception:  # noqa: BLE001  # whatever an app sends, the server gets it
            kept = Opaque(class_name(message))
        self._tell(drafts.event(self._id, n, ms, direction, kept, size, cut, self._redacted))

    def _kept(self, direction: Direction, message: Message) -> tuple[Any, int, bool]:
        """Return what is kept of a message, the size of its content in bytes, and whether some of that is missing."""
        kept = dict(message)
        headers = kept.pop("headers", None)
        size, cut = 0, False
        if (body := kept.get("body")).__class__ is bytes and len(kept) <= _USUAL:
            size = len(body)
            if size:
                kept["body"], cut = self._within_limit(direction, body, size)
        elif not _CONTENT.isdisjoint(kept):
            size, cut = self._keep_content(direction, kept)
        if not ATOMS.issuperset(map(type, kept.values())):
            for key, value in kept.items():
                kept[key] = snapshot(value)
        if not _URLS.isdisjoint(kept):
            self._inspector.redactor.message(kept)
        if headers is not None:
            self._answer += (headers,)
            kept["headers"] = headers = self._inspector.redactor.headers(headers)
            self._streams = self._streams or _is_event_stream(headers)
        return kept, size, cut

    def _keep_content(self, direction: Direction, kept: dict[str, Any]) -> tuple[int, bool]:
        sizes, missing = [], False
        for key in CONTENT:
            value = kept.get(key)
            if isinstance(value, str):
                size = len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
            elif isinstance(value, (bytes, bytearray)):
                size = len(value)
            elif isinstance(value, memoryview):
                size = value.nbytes
                value = value.tobytes()
            else:
                continue
            kept[key], cut = self._within_limit(direction, value, size)
            sizes.append(size)
            missing = missing or cut
        return (sizes[0] if sizes else 0), missing

    def _within_limit(self, direction: Direction, content: Any, size: int) -> tuple[Any, bool]:
        if self._streams:
            before = 0
        elif direction == "send":
            before, self._sent = self._sent, self._sent + size
        else:
            before, self._received = self._received, self._received + size
        limit = max(0, self._limit - before)
        if size <= limit:
            return content, False
        if isinstance(content, str):
            return content.encode("utf-8", "surrogatepass")[:limit].decode("utf-8", "ignore"), True
        return content[:limit], True


class _Discreet(_Watched):
    """One connection, of whose bodies some values are not kept."""

    __slots__ = ("_conversation", "_redacted")

    def __init__(self, inspector: Inspector[Any], *connection: Any) -> None:
        self._conversation = Conversation(inspector.bodies, inspector.redactor)
        super().__init__(inspector, *connection)

    def _kept(self, direction: Direction, message: Message) -> tuple[Any, int, bool]:
        kept, size, cut = super()._kept(direction, message)
        self._redacted = left_out = False
        if size:
            headers = self._asked[0] if direction == "receive" else self._answers()
            self._redacted, left_out = self._conversation.take(direction, kept, size, headers)
        return kept, size, cut or left_out

    def _found(self) -> list[bytes]:
        return self._conversation.secrets()


def _is_event_stream(headers: Any) -> bool:
    for pair in headers if headers.__class__ is list else ():
        if pair.__class__ is tuple and pair[0].__class__ is bytes and pair[0].lower() == b"content-type":
            return pair[1].__class__ is bytes and pair[1].lower().startswith(b"text/event-stream")
    return False
