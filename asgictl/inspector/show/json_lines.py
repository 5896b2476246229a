"""`--view json`: the records as JSON Lines, as `--save` writes them."""

from asgictl.inspector.record import Record
from asgictl.inspector.sessions import codec
from asgictl.spans import Line, Span


class JsonView:
    """One line for each record."""

    def feed(self, record: Record) -> list[Line]:
        """Return the record's line."""
        return [[Span(codec.dumps(record).rstrip("\n"))]]

    def tick(self) -> list[Line]:
        """Return nothing: there is no waiting in JSON."""
        return []

    def finish(self) -> list[Line]:
        """Return nothing: everything has been shown."""
        return []
