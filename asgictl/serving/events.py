"""Whom a launch reports to, and what it has to call."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from asgictl.discovery import AppRef
from asgictl.errors import AsgictlError
from asgictl.serving.processes.terminal import Terminal
from asgictl.serving.sockets.systemd import Notifier
from asgictl.serving.tls import Secured


class Ready(NamedTuple):
    """The app answers: what it is, and where; `kind` is None for an app that is broken, and says so.

    `network_url` is where other machines reach it, as far as that is known; `loopback` says that none does. `docs` is
    the path of its API's documentation. `tls` tells of the certificate of HTTPS, `redirect` where plain HTTP is led
    there.
    """

    kind: str | None
    url: str
    network_url: str | None
    loopback: bool
    docs: str | None = None
    tls: Secured | None = None
    redirect: str | None = None


class Reporter(Protocol):
    """Who hears how the launch goes."""

    def ready(self, ready: Ready) -> None:
        """The app answers, for the first time or anew."""

    def found(self, ref: AppRef) -> None:
        """The app that was not there at the start is there now."""

    def changed(self, files: Sequence[str]) -> None:
        """The app is restarted because of `files`, or for another reason."""

    def note(self, text: str) -> None:
        """Something that users should know has happened."""

    def problem(self, error: AsgictlError) -> None:
        """The server ends, or with reload goes on with an error page, because of `error`."""


class Hooks(NamedTuple):
    """What the processes of a launch report to.

    `ready` is called when all of them answer, `stopping` when a stop begins, `refuse` when it has closed their sockets.
    """

    ready: Callable[[str | None, str | None], None]
    stopping: Callable[[], None]
    refuse: Callable[[], None]
    notifier: Notifier
    reporter: Reporter
    terminal: Terminal
