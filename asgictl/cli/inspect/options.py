"""The options of `inspect` and `session`, each written once."""

from typing import Annotated, Literal

import typer

from asgictl.cli.option import flag, option
from asgictl.option_types import Range, Trait

_VIEW = "What is shown"
_KEEP = "What is kept"
_ECHO = "How the echo app answers, which stands in where there is no app"
_EXPORT = "The form"
_TARGET = "Where to"
_CHANGE = "What to change"

_DAY = 24 * 60 * 60

View = Annotated[
    Literal["line", "full", "json"] | None,
    option("--view", panel=_VIEW, metavar="VIEW", about="line (on a terminal), full, or json (elsewhere)."),
]
SavedView = Annotated[
    Literal["line", "full", "json"] | None,
    option("--view", panel=_VIEW, metavar="VIEW", about="line (of several), full (of one), or json."),
]
Type = Annotated[
    list[str] | None,
    option("--type", panel=_VIEW, metavar="TYPE", about="Only http, websocket or lifespan."),
]
Method = Annotated[list[str] | None, option("--method", panel=_VIEW, metavar="NAME", about="Only this method.")]
Path = Annotated[
    list[str] | None, option("--path", panel=_VIEW, metavar="PATTERN", about="Only paths like this, as /api/*.")
]
Status = Annotated[
    list[str] | None, option("--status", panel=_VIEW, metavar="STATUS", about="Only 404, 5xx or 400-499.")
]
Grep = Annotated[
    str | None,
    option("--grep", panel=_VIEW, metavar="REGEX", about="Only where a URL, header, body or error matches."),
]

Redact = Annotated[
    list[str] | None,
    option("--redact", panel=_KEEP, metavar="NAME", about="Leave out this header or query parameter, too."),
]
NoRedact = Annotated[bool, flag("--no-redact", panel=_KEEP, about="Show and save secrets.")]
BodyLimit = Annotated[
    int,
    Range(0, 2**31 - 1),
    option("--body-limit", panel=_KEEP, metavar="BYTES", about="Keep so much of a body, or of a message."),
]
Save = Annotated[
    str | None, Trait.PATH, option("--save", panel=_KEEP, metavar="FILE", about="Append to it, as JSON Lines.")
]
SaveLimit = Annotated[
    int,
    Range(1),
    option("--save-limit", panel=_KEEP, metavar="MB", about="Begin a new file then, and keep one older."),
]

Respond = Annotated[
    int | None, Range(200, 599), option("--respond", panel=_ECHO, metavar="STATUS", about="With this status.")
]
RespondHeader = Annotated[
    list[str] | None, option("--respond-header", panel=_ECHO, metavar="TEXT", about="With `Name: value`.")
]
RespondText = Annotated[str | None, option("--respond-text", panel=_ECHO, metavar="TEXT", about="With this text.")]
RespondFile = Annotated[
    str | None, Trait.PATH, option("--respond-file", panel=_ECHO, metavar="FILE", about="With this file.")
]
Delay = Annotated[float, Range(0, _DAY), option("--delay", panel=_ECHO, metavar="S", about="After so many seconds.")]
Drop = Annotated[bool, flag("--drop", panel=_ECHO, about="Close the connection in the middle of the answer.")]

File = Annotated[str, typer.Argument(metavar="FILE", help="What `asgictl inspect --save FILE` has written.")]
Id = Annotated[int | None, Range(0), typer.Argument(metavar="ID", show_default=False, help="Only this exchange.")]
Ids = Annotated[
    list[int] | None,
    Range(0),
    typer.Argument(metavar="ID...", show_default=False, help="These exchanges; all requests without one."),
]
First = Annotated[int, Range(0), typer.Argument(metavar="A", help="One exchange.")]
Second = Annotated[int, Range(0), typer.Argument(metavar="B", help="The other.")]

Har = Annotated[bool, flag("--har", panel=_EXPORT, about="HAR 1.2, for a browser's developer tools.")]
Curl = Annotated[
    int | None, Range(0), option("--curl", panel=_EXPORT, metavar="ID", about="A curl command for this exchange.")
]
Httpie = Annotated[
    int | None, Range(0), option("--httpie", panel=_EXPORT, metavar="ID", about="An HTTPie command for this exchange.")
]

App = Annotated[
    str | None, option("--app", panel=_TARGET, metavar="APP", about="An app, called in this process, without a port.")
]
To = Annotated[str | None, option("--to", panel=_TARGET, metavar="URL", about="A server, like http://127.0.0.1:8000.")]
Yes = Annotated[bool, flag("--yes", panel=_TARGET, about="A server on another machine, too.")]
Timeout = Annotated[float, Range(0.001, _DAY), option("--timeout", panel=_TARGET, metavar="S", about="For an answer.")]
Diff = Annotated[bool, flag("--diff", panel=_VIEW, about="Show how the answers differ from the recorded ones.")]
NewMethod = Annotated[str | None, option("--method", panel=_CHANGE, metavar="NAME", about="Another method.")]
NewPath = Annotated[str | None, option("--path", panel=_CHANGE, metavar="PATH", about="Another path, with its query.")]
NewHeader = Annotated[
    list[str] | None,
    option("--header", "-H", panel=_CHANGE, metavar="TEXT", about="`Name: value` instead; `Name:` without."),
]
NewBody = Annotated[
    str | None, option("--body", panel=_CHANGE, metavar="TEXT", about="Another body; @FILE from a file.")
]
