"""What a server may know beyond the specification's own messages: push, files, early hints, trailers, debug.

https://asgi.readthedocs.io/en/latest/extensions.html
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from asgictl.inspector.endings import is_last
from asgictl.inspector.headers import Headers, joined, pairs, value_of
from asgictl.inspector.record import Event, Observed
from asgictl.inspector.rules import links
from asgictl.inspector.rules.http_rules.extension_fields import (
    DEBUG,
    DESCRIPTOR,
    LAST_TRAILERS,
    PATH,
    ZERO_COPY,
    of_extension,
)
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.value_text import shown

OFFERED = Rule(
    "A-201",
    "error",
    "app",
    "A message of an extension is sent only where the server has the extension.",
    links.EXTENSIONS,
    'look for it in `scope["extensions"]`, and do without it otherwise',
)
PUSH_TIME = Rule(
    "A-203",
    "error",
    "app",
    "A push comes after the start of the answer, and before the end of its body.",
    links.PUSH,
    "push between `http.response.start` and the last part of the body",
)
OPEN_FILE = Rule(
    "A-206",
    "warning",
    "app",
    "The application closes the file that it has had zero-copied: servers do not.",
    links.ZERO_COPY,
    'open the file in a `with`: `with open(path, "rb") as file:`',
)
PATH_ONCE = Rule(
    "A-208",
    "error",
    "app",
    "A file is sent by its path once, after the start, and with no other part of a body beside it.",
    links.PATH_SEND,
    "send the start, then the path, and nothing else",
)
PATH_HEADERS = Rule(
    "A-209",
    "warning",
    "app",
    "A file that is sent by its path is there, and the application sends its Content-Type and its Content-Length.",
    links.PATH_SEND,
    "look whether the file is there, and send its size and its type with the start",
)
HINT_TIME = Rule(
    "A-211",
    "info",
    "app",
    "An early hint comes before the answer by RFC 8297, and after its start by the text of the extension.",
    links.EARLY_HINTS,
    "send it before the start: servers leave a later one out",
)
PROMISED = Rule(
    "A-212",
    "error",
    "app",
    "Trailers are sent only where the start has announced them with `trailers`.",
    links.TRAILERS,
    'send `"trailers": True` with the start',
)
TRAILERS_TIME = Rule(
    "A-213",
    "error",
    "app",
    "Trailers come after the last part of the body.",
    links.TRAILERS,
    "send the last part of the body first, without `more_body`",
)
NO_TRAILERS = Rule(
    "A-216",
    "error",
    "app",
    "Trailers that the start has announced are sent: the server waits for them.",
    links.TRAILERS,
    "send `http.response.trailers`, or leave `trailers` out of the start",
)
TRAILER = Rule(
    "A-217",
    "warning",
    "app",
    "The header `trailer` names the trailers, which go only to a client that has sent `te: trailers`.",
    links.rfc(9110, "6.6.2"),
    "name each of them in the header `trailer` of the start",
)

_PUSH = "http.response.push"
_ZERO_COPY = "http.response.zerocopysend"
_PATH = "http.response.pathsend"
_HINT = "http.response.early_hint"
_TRAILERS = "http.response.trailers"
_DEBUG = "http.response.debug"

TYPES = frozenset((_PUSH, _ZERO_COPY, _PATH, _HINT, _TRAILERS, _DEBUG))

# Those that are content of the answer, as the parts of its body are (`endings.is_last` tells which is the last).
CONTENT = frozenset((_ZERO_COPY, _PATH))


class _Answer(Protocol):
    """What has to be known of the answer that a message belongs to, before that message."""

    scope: dict[str, Any]
    start: dict[str, Any] | None
    has_content: bool
    is_final: bool

    @property
    def extensions(self) -> dict[str, Any]:
        """What the server offers."""


class ExtensionMessages:
    """The messages of extensions in one answer; `has_path` tells that a file was sent by its path."""

    def __init__(self) -> None:
        self.has_path = False
        self._has_last_trailers = self._has_debug = self._is_told = False
        self._missing: set[str] = set()
        self._latest: dict[str, Any] = {}
        self._takes: dict[str, Callable[[Event, _Answer], Iterator[Broken]]] = {
            _PUSH: self._pushed,
            _ZERO_COPY: self._zero_copied,
            _PATH: self._of_path,
            _HINT: self._hinted,
            _TRAILERS: self._trailed,
            _DEBUG: self._debugged,
        }

    def sent(self, event: Event, answer: _Answer) -> Iterator[Broken]:
        """Yield what is wrong with a message of an extension; `answer` takes note of its content afterwards."""
        kind = event.type
        if kind not in answer.extensions and kind not in self._missing:
            self._missing.add(kind)
            yield OFFERED(f"the server does not have the extension `{kind}`")
        self._latest = event.message
        yield from self._takes[kind](event, answer)
        yield from of_extension(event.message, answer.scope)

    def beside(self) -> Iterator[Broken]:
        """Yield what is wrong with a part of a body beside the messages of extensions."""
        if self.has_path:
            yield PATH_ONCE("a part of a body is sent beside the file")

    def _pushed(self, event: Event, answer: _Answer) -> Iterator[Broken]:
        if where := _misplaced(answer):
            yield PUSH_TIME(f"`{event.type}` is sent {where}")

    def _zero_copied(self, event: Event, answer: _Answer) -> Iterator[Broken]:
        if self.has_path:
            yield PATH_ONCE("another file is sent beside the one by its path")
        elif where := _misplaced(answer):
            yield ZERO_COPY(f"`{event.type}` is sent {where}")

    def _of_path(self, event: Event, answer: _Answer) -> Iterator[Broken]:
        if self.has_path:
            yield PATH_ONCE(f"`{event.type}` is sent again")
        elif answer.has_content:
            yield PATH_ONCE(f"`{event.type}` is sent beside a body")
        elif answer.start is None:
            yield PATH_ONCE(f"`{event.type}` is sent before the start of the answer")
        else:
            for name in ("content-length", "content-type"):
                if value_of(_headers(answer.start), name) is None:
                    yield PATH_HEADERS(f"the file is sent without a `{name}`")
        self.has_path = True

    def _hinted(self, event: Event, answer: _Answer) -> Iterator[Broken]:
        if answer.start is not None and not answer.is_final:
            yield HINT_TIME(f"`{event.type}` is sent after the start of the answer")

    def _trailed(self, event: Event, answer: _Answer) -> Iterator[Broken]:
        if answer.start is not None and not _promises(answer):
            yield PROMISED("trailers are sent that the start has not announced")
        elif not answer.is_final:
            yield TRAILERS_TIME("trailers are sent before the end of the body")
        elif self._has_last_trailers:
            yield LAST_TRAILERS("trailers are sent after the last ones")
        else:
            yield from self._of_names(event, answer)
        self._has_last_trailers = self._has_last_trailers or is_last(event)

    def _of_names(self, event: Event, answer: _Answer) -> Iterator[Broken]:
        """Yield what is wrong with how trailers are announced."""
        named = {name.strip().lower() for name in joined(_headers(answer.start), "trailer").split(",")}
        for name in dict.fromkeys(key.decode("latin-1").lower() for key, _ in _headers(event.message)):
            if name not in named:
                yield TRAILER(f"the trailer {shown(name)} is not named in the header `trailer`")
        if not self._is_told and "trailers" not in joined(_headers(answer.scope), "te").lower():
            self._is_told = True
            yield TRAILER("the client has not sent `te: trailers`, and gets no trailers", severity="info")

    def _debugged(self, event: Event, answer: _Answer) -> Iterator[Broken]:
        if self._has_debug:
            yield DEBUG(f"`{event.type}` is sent again")
        elif answer.start is not None:
            yield DEBUG(f"`{event.type}` is sent after the start of the answer")
        self._has_debug = True

    def observed(self, record: Observed, answer: _Answer) -> Iterator[Broken]:
        """Yield what is wrong with the files, as far as it was seen."""
        if record.what == "open file":
            yield OPEN_FILE(f"the file, an object of `{record.detail}`, is still open")
        elif record.what != "file" or not isinstance(record.detail, dict):
            return
        elif record.detail.get("descriptor") is False:
            yield DESCRIPTOR("`file` has no file descriptor")
        elif record.detail.get("absolute") is False:
            yield PATH("the path is not absolute")
        elif "absolute" in record.detail:
            yield from _of_size(record.detail.get("size"), answer)

    def size_of(self, record: Observed) -> int | None:
        """Return how many bytes of an observed file are zero-copied.

        None where that is not known: without an offset it begins wherever the file is read next.
        """
        whole = record.detail.get("size") if isinstance(record.detail, dict) else None
        offset, count = self._latest.get("offset"), self._latest.get("count")
        if type(whole) is not int or "absolute" in record.detail:
            return None
        if type(offset) is int:
            rest = max(0, whole - offset)
            return min(rest, count) if type(count) is int else rest
        return count if type(count) is int else None

    def ended(self, answer: _Answer) -> Iterator[Broken]:
        """Yield what is missing of an app that has returned."""
        if answer.is_final and _promises(answer) and not self._has_last_trailers:
            yield NO_TRAILERS("the app has returned without the trailers that it has announced, or without the last")


def _promises(answer: _Answer) -> bool:
    return answer.start is not None and answer.start.get("trailers") is True


def _misplaced(answer: _Answer) -> str:
    if answer.start is None:
        return "before the start of the answer"
    return "after the end of the body" if answer.is_final else ""


def _headers(message: dict[str, Any] | None) -> Headers:
    return list(pairs(message.get("headers"))) if message else []


def _of_size(size: Any, answer: _Answer) -> Iterator[Broken]:
    if size is None:
        yield PATH_HEADERS("there is no such file")
    elif (said := value_of(_headers(answer.start), "content-length")) is not None and said.strip() != str(size):
        yield PATH_HEADERS(f"`content-length` is {shown(said)}, and the file has {size} bytes")
