"""Which messages begin or end something: a body, an answer, a connection."""

from collections.abc import Iterable

from asgictl.inspector.record import Event

# The key that is true where more follows. A file that is sent by its path, or zero-copied, ends the body, too
# (https://asgi.readthedocs.io/en/latest/extensions.html).
_MORE = {
    **dict.fromkeys(("http.request", "http.response.body", "websocket.http.response.body"), "more_body"),
    **dict.fromkeys(("http.response.pathsend", "http.response.zerocopysend"), "more_body"),
    "http.response.trailers": "more_trailers",
}
# What begins an answer, and what tells how an exchange goes, without its content.
STARTS = ("http.response.start", "websocket.http.response.start")
ANSWERS = frozenset((*STARTS, "websocket.accept", "websocket.close", "websocket.disconnect"))

# An app that goes on for longer after its answer does some work there, in milliseconds.
AFTERWARDS = 100.0

_GONE = frozenset(("websocket.close", "websocket.disconnect", "http.disconnect"))


def is_body(event: Event) -> bool:
    """Tell whether a message is, or may be, a part of a body."""
    kind = event.type
    return "body" in kind or kind == "http.request"


def is_last(event: Event) -> bool:
    """Tell whether a message ends a body, of the request or of the answer, or the answer's trailers."""
    more = _MORE.get(event.type)
    return more is not None and not event.get(more)


def ends(event: Event) -> bool:
    """Tell whether a message ends a body, or tells that one side has gone."""
    return is_last(event) or event.type in _GONE


def end_of(events: Iterable[Event]) -> Event | None:
    """Return the message that ended an exchange for the client: the last of its answer, or that one side has gone."""
    last = "body"
    for event in events:
        if event.type == "http.response.start" and event.get("trailers"):
            last = "trailers"
        is_answer = event.direction == "send" and is_last(event) and event.type.endswith("trailers") == (last != "body")
        if is_answer or event.type in _GONE:
            return event
    return None


def tells(event: Event) -> bool:
    """Tell whether a message is needed to tell how an exchange goes, and not one of many that carry its content."""
    return event.type in ANSWERS or ends(event)
