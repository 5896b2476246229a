"""The frame of the views for people: exchanges in blocks, live where one lasts."""

import time
from collections import Counter
from collections.abc import Callable, Iterator

from asgictl.inspector.bodies import sizes
from asgictl.inspector.endings import FRAMES, tells
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import RAISED, Closed, Continued, Event, Failure, Finding, Opened, Raised, Record
from asgictl.inspector.show import stack, wording
from asgictl.inspector.show.previews import Previews
from asgictl.spans import Line, Span

# An exchange that is over by then is shown as one block, in seconds; another one live from then on.
HOLD = 0.25

# So many events a second are shown of one exchange; the others are counted.
RATE = 10
_SECOND = 1000.0


# When it is said that there is no answer yet, in seconds.
_WAITS = (3, 10, 30, 60, 300)

_STYLES = {"error": "red", "warning": "yellow", "info": "dim"}

_LIFESPAN_ANSWERS = {"lifespan.startup": "lifespan.startup.", "lifespan.shutdown": "lifespan.shutdown."}


class Block:
    """An exchange on its way to the screen."""

    def __init__(self, opened: Opened, now: float) -> None:
        self.exchange = Exchange(opened)
        self.lines: list[Line] = []
        self.begun = now
        self.live = False
        self.count = 0
        self.has_gaps = False
        self.read = 0
        self.answered = False
        self.waits_for = ""
        self.waits_since = now
        self.told = 0
        self.window = 0.0
        self.in_window = 0
        self.skipped: Counter[str] = Counter()
        self.skipped_sizes: Counter[str] = Counter()
        self.flushed = now
        self.previews = Previews(self.exchange)

    def note(self, event: Event, now: float) -> None:
        """Keep what the head of the block needs to know; not the content, of which there may be no end."""
        self.count += 1
        kind = event.type
        self.has_gaps = self.has_gaps or event.n != self.count
        if tells(event) or (event.direction == "send" and not self.exchange.sent):
            self.exchange.add(event)
        if kind == "http.request":
            self.read += event.size
        if kind in _LIFESPAN_ANSWERS:
            self.waits_for, self.waits_since, self.told = _LIFESPAN_ANSWERS[kind], now, 0
        elif self.waits_for and kind.startswith(self.waits_for):
            self.waits_for = ""
            self.answered = True


