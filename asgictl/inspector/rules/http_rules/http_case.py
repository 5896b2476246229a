"""An HTTP request and its answer before the rules: what follows what."""

from collections.abc import Iterable, Iterator
from typing import Any

from asgictl.inspector.record import Event, Opened
from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import Case, Shared
from asgictl.inspector.rules.http_rules import response_start
from asgictl.inspector.rules.rule import Broken, Rule

ONE_START = Rule(
    "A-153",
    "error",
    "app",
    "An answer has exactly one `http.response.start`.",
    links.RESPONSE_START,
    "send the start once, and each part of the body as `http.response.body`",
)
NO_START = Rule(
    "A-155",
    "error",
    "app",
    "An application answers each request, unless its client has gone.",
    links.RESPONSE_START,
    "send an answer on each way through the application, or raise",
)


class HttpCase(Case):
    """An HTTP request and its answer."""

    sends = frozenset(("http.response.start", "http.response.body"))
    receives = frozenset(("http.request", "http.disconnect"))

    def __init__(self, opened: Opened, shared: Shared) -> None:
        super().__init__(opened, shared)
        self.start: dict[str, Any] | None = None

    def sent(self, event: Event) -> Iterable[Broken]:
        """Yield what is wrong with what the app sends."""
        if event.type == "http.response.start":
            return self._started(event.message)
        return ()

    def _started(self, message: dict[str, Any]) -> Iterator[Broken]:
        if self.start is not None:
            yield ONE_START("`http.response.start` is sent again")
        self.start = message
        yield from response_start.of_start(message)

    def ended(self) -> Iterable[Broken]:
        """Yield what is missing of an app that has returned."""
        if self.start is None and not self.is_gone:
            yield NO_START("the app has returned without an answer")
