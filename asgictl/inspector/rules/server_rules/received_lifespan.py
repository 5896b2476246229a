"""The lifespan as the server gives it: what follows what.

https://asgi.readthedocs.io/en/latest/specs/lifespan.html#startup-receive-event
"""

from collections.abc import Iterable, Iterator

from asgictl.inspector.record import Event, Opened
from asgictl.inspector.rules import links
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.server_rules.given import Given, Served
from asgictl.inspector.rules.server_rules.scopes import lifespan_scope

STARTUP = Rule("A-403", "error", "server", "A lifespan begins with `lifespan.startup`, given once.", links.LIFESPAN)
SHUTDOWN = Rule(
    "A-404",
    "error",
    "server",
    "A server gives `lifespan.shutdown` once, and only after `lifespan.startup.complete`.",
    links.LIFESPAN,
)


class LifespanGiven(Given):
    """The lifespan of an app."""

    receives = frozenset(("lifespan.startup", "lifespan.shutdown"))

    def __init__(self, opened: Opened, served: Served) -> None:
        super().__init__(opened, served)
        served.lifespan = "asked"
        self._is_begun = self._is_complete = self._is_ending = False

    def of_scope(self) -> Iterator[Broken]:
        """Yield what is wrong with the scope."""
        yield from lifespan_scope.of_scope(self.scope)

    def received(self, event: Event) -> Iterator[Broken]:
        """Yield what is wrong with the beginning, or the end."""
        if event.type == "lifespan.startup":
            if self._is_begun:
                yield STARTUP("`lifespan.startup` is given again")
            self._is_begun = True
            return
        if not self._is_begun:
            yield STARTUP("a lifespan begins with `lifespan.shutdown`")
            self._is_begun = True
        elif self._is_ending:
            yield SHUTDOWN("`lifespan.shutdown` is given again")
        elif not self._is_complete:
            yield SHUTDOWN("`lifespan.shutdown` is given before `lifespan.startup.complete`")
        self._is_ending = True

    def sent(self, event: Event) -> Iterable[Broken]:
        """Take note of how the startup has ended."""
        if event.type == "lifespan.startup.complete":
            self._is_complete = True
            self.served.lifespan = "complete"
        elif event.type == "lifespan.startup.failed":
            self.served.lifespan = "failed"
        return ()

    def closed(self) -> Iterable[Broken]:
        """Take note that an app has no lifespan, with which a server may go on."""
        if self.served.lifespan == "asked":
            self.served.lifespan = ""
        return ()
