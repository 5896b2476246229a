"""What some apps did in a while, for the report of a test."""

from asgictl.inspector.endings import ANSWERS
from asgictl.inspector.record import Closed, Event, Opened, Record, Sink
from asgictl.inspector.show.line import LineView
from asgictl.spans import Line, Span

# So many exchanges are shown at the most.
MOST = 20


class Recent:
    """The exchanges since the last `clear`, of any number of apps."""

    def __init__(self) -> None:
        self._latest: dict[tuple[_App, int], list[Record]] = {}

    def sink(self) -> Sink:
        """Return a sink for one more app."""
        return _App(self._latest)

    def clear(self) -> None:
        """Forget what was until now."""
        self._latest.clear()

    def lines(self) -> list[Line]:
        """Return the latest exchanges as the line view shows them, one after the other as they have begun.

        Of one that had begun before there is also what it began with.
        """
        apps = list(dict.fromkeys(app for app, _ in self._latest))
        left_out = max(0, len(self._latest) - MOST)
        lines = []
        if left_out:
            lines.append([Span(f"… {left_out} earlier exchange{'s' if left_out > 1 else ''}")])
        before = None
        for (app, _), records in list(self._latest.items())[left_out:]:
            if len(apps) > 1 and app is not before:
                lines.append([Span(f"app {apps.index(app) + 1}")])
                before = app
            view = LineView()
            lines += [line for record in records for line in view.feed(record)]
            lines += view.finish()
        return lines


class _App:
    """The sink of one app."""

    def __init__(self, latest: dict[tuple["_App", int], list[Record]]) -> None:
        self._latest = latest
        # What those exchanges began with that are not over.
        self._begun: dict[int, list[Record]] = {}

    def __call__(self, record: Record) -> None:
        number = record.id
        begun = self._begun.setdefault(number, [])
        self._latest.setdefault((self, number), list(begun)).append(record)
        if isinstance(record, Closed):
            del self._begun[number]
        elif isinstance(record, Opened) or (isinstance(record, Event) and _tells_how_it_goes(record)):
            begun.append(record)


def _tells_how_it_goes(event: Event) -> bool:
    return event.type in ANSWERS or event.type.startswith("lifespan.")
