"""What is shown of records: lines of styled text, for a terminal or a file."""

from typing import NamedTuple, Protocol

from asgictl.inspector.record import Record


class Span(NamedTuple):
    """A piece of a line; a `flexible` one gives way where the line is too long for the terminal."""

    text: str
    style: str = ""
    flexible: bool = False


Line = list[Span]


class View(Protocol):
    """Turns records into lines as they come."""

    def feed(self, record: Record) -> list[Line]:
        """Return what there is to show now that `record` has happened."""

    def tick(self) -> list[Line]:
        """Return what there is to show now that some time has passed."""

    def finish(self) -> list[Line]:
        """Return what has not been shown yet."""
