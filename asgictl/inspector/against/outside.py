"""What is asked of a server from outside, and what has to come of it: for the client, and in the app behind it."""

from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple
from urllib.parse import SplitResult

from asgictl.inspector.against.probe_mark import HEADER, ProbeMark
from asgictl.inspector.against.wire import RawAnswer, Wire
from asgictl.inspector.against.wire_frames import Frame
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Severity
from asgictl.inspector.rules import catalogue
from asgictl.inspector.rules.rule import Broken


class Asked(NamedTuple):
    """A request on its way: to which server, and of which probe."""

    url: SplitResult
    mark: ProbeMark

    @property
    def path(self) -> str:
        """The path to ask for."""
        return self.url.path.rstrip("/") + self.mark.path

    @property
    def host(self) -> bytes:
        """The value of the Host header."""
        return self.url.netloc.encode()

    def head(self, method: str = "GET", target: str | None = None, *lines: bytes, version: str = "1.1") -> bytes:
        """Return the head of a request, with a Host if it is of HTTP/1.1 and `lines` have none."""
        named = (b"%b: %b" % (HEADER, str(self.mark).encode()),)
        has_host = version != "1.1" or any(line.lower().startswith(b"host:") for line in lines)
        host = () if has_host else (b"Host: " + self.host,)
        first = f"{method} {target or self.path} HTTP/{version}".encode("latin-1")
        return b"\r\n".join((first, *host, *named, *lines, b"", b""))


class Came(NamedTuple):
    """What has come back: an answer, and the frames behind it; or nothing.

    A connection that `stays_open` is closed when the app behind the server has ended with it.
    """

    answer: RawAnswer | None = None
    frames: tuple[Frame, ...] = ()
    unasked: bytes = b""
    stays_open: bool = False


Talk = Callable[[Wire, Asked], Awaitable[Came]]
Judge = Callable[[Exchange, Came, Asked], Iterator[Broken]]


class OutsideProbe(NamedTuple):
    """A probe: its name, which the app behind the server knows it by, how it is made, and how what comes is judged.

    One that `may_fail` is of a request that servers may refuse, and then the app sees nothing of it.
    """

    name: str
    how: str
    talk: Talk
    judge: Judge
    method: str = "GET"
    may_fail: bool = False


def broken(number: str, text: str, *, severity: Severity | None = None) -> Broken:
    """Return that the server breaks a rule, also one that is the app's otherwise."""
    rule = catalogue.rules()[number]
    return rule._replace(blame="server")(text, severity=severity)


def nothing(seen: Exchange, came: Came, asked: Asked) -> Iterator[Broken]:  # noqa: ARG001  # as all judges
    """Judge nothing: the app behind the server has done it."""
    yield from ()
