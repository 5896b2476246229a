"""What is recorded of a connection: its scope, each message, and how it ended.

Records are not tuples: a new field breaks nobody who reads the others by name.
"""

import asyncio
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, get_args

from asgictl import failure as failures
from asgictl.failure import Failure as Failure

# At most this much is kept of what an exception says, and of its stack, in characters.
_LONGEST = 64 * 1024

# Where a message holds content of any size.
CONTENT = ("body", "bytes", "text")

Direction = Literal["receive", "send"]


# The size of a secret of which not even that is said.
UNKNOWN = -1

# So many characters of a digest are for the run.
RUN = 8


@dataclass(frozen=True, slots=True)
class Redacted:
    """Stands for a secret; `size` is the secret's length in bytes, or `UNKNOWN`.

    Its `digest` begins with `RUN` characters for the run of the inspector that made it. Within a run, others follow
    that are the same for the same secret. Short secrets have none.
    """

    size: int
    digest: str = ""

    def __str__(self) -> str:
        if self.size == UNKNOWN:
            return "‹redacted›"
        return f"‹redacted {self.size} B{f' {self.digest[RUN:]}' if self.digest else ''}›"


@dataclass(frozen=True, slots=True)
class Opaque:
    """Stands for an object that ASGI has no type for; `type` is its class's name."""

    type: str

    def __str__(self) -> str:
        return f"<{self.type}>"


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection has begun: its number, the time in seconds since the epoch, and the scope as the app was given it.

    `replay_of` is the number of the exchange that this one repeats.
    """

    id: int
    at: float
    scope: dict[str, Any]
    _: KW_ONLY
    replay_of: int | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is not told again of an exchange: so many messages, with so many bytes of content in each direction.

    `file` is the name of the older file that it goes on from.
    """

    messages: int
    received: int
    sent: int
    file: str


@dataclass(frozen=True, slots=True)
class Continued(Opened):
    """A connection goes on in a new file: the scope again; what is not told again is counted in `earlier`."""

    _: KW_ONLY
    earlier: Earlier


@dataclass(frozen=True, slots=True)
class Event:
    """A message that the app has received, or sends: the `n`th of its connection, `ms` milliseconds after it began.

    `size` is what its content has in bytes; where `cut`, the message holds less of it, and where `redacted`, secrets in
    it are replaced. `message` is no dictionary only where the app has sent something else.
    """

    id: int
    n: int
    ms: float
    direction: Direction
    message: Any
    _: KW_ONLY
    size: int = 0
    cut: bool = False
    redacted: bool = False

    @property
    def type(self) -> str:
        """The message's type, `?` for something that has none."""
        kind = self.get("type")
        return kind if isinstance(kind, str) else "?"

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of `key` in the message."""
        return self.message.get(key, default) if isinstance(self.message, dict) else default

    @property
    def content(self) -> bytes | str:
        """What is kept of the message's body, or of its bytes or text; text is text and bytes are bytes, also empty."""
        return content_of(self.message) if isinstance(self.message, dict) else b""

    @property
    def data(self) -> bytes:
        """What is kept of it as bytes."""
        return as_bytes(self.content)


@dataclass(frozen=True, slots=True)
class Raised:
    """`receive()`, or `send()` of event `n`, has raised an exception into the app."""

    id: int
    n: int
    ms: float
    direction: Direction
    error: Failure


@dataclass(frozen=True, slots=True)
class Closed:
    """The app has returned, or raised `error`, or was cancelled."""

    id: int
    ms: float
    _: KW_ONLY
    error: Failure | None = None
    cancelled: bool = False


