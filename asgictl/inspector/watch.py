"""Putting an inspector around an app, as `asgictl inspect` is asked to."""

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from asgictl import errors
from asgictl.asgi import ASGIApp
from asgictl.inspector import echo
from asgictl.inspector.echo import Answer
from asgictl.inspector.record import Record, Sink, redaction
from asgictl.inspector.record.log_filter import WithoutSecrets
from asgictl.inspector.recorder import Inspector
from asgictl.inspector.request import InspectRequest
from asgictl.inspector.rules import catalogue
from asgictl.inspector.sessions.session_file import SessionFile

_MEGABYTE = 1_000_000


def redacted(request: InspectRequest) -> tuple[str, ...]:
    """Return the names of headers, parameters and cookies whose values are neither shown nor saved."""
    return () if request.no_redact else (*redaction.NAMES, *request.redact)


def patterns(ignored: Iterable[str]) -> tuple[str, ...]:
    """Return patterns of rules' numbers, of which each of `ignored` may hold several; raise where one matches none."""
    found = tuple(pattern for text in ignored for pattern in text.upper().replace(",", " ").split())
    for pattern in found:
        if not catalogue.chosen([pattern]):
            hint = "`asgictl check --rules` lists them"
            raise errors.ConfigError(f"`{pattern}` is not a rule", hint=hint, option="ignore")
    return found


def _left_out(request: InspectRequest, count: int) -> str:
    named = ", ".join(f"`{name}`" for name in request.redact_body)
    bodies = (
        f", and of {named} in bodies; packed and streamed bodies are left out whole"
        if named
        else "; bodies are saved unchanged (--redact-body NAME)"
    )
    names = f"{count} headers and parameters (--print-config lists them)"
    return f"`{request.save}` leaves out the values of {names}{bodies}"


@contextlib.contextmanager
def session_file(
    request: InspectRequest, app: str, version: str, note: Callable[[str], object]
) -> Iterator[SessionFile | None]:
    """Yield the file that exchanges of `app` are saved to, or None; `note` hears what becomes of it."""
    if request.save is None:
        yield None
        return
    names = sorted(set(redacted(request)))
    about = {"asgictl": version, "app": app, "redacted": names, "redacted_body": sorted(set(request.redact_body))}
    limit = request.save_limit * _MEGABYTE
    with errors.about("save"):
        file = SessionFile(Path(request.save), about=about, limit=limit, note=note)
    if names:
        note(_left_out(request, len(names)))
    with contextlib.closing(file):
        yield file


def around(
    request: InspectRequest, sinks: Sequence[Sink], answer: Answer | None, *, first_id: int, is_shown: bool
) -> Callable[[ASGIApp], ASGIApp]:
    """Return what puts an inspector around an app, or around one that echoes as `answer` says.

    Each of `sinks` is told every record; exchanges are numbered from `first_id`. What the server logs of an exception
    is without secrets, too; `is_shown` tells that users see it without the log.
    """
    names = redacted(request)

    def sink(record: Record) -> None:
        for one in sinks:
            one(record)

    def wrap(app: ASGIApp) -> ASGIApp:
        if answer is not None:
            app = echo.Echo(answer, redaction.Redactor(names))
        inspector = Inspector(
            app,
            sink=sink,
            redact=names,
            redact_body=request.redact_body,
            body_limit=request.body_limit,
            first_id=first_id,
            check="off" if answer is not None and answer.drop else request.rules,  # which breaks one on purpose
            ignore=patterns(request.ignore),
            info=request.info,
        )
        for name in ("uvicorn.error", "uvicorn.asgi"):
            logging.getLogger(name).addFilter(WithoutSecrets(inspector, is_shown=is_shown))
        return inspector

    return wrap
