"""What `asgictl inspect` and `asgictl session` can be asked for: each field is one of their options."""

from typing import Annotated, Literal, NamedTuple, get_args

from asgictl.asgi import Interface
from asgictl.option_types import Range, Trait

# Whose rules are checked: the app's, the server's as well, or none.
Check = Literal["app", "all", "off"]
CHECKS = get_args(Check)

# What is serious enough to end with status 1.
FailOn = Literal["error", "warning", "never"]

ViewName = Literal["line", "full", "json"]

# How much is kept of each body, and of each message of a WebSocket or an event stream, in bytes.
BODY_LIMIT = 1024 * 1024

_DAY = 24 * 60 * 60


class FilterRequest(NamedTuple):
    """Which exchanges are shown; nothing asked for lets everything through."""

    type: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    grep: str | None = None


class InspectRequest(NamedTuple):
    """How exchanges are shown and kept, and how the app answers that stands in; `delay` is in seconds.

    `body_limit` is in bytes, `save_limit` in megabytes.
    """

    view: ViewName | None = None
    redact: tuple[str, ...] = ()
    redact_body: tuple[str, ...] = ()
    no_redact: Annotated[bool, Trait.MACHINE] = False
    body_limit: Annotated[int, Range(0, 2**31 - 1)] = BODY_LIMIT
    save: Annotated[str | None, Trait.PATH, Trait.INSIDE] = None
    save_limit: Annotated[int, Range(1)] = 100
    respond: Annotated[int | None, Range(200, 599)] = None
    respond_header: tuple[str, ...] = ()
    respond_text: str | None = None
    respond_file: Annotated[str | None, Trait.PATH, Trait.INSIDE] = None
    delay: Annotated[float, Range(0, _DAY)] = 0
    drop: bool = False
    rules: Check = "app"
    ignore: tuple[str, ...] = ()
    info: bool = False
    fail_on: FailOn = "never"


class CheckRequest(NamedTuple):
    """What `asgictl check` probes, or which session or server it judges, and how it tells of it.

    `time_limit` is in seconds.
    """

    app: Annotated[str | None, Trait.ACTION] = None
    path: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    body: str | None = None
    unsafe: bool = False
    time_limit: Annotated[float, Range(0.01, _DAY)] = 5
    session: Annotated[str | None, Trait.ACTION] = None
    against: Annotated[str | None, Trait.ACTION] = None
    yes: Annotated[bool, Trait.ACTION] = False
    blame: Literal["app", "server", "all"] = "app"
    ignore: Annotated[tuple[str, ...], Trait.REASONED] = ()
    info: bool = False
    fail_on: FailOn = "error"
    format: Literal["text", "json", "sarif", "junit", "github"] = "text"
    output: Annotated[str | None, Trait.PATH, Trait.INSIDE] = None
    rules: Annotated[bool, Trait.ACTION] = False
    factory: bool = False
    interface: Interface = "auto"
    profile: str | None = None
    env_file: Annotated[tuple[str, ...], Trait.PATH] = ()
    traceback: bool = False


class ShowRequest(NamedTuple):
    """A saved session to show: its files, and the number of an exchange that is shown alone."""

    words: tuple[str, ...]
    view: ViewName | None = None
    traceback: bool = False


class DiffRequest(NamedTuple):
    """Two exchanges of a saved session to compare: its files, and their numbers."""

    words: tuple[str, ...]
    json: bool = False


class ExportRequest(NamedTuple):
    """The files of a saved session in another form: `curl` and `httpie` are numbers of exchanges."""

    files: tuple[str, ...]
    har: bool = False
    curl: Annotated[int | None, Range(0)] = None
    httpie: Annotated[int | None, Range(0)] = None


class ReplayRequest(NamedTuple):
    """Exchanges to send again: the files of a session, and their numbers, all without any; where to, what is changed.

    `timeout` is in seconds.
    """

    words: tuple[str, ...]
    app: str | None = None
    to: str | None = None
    yes: bool = False
    timeout: Annotated[float, Range(0.001, _DAY)] = 10
    method: str | None = None
    path: str | None = None
    header: tuple[str, ...] = ()
    body: str | None = None
    diff: bool = False
    json: bool = False
    view: ViewName | None = None
    factory: bool = False
    interface: Interface = "auto"
    traceback: bool = False