# What a record of `Observed` can be about.
Fact = Literal[
    "scope",
    "state",
    "state keys",
    "loop",
    "overlap",
    "asked",
    "unasked",
    "refusal",
    "thread",
    "unawaited",
    "tuple",
    "memoryview",
    "secret",
    "file",
    "open file",
    "returned",
    "changed",
    "hang",
    "interface",
]


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen of a connection beside its messages, of which there were `n` by then.

    `what` is one of: `scope`, which is not a dictionary but `detail`; `state`, which is the lifespan's own object;
    `state keys`, of which one is of the class `detail`; `loop`, another one than the lifespan's; `overlap`, two calls
    of `detail` (receive or send) at once; `asked`, a call of `receive` after the disconnect; `unasked`, a WebSocket's
    answer before any call of `receive`; `refusal`, an exception of the class `detail`, which is no OSError, out of a
    `send` after the disconnect; `thread`, a call of `detail` from another one; `unawaited`, a call of `detail` without
    `await`; `tuple` and `memoryview`, a value of that type under the key `detail` of the message; `secret`, what is
    wrong with a header whose value is not kept; `file`, what is known of one that the message names; `open file`, one
    that the app has not closed; `returned`, an object of the class `detail`; `changed`, the keys of the scope with
    other values than before; `hang`, what the app was waited for, in vain; `interface`, another one.
    """

    id: int
    n: int
    ms: float
    what: Fact
    detail: Any = None


Severity = Literal["error", "warning", "info"]
Blame = Literal["app", "server"]

FACTS, SEVERITIES, BLAMES = get_args(Fact), get_args(Severity), get_args(Blame)

# The rule that an exception of the app breaks: that is shown, or raised again, by itself.
RAISED = "A-026"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule of ASGI is broken: by the `n`th message of a connection, by its scope for 0, or by what came after.

    `rule` is its number in the catalogue, like `A-153`, `text` says what is wrong, `place` is the `file:line` of the
    user's code, where it is known.
    """

    id: int
    n: int
    ms: float
    rule: str
    severity: Severity
    blame: Blame
    text: str
    _: KW_ONLY
    place: str | None = None


def as_bytes(value: Any) -> bytes:
    """Return text, or what is like bytes, as bytes; raise `TypeError` for anything else.

    Text is in UTF-8, in which a lone surrogate is kept, though it has no place there.
    """
    if not isinstance(value, (bytes, bytearray, memoryview, str)):
        raise TypeError
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else bytes(value)


def content_of(message: dict[str, Any]) -> bytes | str:
    """Return a message's body, or its bytes or text; of bytes and text the one that is sent, where it has both."""
    for key in CONTENT:
        value = message.get(key)
        if isinstance(value, (bytes, bytearray, str)):
            return bytes(value) if isinstance(value, bytearray) else value
    return b""


Record = Opened | Event | Raised | Closed | Observed | Finding
Sink = Callable[[Record], object]


def failure(error: BaseException, hide: Callable[[str], str]) -> Failure:
    """Return what there is to know of `error`; `hide` takes the secrets out of a text."""
    found = failures.of(error, _foreign(error))
    hidden = {field.name: hide(text) for field in fields(found) if isinstance(text := getattr(found, field.name), str)}
    ends = {name: hidden[name][-_LONGEST:] for name in ("traceback", "stack")}
    kept: dict[str, Any] = {**hidden, **ends, "message": hidden["message"][:_LONGEST]}
    return replace(found, **kept)


def is_cancelled(error: BaseException) -> bool:
    """Tell whether `error` has ended a task that was cancelled: an app may also raise it by itself."""
    if not isinstance(error, asyncio.CancelledError):
        return False
    try:
        task = asyncio.current_task()
    except RuntimeError:  # outside of a loop
        return True
    return task is None or task.cancelling() > 0


# The modules whose frames stand between the server and the app.
_OURS = frozenset((str(Path(__file__).with_name("connection.py")), str(Path(__file__).parents[1] / "recorder.py")))


def _foreign(error: BaseException) -> TracebackType | None:
    """Return the stack of `error` without the recorder's own frames at its top."""
    stack = error.__traceback__
    while stack is not None and stack.tb_frame.f_code.co_filename in _OURS:
        stack = stack.tb_next
    return stack or error.__traceback__
