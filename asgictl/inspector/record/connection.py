"""One connection on its way through the recorder."""

from asyncio import _get_running_loop  # documented for loops, and raises nothing
from collections.abc import Callable, Coroutine
from threading import get_ident
from time import perf_counter, time
from typing import TYPE_CHECKING, Any
from weakref import ref

from asgictl.asgi import Message, Receive, Scope, Send
from asgictl.failure import class_name
from asgictl.inspector.headers import is_event_stream
from asgictl.inspector.record import (
    CONTENT,
    Direction,
    Fact,
    Failure,
    Observed,
    Opaque,
    Raised,
    drafts,
    failure,
    is_cancelled,
    observer,
    quoted,
)
from asgictl.inspector.record.snapshot import ATOMS, kept_scope, lasting_message, snapshot

if TYPE_CHECKING:
    from asgictl.inspector.recorder import Inspector

_CONTENT = frozenset(CONTENT)

# What else may hold a secret: a chosen subprotocol, a URL to push, links to hint at.
_URLS = frozenset(("links", "message", "path", "reason", "subprotocol"))

# A message with a body has a type, the body, and whether there is more.
_USUAL = 3


class WatchedConnection:
    """One connection on its way through. What is done for each message is written for speed (bench/inspecting.py)."""

    __slots__ = (
        "_answer",
        "_before",
        "_begun",
        "_files",
        "_id",
        "_inspector",
        "_is_gone",
        "_is_odd",
        "_is_over",
        "_limit",
        "_n",
        "_receive",
        "_received",
        "_receiving",
        "_scope",
        "_send",
        "_sending",
        "_sent",
        "_streams",
        "_tell",
        "_thread",
    )
    _redacted = False

    def __init__(self, inspector: "Inspector[Any]", number: int, scope: Scope, receive: Receive, send: Send) -> None:
        self._inspector = inspector
        self._id = number
        self._receive = receive
        self._send = send
        self._tell = inspector.tell
        self._n = self._received = self._sent = 0
        self._answer: tuple[Any, ...] = ()
        self._limit = inspector.body_limit
        self._streams = False
        self._is_gone = self._is_odd = self._is_over = False
        self._receiving = self._sending = 0
        self._files: dict[int, ref[Any]] = {}
        self._thread = get_ident()
        self._scope = scope
        self._before: Scope = {}
        try:
            self._streams = scope.get("type") == "websocket"
            kept = kept_scope(scope, inspector.redactor)
            self._before = observer.before(scope)
        except Exception as error:  # noqa: BLE001  # whatever a server hands over, the app is called
            kept = {"type": Opaque(type(error).__name__)}
        self._tell(drafts.opened(number, time(), kept, inspector.replay_of))
        self._begun = perf_counter()
        self._look(observer.of_scope, scope, inspector.lifespan, inspector.interface)
        inspector.interface = None
        if kept.get("type") == "lifespan":
            inspector.lifespan = observer.SeenLifespan(number, scope.get("state"), _get_running_loop())

    @observer.coroutine_function
    def receive(self) -> Coroutine[Any, Any, Message]:
        """Return the server's next message to the app."""
        watch: list[Any] = [None]
        coroutine = self._next(watch)
        watch[0] = ref(coroutine, lambda _: self._observe_unawaited("receive"))
        return coroutine

    @observer.coroutine_function
    def send(self, message: Message) -> Coroutine[Any, Any, None]:
        """Pass a message of the app on to the server."""
        watch: list[Any] = [None]
        coroutine = self._pass_on(message, watch)
        watch[0] = ref(coroutine, lambda _: self._observe_unawaited("send"))
        return coroutine

    # A coroutine that is closed before it has begun, as that of a cancelled task is, lets go of `watch`, and nothing
    # is told. One that is dropped still has it: weak references are the first to go.
    async def _next(self, watch: list[Any]) -> Message:
        __tracebackhide__ = True
        watch[0] = None
        self._receiving += 1
        try:
            if self._receiving > 1 or self._is_gone or get_ident() != self._thread:
                self._observe_call("receive", self._receiving)
            message = await self._receive()
        except Exception as error:
            self._raised("receive", error)
            raise
        finally:
            self._receiving -= 1
        self._record("receive", message)
        return message

    async def _pass_on(self, message: Message, watch: list[Any]) -> None:
        __tracebackhide__ = True
        watch[0] = None
        if isinstance(message, dict):
            # This runs the generators of the app's, if there are any.
            message = lasting_message(message)
        self._sending += 1
        try:
            if self._sending > 1 or get_ident() != self._thread:
                self._observe_call("send", self._sending)
            is_unasked = not self._n and self._streams and not self._receiving
            self._record("send", message)
            if is_unasked:
                self._observe("unasked")
            await self._send(message)
        except Exception as error:
            self._raised("send", error)
            raise
        finally:
            self._sending -= 1

    # So Python calls them when they are never awaited.
    _next.__qualname__, _pass_on.__qualname__ = "receive", "send"

    def end(self, error: BaseException | None, result: object = None) -> None:
        """Take note of the app's end: what it has raised, or returned."""
        inspector, ms = self._inspector, self._ms()
        self._is_over = True
        self._look(observer.of_end, self._scope, self._before, result, self._files)
        if inspector.lifespan is not None and inspector.lifespan.id == self._id:
            inspector.lifespan = None
        if error is None:
            self._tell(drafts.closed(self._id, ms))
        elif is_cancelled(error):
            self._tell(drafts.closed(self._id, ms, cancelled=True))
        else:
            inspector.latest_failure = id(error), self._hide
            self._tell(drafts.closed(self._id, ms, self._failure(error)))

    def _look(self, look: Callable[..., observer.Facts], *given: Any) -> None:
        """Take note of what `look` sees; it asks objects of the app's, which may raise anything."""
        try:
            for what, detail in look(*given):
                self._observe(what, detail)
        except BaseException:  # noqa: BLE001  # whatever they raise, the app gets none of it
            return

    def _observe(self, what: Fact, detail: Any = None) -> None:
        self._tell(Observed(self._id, self._n, self._ms(), what, detail))

    def _observe_call(self, direction: Direction, at_once: int) -> None:
        """Take note of a call of `receive` or `send` that should not have been made."""
        if at_once > 1:
            self._observe("overlap", direction)
        if direction == "receive" and self._is_gone:
            self._observe("asked")
        if get_ident() != self._thread:
            self._observe("thread", direction)

    def _observe_unawaited(self, direction: Direction) -> None:
        # A loop that was closed drops what its tasks have not begun.
        if not self._is_over or _get_running_loop() is not None:
            self._observe("unawaited", direction)

    def _ms(self) -> float:
        return (perf_counter() - self._begun) * 1000

    def _failure(self, error: BaseException) -> Failure:
        try:
            return failure(error, self._hide)
        except BaseException:  # noqa: BLE001  # whatever an app raises, the server gets it
            return Failure(class_name(error), "", "")

    def _hide(self, text: str) -> str:
        """Return a text without the secrets of this request and its answer."""
        return quoted.hiding(self._inspector.redactor, self._before, self._answers(), self._found())(text)

    def _answers(self) -> list[Any]:
        """Return the headers of the answer, and of what came after it."""
        return [pair for headers in self._answer if isinstance(headers, (list, tuple)) for pair in headers]

    def _found(self) -> list[bytes]:
        """Return the secrets of bodies."""
        return []

    def _raised(self, direction: Direction, error: Exception) -> None:
        self._tell(Raised(self._id, self._n, self._ms(), direction, self._failure(error)))
        if direction == "send" and self._is_gone and not isinstance(error, OSError):
            self._observe("refusal", class_name(error))

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
        if self._is_odd:
            self._is_odd = False
            self._look(observer.of_message, message, kept, self._files)
        if direction == "receive" and kept.__class__ is dict and kept.get("type") in observer.GONE:
            self._is_gone = True

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
            self._is_odd = True
            for key, value in kept.items():
                kept[key] = snapshot(value)
        if not _URLS.isdisjoint(kept):
            self._is_odd = True
            self._inspector.redactor.message(kept)
        if headers is not None:
            self._answer += (headers,)
            kept["headers"] = given = self._inspector.redactor.headers(headers)
            self._is_odd = self._is_odd or observer.is_changed(given, headers)
            headers = given
            self._streams = self._streams or is_event_stream(headers)
        elif "headers" in message:
            kept["headers"] = None
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
                self._is_odd = True
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
