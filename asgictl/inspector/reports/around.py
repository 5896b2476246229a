"""The messages around a fault, with a mark on the one that broke the rule."""

from typing import Literal, NamedTuple

from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Finding
from asgictl.inspector.show import wording
from asgictl.inspector.show.previews import Previews
from asgictl.spans import Span

Sign = Literal["", "◂", "▸", "■", "…"]

# So many messages are shown before and after the one that broke the rule.
_NEAR = 3


class Moment(NamedTuple):
    """A line: whether it `broke` the rule, which way it goes, and what it says."""

    broke: bool
    sign: Sign
    text: str


def rows(exchange: Exchange, finding: Finding) -> list[Moment]:
    """Return what happened around a finding."""
    is_end = _is_of_the_end(exchange, finding)
    broken = len(exchange.events) + 1 if is_end else finding.n
    found = [Moment(finding.n == 0 and not is_end, "", _scope(exchange))]
    previews = Previews(exchange)
    left_out = False
    for event in exchange.events:
        preview = previews.of(event)
        if abs(event.n - broken) > _NEAR and event.n != 1:
            if not left_out:
                found.append(Moment(False, "…", ""))  # noqa: FBT003  # a row of no message
            left_out = True
            continue
        left_out = False
        parts = [event.type, wording.summary(event, headers=True), preview]
        sign: Sign = "◂" if event.direction == "receive" else "▸"
        found.append(Moment(event.n == broken, sign, "  ".join(part for part in parts if part)))
    if exchange.closed is not None and abs(len(exchange.events) + 1 - broken) <= _NEAR:
        found.append(Moment(is_end, "■", _end(exchange)))
    return found


def line(row: Moment) -> list[Span]:
    """Return a row as a line for people."""
    style = {"◂": "cyan", "▸": "green"}.get(row.sign, "dim")
    mark = Span("  ✗ ", "red") if row.broke else Span("    ")
    sign = f"{row.sign} " if row.sign and row.text else row.sign
    return [mark, Span(sign, style), Span(row.text, "" if row.sign else "bold")]


def _is_of_the_end(exchange: Exchange, finding: Finding) -> bool:
    """Tell whether a finding is of how the app has ended, and not of a message, one that came too late included."""
    if exchange.closed is None or finding.ms < exchange.closed.ms:
        return False
    return not any(event.n == finding.n and event.ms == finding.ms for event in exchange.events)


def _scope(exchange: Exchange) -> str:
    if exchange.type == "lifespan":
        return "lifespan"
    version = exchange.scope.get("http_version")
    name = f"{exchange.method} {exchange.target}" if exchange.type in ("http", "websocket") else exchange.type
    return f"{name}  HTTP/{version}" if isinstance(version, str) else name


def _end(exchange: Exchange) -> str:
    closed = exchange.closed
    if closed is not None and closed.error is not None:
        place = f"  {closed.error.place}" if closed.error.place else ""
        return f"raises {' '.join(str(closed.error).split())}{place}"
    return "cancelled" if closed is not None and closed.cancelled else "returns"
