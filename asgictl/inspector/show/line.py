"""`--view line`: a block for each exchange, a line for each message."""

from collections.abc import Iterator

from asgictl.inspector.record import Event
from asgictl.inspector.show.blocks import Block, Blocks
from asgictl.inspector.show.wording import event_line, outcome, title
from asgictl.spans import Line, Span


class LineView(Blocks):
    """One line of an exchange's own, and one for each of its messages."""

    def head(self, block: Block) -> Iterator[Line]:
        """Yield the line of the exchange."""
        scope = block.exchange.scope
        line = [*title(block.exchange), *outcome(block.exchange)]
        offered, client = scope.get("subprotocols"), scope.get("client")
        if isinstance(offered, list) and offered:
            line.append(Span(f"  offers {', '.join(map(str, offered))}", "dim"))
        if isinstance(client, (list, tuple)):
            line.append(Span(f"  {':'.join(map(str, client))}", "dim"))
        if scope.get("http_version"):
            line.append(Span(f"  HTTP/{scope['http_version']}", "dim"))
        yield line

    def event(self, block: Block, event: Event) -> Iterator[Line]:
        """Yield the line of the message."""
        yield event_line(event, block.previews.of(event))
