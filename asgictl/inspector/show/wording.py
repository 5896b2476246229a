"""How exchanges, messages, sizes and times are put into words."""

from types import NoneType
from typing import Any

from asgictl import rfc9110
from asgictl.inspector import bodies
from asgictl.inspector.bodies.sizes import size
from asgictl.inspector.endings import AFTERWARDS, FAILED, SWITCHING
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.headers import as_text, pairs, value_of
from asgictl.inspector.record import CONTENT, Event, Redacted
from asgictl.spans import Line, Span

# What has words of its own below, or none.
_KNOWN = frozenset(("type", "body", "bytes", "text", "more_body", "status", "headers", "code", "reason", "subprotocol"))

# What content is, or stands for it.
_CONTENTS = (bytes, bytearray, str, Redacted, NoneType)

# The longest of the types that a request has.
_TYPE = len("http.response.start")

_WHO = {"receive": ("◂", "cyan"), "send": ("▸", "green")}

_KILO = 1000


def status(number: object) -> str:
    """Return a status with its reason."""
    reason = rfc9110.REASONS.get(number) if isinstance(number, int) else None
    return f"{number} {reason}" if reason else str(number)


def duration(ms: float) -> str:
    """Return a time."""
    return f"{ms:.1f} ms" if ms < _KILO else f"{ms / _KILO:.1f} s"


def beside(exchange: Exchange, read: int | None) -> list[str]:
    """Return what the client of an exchange did not see: that an upload was not read, what the app did afterwards.

    `read` is how many bytes of the request's body were, None where that is not known.
    """
    said = []
    if read is not None and not exchange.is_request_read:
        whole = "unknown size" if exchange.declared_size is None else size(exchange.declared_size)
        said.append(f"upload: {size(read)} of {whole} read")
    if (after := exchange.app_ms - exchange.ms) >= AFTERWARDS:
        said.append(f"app went on {duration(after)}")
    return said


def unfinished(exchange: Exchange) -> str | None:
    """Return what the client gets for an app that has returned without an answer, or without its end, or None."""
    if exchange.status == FAILED and exchange.start is None:
        return f"returned without an answer: the server sends {status(FAILED)}"
    if not exchange.is_cut_off:
        return None
    missing = "closing the WebSocket" if exchange.status == SWITCHING else "the end of its answer"
    return f"returned without {missing}: the server cuts the connection"


def summary(event: Event, *, headers: bool) -> str:
    """Return what a message says, in its `headers` only if asked for."""
    parts = []
    if "status" in _keys(event):
        parts.append(status(event.get("status")))
    if headers and "headers" in _keys(event):
        given = list(pairs(event.get("headers")))
        parts += [f"{name}: {value}" for name in ("content-type", "content-length") if (value := value_of(given, name))]
    if event.get("subprotocol"):
        parts.append(f"subprotocol {event.get('subprotocol')}")
    if "code" in _keys(event):
        parts.append(str(event.get("code")))
    if event.get("reason"):
        parts.append(str(event.get("reason")))
    wrong = [key for key in CONTENT if not isinstance(event.get(key), _CONTENTS)]
    parts += [f"{key}: {_short(value)}" for key, value in _items(event) if key not in _KNOWN or key in wrong]
    content = event.content
    has_content = event.type.endswith((".body", "websocket.receive", "websocket.send")) or "body" in _keys(event)
    if content or (has_content and not wrong):
        kind = ("text " if isinstance(content, str) else "bytes ") if event.type.startswith("websocket.") else ""
        kept = f", {_kept(event)}" if event.cut or event.redacted else ""
        is_unknown = event.cut and event.size <= len(event.data)
        parts.append(f"{kind}{'unknown size' if is_unknown else size(event.size)}{kept}")
    if event.get("more_body"):
        parts.append("more_body")
    return ", ".join(parts)


def _kept(event: Event) -> str:
    """Return how much is kept of the content of a message, or that secrets are not."""
    if any(isinstance(event.get(key), Redacted) for key in CONTENT):
        return "left out (--redact-body)"
    return "without secrets" if event.redacted else f"{size(len(event.content))} kept"


def preview(event: Event, content: bytes | str, media_type: str = "") -> str:
    """Return the beginning of a message's content, which is `content` when it is unpacked."""
    more = event.cut or bool(event.get("more_body"))
    return bodies.preview(content, media_type, whole=not more) if content else ""


def _keys(event: Event) -> Any:
    return event.message if isinstance(event.message, dict) else {"not a message": event.message}


def _items(event: Event) -> Any:
    return _keys(event).items()


def _short(value: Any) -> str:
    return bodies.preview(as_text(value))


def title(exchange: Exchange) -> Line:
    """Return the beginning of an exchange's first line."""
    if exchange.type == "lifespan":
        return [Span(f"#{exchange.id} ", "dim"), Span("lifespan", "bold")]
    return [
        Span(f"#{exchange.id} ", "dim"),
        Span(f"{exchange.method} ", "bold"),
        Span(exchange.target, "bold", flexible=True),
    ]


def outcome(exchange: Exchange) -> Line:
    """Return how an exchange ended, or stands."""
    spans = []
    if exchange.type == "websocket" and exchange.close_code:
        spans.append(Span(f"  closed {exchange.close_code}", "" if exchange.close_code < 1002 else "yellow"))  # noqa: PLR2004  # RFC 6455 section 7.4.1
    elif exchange.status is not None:
        hundreds = exchange.status // 100
        style = {2: "green", 3: "cyan", 4: "yellow", 5: "red"}.get(hundreds, "")
        spans.append(Span(f"  {status(exchange.status)}", style))
        if exchange.is_cut_off:
            spans.append(Span(", cut off", "red"))
    if exchange.closed or exchange.end:
        spans.append(Span(f"  {duration(exchange.ms)}"))
    return spans


def event_line(event: Event, preview: str | None = None) -> Line:
    """Return the line of an event: when, which way, which type, what it says; where it is alone its `preview`, too."""
    sign, style = _WHO[event.direction]
    said = summary(event, headers=preview is not None)
    kind = f"{event.type:<{_TYPE}}" if said or preview else event.type
    line = [Span(f"{event.ms:8.1f} "), Span(f"{sign} ", style), Span(kind, style)]
    if said:
        line.append(Span(f"  {said}"))
    if preview:
        line.append(Span(f"  {preview}", "dim"))
    return line
