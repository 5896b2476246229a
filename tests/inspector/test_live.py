"""Showing records while they come."""

import threading
from collections.abc import Iterable

from asgictl.inspector.filters import Filter
from asgictl.inspector.live import Live
from asgictl.inspector.record import Record
from asgictl.inspector.views import Line, Span
from asgictl.inspector.views.line import LineView
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
