"""The recorder: an ASGI middleware that tells a sink of everything that passes, and changes nothing of it."""

import itertools
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic

from asgictl.asgi import Asgi2, ASGIApp, Receive, Scope, Send
from asgictl.inspector.record import Closed, Finding, Record, Sink, redaction
from asgictl.inspector.record.connection import WatchedConnection
from asgictl.inspector.record.memory import Memory
from asgictl.inspector.record.observer import SeenLifespan
from asgictl.inspector.record.secret_bodies import DiscreetConnection, SecretBodies
from asgictl.inspector.request import BODY_LIMIT, CHECKS, Check
from asgictl.inspector.rules.referee import LiveReferee

_logger = logging.getLogger("asgictl.inspector")

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    S = TypeVar("S", bound=Sink, default=Memory)
else:
    from typing import TypeVar

    S = TypeVar("S")  # it takes a default from Python 3.13 on


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
        check: Check = "off",
        ignore: Iterable[str] = (),
        info: bool = False,
        on_finding: Callable[[Finding], object] | None = None,
    ) -> None:
        """Wrap `app`.

        `sink` is called with each record (`asgictl.records`) as it happens, in the thread of the event loop,
        and should return soon; without one, `Memory` keeps the latest exchanges, as `sink.exchanges`. The values of
        headers, parameters and cookies that `redact` names are replaced before anything is kept, and so are those of
        the fields in bodies and messages that `redact_body` names: in JSON, forms and text; a body that is packed,
        or comes in several messages, is left out whole. Of a body, and of each message of a WebSocket or an event
        stream, `body_limit` bytes are kept. Exchanges are numbered from `first_id`.

        With `check`, every rule of ASGI that is broken is a `Finding` after the record that broke it, or before the
        last one: rules of the app with "app", those of the server as well with "all", without those whose numbers are
        like a pattern in `ignore`. What is legal, and only worth a look, is told with `info`. `on_finding` is called
        with each finding, too.
        """
        if check not in CHECKS:
            raise ValueError(f"check is one of {', '.join(map(repr, CHECKS))}, and not {check!r}")
        self.app = app
        self.sink: S = Memory() if sink is None else sink  # type: ignore[assignment]  # S is its default
        self.redactor = redaction.Redactor(redact, redact_body)
        self.bodies = SecretBodies(self.redactor.body_names)
        self._watched = DiscreetConnection if self.redactor.body_names else WatchedConnection
        self.body_limit = body_limit
        self.replay_of: int | None = None
        self.latest_failure: tuple[int, Callable[[str], str]] | None = None
        self.lifespan: SeenLifespan | None = None
        # Which one the app has instead of ASGI 3, until that is told.
        self.interface = "asgi2" if isinstance(app, Asgi2) else None
        self._ids = itertools.count(first_id)
        self._on_finding = on_finding
        self._referee = LiveReferee(check, ignore, info=info) if check != "off" else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """Call the app, and record what passes."""
        __tracebackhide__ = True
        watched = self._watched(self, next(self._ids), scope, receive, send)
        try:
            result: Any = await self.app(scope, watched.receive, watched.send)  # type: ignore[func-returns-value]
        except BaseException as error:
            watched.end(error)
            raise
        watched.end(None, result)
        return result

    def tell(self, record: Record) -> None:
        """Pass a record on to the sink, whose errors are no business of the app's, and what is wrong with it."""
        try:
            if self._referee is None or not (findings := self._referee.findings(record)):
                self.sink(record)
                return
            told: list[Record] = [*findings, record] if isinstance(record, Closed) else [record, *findings]
            for one in told:
                self.sink(one)
            for finding in findings if self._on_finding is not None else ():
                self._on_finding(finding)  # type: ignore[misc]  # it is there
        except Exception:
            _logger.exception("the sink of an asgictl.Inspector failed")
