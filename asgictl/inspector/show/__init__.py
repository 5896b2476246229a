"""What is shown of records: lines of styled text, for a terminal or a file."""

from typing import Protocol

from asgictl.inspector.record import Record
from asgictl.spans import Line


class View(Protocol):
    """Turns records into lines as they come."""

    def feed(self, record: Record) -> list[Line]:
        """Return what there is to show now that `record` has happened."""

    def tick(self) -> list[Line]:
        """Return what there is to show now that some time has passed."""

    def finish(self) -> list[Line]:
        """Return what has not been shown yet."""
