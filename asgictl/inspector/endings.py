"""Kinds of messages: which have content, and which begin or end something, a body, an answer, a connection."""

from collections.abc import Iterable

from asgictl.inspector.record import Closed, Event, Raised

# What has parts of an answer's body, and what has a file instead, by its path or zero-copied, which ends the body, too
# (https://asgi.readthedocs.io/en/latest/extensions.html).
BODIES = ("http.response.body", "websocket.http.response.body")
FILES = ("http.response.pathsend", "http.response.zerocopysend")

# The messages of a WebSocket, and what tells that it is closed.
FRAMES = ("websocket.receive", "websocket.send")
CLOSES = ("websocket.close", "websocket.disconnect")

# The key that is true where more follows.
_MORE = {**dict.fromkeys(("http.request", *BODIES, *FILES), "more_body"), "http.response.trailers": "more_trailers"}
# What begins an answer, and what tells how an exchange goes, without its content.
STARTS = ("http.response.start", "websocket.http.response.start")
ANSWERS = frozenset((*STARTS, "websocket.accept", *CLOSES))

# An accepted WebSocket has this status, and one that the app has closed instead the other.
SWITCHING = 101
_FORBIDDEN = 403
_WEBSOCKET = {"websocket.accept": SWITCHING, "websocket.close": _FORBIDDEN}

# What servers answer for an app that has ended without an answer.
FAILED = 500

# An app that goes on for longer after its answer does some work there, in milliseconds.
AFTERWARDS = 100.0

# What tells the app that its client has gone, and what tells that either side has.
_LEFT = ("websocket.disconnect", "http.disconnect")
GONE = frozenset((*CLOSES, "http.disconnect"))


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
    return is_last(event) or event.type in GONE


def end_of(events: Iterable[Event]) -> Event | None:
    """Return the message that ended an exchange for the client: the last of its answer, or that one side has gone."""
    last = "body"
    for event in events:
        if event.type == "http.response.start" and event.get("trailers"):
            last = "trailers"
        is_answer = event.direction == "send" and is_last(event) and event.type.endswith("trailers") == (last != "body")
        if is_answer or event.type in GONE:
            return event
    return None


def without_refused(events: list[Event], raised: list[Raised]) -> list[Event]:
    """Return the messages without those of the app that the server has refused."""
    refused = {one.n for one in raised if one.direction == "send"}
    return [event for event in events if event.n not in refused] if refused else events


def status_of(kind: str, events: list[Event], raised: list[Raised], closed: Closed | None) -> int | None:
    """Return the status that the client has got, None where it has no answer.

    Where a server has refused the beginning of an answer, it cuts the connection.
    """
    taken = [event for event in without_refused(events, raised) if event.direction == "send"]
    for event in taken:
        if event.type in STARTS:
            status = event.get("status")
            return status if isinstance(status, int) else None
        if kind == "websocket" and event.type in _WEBSOCKET:
            return _WEBSOCKET[event.type]
    if (
        closed is None
        or kind not in ("http", "websocket")
        or any(event.type in STARTS for event in events if event.direction == "send")
    ):
        return None
    is_gone = any(event.type in GONE for event in events) or any(one.error.is_disconnect for one in raised)
    return FAILED if closed.error or not (taken or closed.cancelled or is_gone) else None


def is_cut_off(kind: str, events: list[Event], raised: list[Raised], closed: Closed | None) -> bool:
    """Tell whether the app has ended in the middle of its answer, or of a WebSocket that it has not closed.

    What it raises in a WebSocket makes some servers close that one in order.
    """
    if closed is None or closed.cancelled or any(one.error.is_disconnect for one in raised):
        return False
    taken = without_refused(events, raised)
    begun = {event.type for event in taken if event.direction == "send"} & {*STARTS, "websocket.accept"}
    is_open = kind == "http" or closed.error is None
    return bool(begun) and is_open and end_of(taken) is None


def told_at(events: list[Event], raised: list[Raised]) -> int | None:
    """Return the number of the first message for which the server has told the app that the client has gone."""
    gone = next((event.n for event in events if event.type in _LEFT and event.direction == "receive"), None)
    refused = (one for one in raised if one.direction == "send")
    told = (one.n for one in refused if one.error.is_disconnect or (gone is not None and one.n > gone))
    return next(told, None)


def left_at(events: list[Event], raised: list[Raised]) -> int | None:
    """Return the number of the message by which an app in the middle of an answer learned that its client has gone."""
    end = end_of(without_refused(events, raised))
    gone = end.n if end is not None and end.type in _LEFT else None
    return min((n for n in (gone, told_at(events, raised)) if n is not None), default=None)


def tells(event: Event) -> bool:
    """Tell whether a message is needed to tell how an exchange goes, and not one of many that carry its content."""
    return event.type in ANSWERS or ends(event)