class Blocks:
    """Collects the lines of each exchange, and puts them out together, or one by one where it lasts."""

    # Whether an exception is shown with the frames of the user's code.
    has_stacks = False

    def __init__(
        self, *, whole: bool = False, advise: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Show exceptions with all their frames, as a `whole`, or `advise` once how to; `clock` tells seconds."""
        self._whole = whole
        self._advise = advise
        self._clock = clock
        self._blocks: dict[int, Block] = {}
        self._latest: int | None = None

    def head(self, block: Block) -> Iterator[Line]:
        """Yield what begins a block."""
        raise NotImplementedError

    def event(self, block: Block, event: Event) -> Iterator[Line]:
        """Yield what is shown of an event."""
        raise NotImplementedError

    def rest(self, block: Block) -> Iterator[Line]:  # noqa: ARG002  # others show it
        """Yield what is shown of bodies whose end did not come."""
        yield from ()

    def feed(self, record: Record) -> list[Line]:
        """Return what there is to show now that `record` has happened."""
        now = self._clock()
        if isinstance(record, Opened):
            return self._opened(record, now)
        block = self._blocks.get(record.id)
        if block is None:
            return self._late(record)
        if isinstance(record, Event):
            block.note(record, now)
            lines = self._shown(block, record, now)
        elif isinstance(record, Raised):
            block.exchange.add_known(record)
            lines = self._failed(record, record.error, f"{record.direction}() raised {record.error}")
        elif isinstance(record, Finding):
            lines = self._found(record)
        elif isinstance(record, Closed):
            return self._closed(block, record)
        else:
            return []
        put = self._put(block, lines)
        if not block.live and isinstance(record, Event) and record.type.startswith("lifespan.startup."):
            block.live = True  # the shutdown is far
            return self._begin(block)
        return put

    def _opened(self, record: Opened, now: float) -> list[Line]:
        """Begin a block; return what there is of another one with its number, which has no end."""
        before = self._blocks.get(record.id)
        self._blocks[record.id] = block = Block(record, now)
        if isinstance(record, Continued):
            earlier = record.earlier
            count = f"{earlier.messages} earlier message{'s' if earlier.messages != 1 else ''}"
            what = f"{count}, {sizes.size(earlier.received + earlier.sent)}"
            block.lines.append([Span(f"{'':8} "), Span(f"… {what}", "dim")])
        return self._begin(before) if before is not None and not before.live else []

    def tick(self) -> list[Line]:
        """Return what there is to show now that some time has passed."""
        now = self._clock()
        out = []
        for block in self._blocks.values():
            if not block.live and now - block.begun >= HOLD:
                out += self._begin(block)
                block.live = True
            if not block.live:
                continue
            lines = []
            if block.skipped and now - block.flushed >= 1:
                lines += _left_out(block, now)
            if (line := _waiting(block, now)) is not None:
                lines.append(line)
            out += self._put(block, lines)
        return out

    def finish(self) -> list[Line]:
        """Return what has not been shown yet: exchanges without an end."""
        out = []
        for block in self._blocks.values():
            block.lines += _left_out(block, 0)
            out += self._begin(block) if not block.live else self._put(block, block.lines)
        self._blocks.clear()
        return out

    def _shown(self, block: Block, event: Event, now: float) -> list[Line]:
        """Return the lines of an event, unless there are too many of its kind."""
        if event.ms - block.window >= _SECOND:
            block.window, block.in_window = event.ms, 0
        block.in_window += 1
        if block.in_window > RATE and event.get("more_body", event.type in FRAMES):
            block.skipped[event.type] += 1
            block.skipped_sizes[event.type] += event.size
            list(self.event(block, event))  # it may take note of the content
            return []
        return [*_left_out(block, now), *self.event(block, event)]

    def _closed(self, block: Block, record: Closed) -> list[Line]:
        block.exchange.add(record)
        del self._blocks[record.id]
        lines = [*_left_out(block, 0), *self.rest(block)]
        if record.error and block.exchange.type == "lifespan" and not block.answered:
            # It may do that (https://asgi.readthedocs.io/en/latest/specs/lifespan.html#scope).
            lines += [[Span(f"{record.ms:8.1f} "), Span(f"■ not supported: {record.error}", "dim")]]
        elif record.error:
            lines += self._failed(record, record.error, str(record.error))
        elif record.cancelled:
            lines.append([Span(f"{record.ms:8.1f} "), Span("✗", "yellow"), Span(" cancelled", "yellow")])
        elif not block.has_gaps and (missing := wording.unfinished(block.exchange)):
            lines.append([Span(f"{record.ms:8.1f} "), Span(f"✗ {missing}", "red")])
        if block.live:
            lines.append(_end(block))
            return self._put(block, lines)
        if beside := _beside(block):
            lines.append([Span(f"{record.ms:8.1f} "), Span("■ ", "dim"), *beside])
        block.lines += lines
        return self._begin(block)

    def _failed(self, record: Raised | Closed, error: Failure, what: str) -> list[Line]:
        """Return the line of an exception, with its place, and what else there is to show of it."""
        gone = error.is_disconnect
        sign, style = ("■ client gone: ", "dim") if gone else ("✗ ", "red")
        place = [Span(f"  {error.place}", "dim")] if error.place else []
        lines = [[Span(f"{record.ms:8.1f} "), Span(f"{sign}{what}", style, flexible=True), *place]]
        shown = error.users if self.has_stacks and not gone else ""
        if self._whole:
            shown = error.traceback
        elif self._advise and not gone and shown != error.traceback:
            self._advise = False
            return [*lines, *stack.lines(shown), stack.hint()]
        return [*lines, *stack.lines(shown)]

    def _late(self, record: Record) -> list[Line]:
        """Return the line of what comes after the end of an exchange."""
        if isinstance(record, Event):
            said: Line = wording.event_line(record, wording.preview(record, record.content))
        elif isinstance(record, Finding):
            said = self._found(record)[0]
        else:
            return []
        return [[Span(f"#{record.id} ", "dim"), Span("after its end ", "yellow"), *said]]

    def _found(self, record: Finding) -> list[Line]:
        """Return the line of a rule that is broken; an exception has its own."""
        if record.rule == RAISED:
            return []
        style = _STYLES[record.severity]
        place = [Span(f"  {record.place}", "dim")] if record.place else []
        said = Span(f"✗ {record.rule} {record.severity}: {record.text}", style, flexible=True)
        return [[Span(f"{'':8} "), said, Span(f"  ({record.blame})", "dim"), *place]]

    def _begin(self, block: Block) -> list[Line]:
        """Return a block from its head on."""
        self._latest = block.exchange.id
        lines, block.lines = block.lines, []
        return [*self.head(block), *lines]

    def _put(self, block: Block, lines: list[Line]) -> list[Line]:
        """Return the lines of a live block, with its number where another one came in between."""
        if not lines:
            return []
        if not block.live:
            block.lines += lines
            return []
        number = block.exchange.id
        if self._latest == number:
            return lines
        self._latest = number
        return [[*wording.title(block.exchange), Span("  goes on", "dim")], *lines]


def _end(block: Block) -> Line:
    exchange = block.exchange
    beside = _beside(block)
    return [
        Span(f"{exchange.app_ms:8.1f} "),
        Span("■", "dim"),
        *wording.outcome(exchange),
        Span(f", {block.count} message{'s' if block.count != 1 else ''}", "dim"),
        *([Span(", ", "dim"), *beside] if beside else []),
    ]


def _beside(block: Block) -> Line:
    said = wording.beside(block.exchange, None if block.has_gaps else block.read)
    return [Span(", ".join(said))] if said else []


def _left_out(block: Block, now: float) -> list[Line]:
    if not block.skipped:
        return []
    counts = block.skipped.items()
    lines = [f"… {count} more {kind}, {sizes.size(block.skipped_sizes[kind])}" for kind, count in counts]
    block.skipped, block.skipped_sizes, block.flushed = Counter(), Counter(), now
    return [[Span(f"{'':8} "), Span(line, "dim")] for line in lines]


def _waiting(block: Block, now: float) -> Line | None:
    """Return a line for an app that has not answered for a while."""
    exchange = block.exchange
    kind = exchange.type
    if kind == "lifespan":
        if not block.waits_for:
            return None
        what = f"no {block.waits_for}complete"
    elif exchange.status is None:
        what = "no answer"
    else:
        return None
    waited = now - block.waits_since
    if block.told >= len(_WAITS) or waited < _WAITS[block.told]:
        return None
    block.told += 1
    return [Span(f"{'':8} "), Span(f"… {what} for {waited:.0f} s", "yellow")]
