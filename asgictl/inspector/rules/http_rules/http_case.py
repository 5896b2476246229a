"""An HTTP request and its answer before the rules: what follows what."""

from collections.abc import Iterable, Iterator
from typing import Any

from asgictl.inspector.endings import is_last
from asgictl.inspector.record import Event, Observed, Opened
from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import Case, Shared
from asgictl.inspector.rules.http_rules import response_start
from asgictl.inspector.rules.http_rules.extension_messages import CONTENT, TYPES, ExtensionMessages
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

    sends = frozenset(("http.response.start", "http.response.body")) | TYPES
    receives = frozenset(("http.request", "http.disconnect"))

    def __init__(self, opened: Opened, shared: Shared) -> None:
        super().__init__(opened, shared)
        self.start: dict[str, Any] | None = None
        self.has_content = self.is_final = False
        self.extended: ExtensionMessages | None = None

    def sent(self, event: Event) -> Iterable[Broken]:
        """Yield what is wrong with what the app sends."""
        if event.type == "http.response.start":
            return self._started(event.message)
        if event.type in TYPES:
            self.extended = self.extended or ExtensionMessages()
            found = list(self.extended.sent(event, self))
        else:
            found = list(self.extended.beside()) if self.extended is not None else []
        if event.type in CONTENT or event.type == "http.response.body":
            self.has_content = True
            self.is_final = self.is_final or is_last(event)
        return found

    def observed(self, record: Observed) -> Iterable[Broken]:
        """Yield what is wrong with what was seen beside the messages."""
        if record.what in {"file", "open file"} and self.extended is not None:
            return self.extended.observed(record, self)
        return super().observed(record)

    def _started(self, message: dict[str, Any]) -> Iterator[Broken]:
        if self.start is not None:
            yield ONE_START("`http.response.start` is sent again")
        self.start = message
        yield from response_start.of_start(message)

    def ended(self) -> Iterable[Broken]:
        """Yield what is missing of an app that has returned."""
        if self.start is None and not self.is_gone:
            yield NO_START("the app has returned without an answer")
        elif not self.is_gone:
            yield from (self.extended or ExtensionMessages()).ended(self)
