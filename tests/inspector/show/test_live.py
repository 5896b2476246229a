"""Showing records while they come."""

import threading
import time
from collections.abc import Iterable
from types import SimpleNamespace

import pytest

from asgictl.inspector.record import Event, Record
from asgictl.inspector.show.filters import Filter
from asgictl.inspector.show.line import LineView
from asgictl.inspector.show.live import Live
from asgictl.spans import Line, Span
from tests.inspector import recordings


class Failing(LineView):
    """A view that cannot show one of the records."""

    def feed(self, record: Record) -> list[Line]:
        """Fail for one exchange."""
        if record.id == 9:
            raise KeyError("strange")
        return super().feed(record)


def spans(lines: Iterable[Line]) -> str:
    """Return what is on some lines."""
    return "".join(span.text for line in lines for span in line)


def test_goes_on_after_a_record_that_cannot_be_shown() -> None:
    """What cannot be shown is told, and the rest is shown."""
    shown: list[Line] = []
    notes: list[str] = []
    live = Live(Failing(), Filter(), shown.extend, notes.append)
    for record in [*recordings.FAILING, *recordings.REQUEST]:
        live(record)
    live.close()

    assert notes == ["a record of #9 cannot be shown: KeyError('strange')"] * 2
    assert "POST" in spans(shown)


def test_a_reader_who_does_not_read() -> None:
    """So much waits for a screen that is stuck, and no more; the end does not wait for it."""
    stuck, moving = threading.Event(), threading.Event()

    def show(lines: list[Line]) -> None:
        moving.set()
        stuck.wait()

    class Each(LineView):
        def feed(self, record: Record) -> list[Line]:
            return [[Span(str(record.id))]]

    live = Live(Each(), Filter(), show, print)

    def produce() -> None:
        for _ in range(21_000):
            live(recordings.CHAT[0])

    producer = threading.Thread(target=produce, daemon=True)
    producer.start()
    moving.wait()
    producer.join(1)
    held = producer.is_alive()
    live.close(0.01)
    stuck.set()
    producer.join()

    assert held


class Numbers(LineView):
    """A view that shows the kind and the number of each record."""

    def feed(self, record: Record) -> list[Line]:
        """Return one line."""
        return [[Span(f"{type(record).__name__} {record.id}")]]

    def tick(self) -> list[Line]:
        """Return nothing."""
        return []

    def finish(self) -> list[Line]:
        """Return a last line."""
        return [[Span("end")]]


def event(size: int) -> Event:
    """Return a message with so many bytes."""
    return Event(8, 1, 0.0, "send", {"type": "websocket.send", "bytes": b"x" * size}, size=size)


def test_in_their_order() -> None:
    """What comes is shown in its order, in a thread of its own, filtered; and at the end all of it."""
    shown: list[str] = []
    threads: set[str] = set()

    def show(lines: list[Line]) -> None:
        shown.append(spans(lines))
        threads.add(threading.current_thread().name)

    live = Live(Numbers(), Filter(types=("websocket",)), show, print)
    for record in [*recordings.CHAT, *recordings.REQUEST, *recordings.FAILING]:
        live(record)
    live.close(20)

    assert shown == ["Opened 8", *["Event 8"] * 5, "Closed 8", "end"]
    assert threads == {"asgictl-inspect"}


@pytest.mark.parametrize(
    ("limit", "records", "waits"),
    [
        ({"_MOST": 3}, [event(0)] * 4, False),
        ({"_MOST": 3}, [event(0)] * 5, True),
        ({"_MOST_BYTES": 10}, [event(4), event(4), event(6)], False),
        ({"_MOST_BYTES": 10}, [event(4), event(4), event(7)], True),
        ({"_MOST_BYTES": 10}, [*recordings.REQUEST[:1] * 9, event(10)], False),
    ],
    ids=["3 records", "4 records", "10 bytes", "11 bytes", "no bytes"],
)
def test_how_much_may_wait(
    monkeypatch: pytest.MonkeyPatch, limit: dict[str, int], records: list[Record], waits: bool
) -> None:
    """So many records, and so many bytes, wait for a screen that is stuck with one; then requests wait, too."""
    stuck, moving, pauses = threading.Event(), threading.Event(), list[float]()

    def show(lines: list[Line]) -> None:
        moving.set()
        stuck.wait(20)

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        stuck.set()
        time.sleep(seconds)

    for name, value in limit.items():
        monkeypatch.setattr(f"asgictl.inspector.show.live.{name}", value)
    monkeypatch.setattr("asgictl.inspector.show.live.time", SimpleNamespace(sleep=pause, monotonic=time.monotonic))
    live = Live(Numbers(), Filter(), show, print)
    for number, record in enumerate(records):
        live(record)
        assert number > 0 or moving.wait(20)
    stuck.set()
    live.close(20)

    assert bool(pauses) is waits
    assert set(pauses) <= {0.02}


def test_what_has_not_been_shown() -> None:
    """At the end a screen that is stuck is waited for no longer than is asked for, and what is missing is told."""
    stuck, moving, notes = threading.Event(), threading.Event(), list[str]()

    def show(lines: list[Line]) -> None:
        moving.set()
        stuck.wait(20)

    live = Live(Numbers(), Filter(), show, notes.append)
    for _ in range(3):
        live(recordings.CHAT[0])
    assert moving.wait(20)
    live.close(0.01)
    stuck.set()
    live.close(20)

    assert notes == ["3 records have not been shown: nobody reads fast enough"]


def test_time_passes() -> None:
    """A view hears that time passes while nothing comes, also after it has failed to show something."""
    notes: list[str] = []
    ticked: list[None] = []
    shown: list[str] = []
    done = threading.Event()

    class Ticking(Numbers):
        def tick(self) -> list[Line]:
            ticked.append(None)
            if len(ticked) == 1:
                raise KeyError("strange")
            if len(ticked) == 4:
                done.set()
            return [[Span(f"tick {len(ticked)}")]]

    live = Live(Ticking(), Filter(), lambda lines: shown.append(spans(lines)), notes.append)
    assert done.wait(20)
    live.close(20)

    assert notes == ["an exchange cannot be shown: KeyError('strange')"]
    assert shown[:2] == ["tick 2", "tick 3"]
    assert shown[-1] == "end"
