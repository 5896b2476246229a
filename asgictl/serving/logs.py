"""The logging configuration that uvicorn gets, and what the app's own makes of it."""

import copy
import json
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from asgictl import failure, streams
from asgictl.failure import Failure
from asgictl.serving.app import access_log
from asgictl.serving.app.access_log import AccessLog, Line
from asgictl.serving.app.in_flight import InFlight
from asgictl.serving.request import LogFormat
from asgictl.spans import plain

# How uvicorn begins what it says of its own start and stop; asgictl says it better. A test holds it against uvicorn.
LIFECYCLE = (
    "Application shutdown complete.",
    "Application shutdown failed. Exiting.",
    "Application startup complete.",
    "Application startup failed. Exiting.",
    "Cancel %s running task(s), timeout graceful shutdown exceeded",
    "Child process [",
    "Finished server process [",
    "Received SIGINT, exiting.",
    "Received SIGTERM, exiting.",
    "Received SIGTTIN, increasing the number of processes.",
    "Received SIGTTOU, decreasing number of processes.",
    "Shutting down",
    "Started parent process [",
    "Started reloader process [",
    "Started server process [",
    "Stopping parent process [",
    "Stopping reloader process [",
    "Terminated child process [",
    "Uvicorn running on ",
    "Waiting for application shutdown.",
    "Waiting for application startup.",
    "Waiting for background tasks to complete. (CTRL+C to force quit)",
    "Waiting for child process [",
    "Waiting for connections to close. (CTRL+C to force quit)",
    "Will watch for changes in these directories: ",
    "%s detected changes in %s. Reloading...",
)
# What it says of WebSockets; the access log has a line for each.
WEBSOCKETS = ('%s - "WebSocket %s"', "connection open", "connection closed", "connection rejected")
# What it says of an exception that comes out of the app.
RAISED = "Exception in ASGI application"
# What it says of a response that a stop has cut off, and otherwise of an app that is at fault.
CUT = ("ASGI callable returned without completing response.",)


class Without(logging.Filter):
    """Drops the lines that begin in certain ways."""

    def __init__(self, *beginnings: str) -> None:
        super().__init__()
        self.beginnings = beginnings

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether `record` is to be printed."""
        return not str(record.msg).startswith(self.beginnings)


def without_lifecycle() -> Without:
    """Return a filter that drops the lines of `LIFECYCLE` and `WEBSOCKETS`."""
    return Without(*LIFECYCLE, *WEBSOCKETS)


# What the further lines of what an exception says begin with.
_MARGIN = "    "


class Handler(logging.StreamHandler[Any]):
    """Writes to a stream, and goes on when nobody reads it any more.

    An exception is written with the frames of the user's code alone, or as a `whole`. What it says may come from
    outside: control characters are made visible, and no line of it passes for one of the log. That an app has ended
    because its client has gone is written only as a `whole`, and what a record's `is_shown` says of it not at all.
    """

    def __init__(self, stream: Any = None, *, whole: bool = False) -> None:
        super().__init__(stream)
        self._whole = whole

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether `record` is to be written."""
        if not super().filter(record) or getattr(record, "is_shown", False):
            return False
        if self._whole or not str(record.msg).startswith(RAISED):
            return True
        found = self._failure(record)
        return found is None or not found.is_disconnect

    def _failure(self, record: logging.LogRecord) -> Failure | None:
        margin = "" if isinstance(self.formatter, JSONFormatter) else _MARGIN
        error = record.exc_info[1] if record.exc_info else None
        return getattr(record, "failure", None) if error is None else failure.of(error, margin=margin)

    def format(self, record: logging.LogRecord) -> str:
        """Return what is written of `record`, which other handlers get as it is."""
        as_json = isinstance(self.formatter, JSONFormatter)
        found = self._failure(record)
        if found is not None or record.exc_text:
            record = copy.copy(record)
            if found is not None:
                record.exc_text = (found.traceback if self._whole else found.stack).rstrip("\n")
            if record.exc_text and not as_json:
                record.exc_text = "\n".join(map(plain, record.exc_text.split("\n")))
        return super().format(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        """Say what is wrong with a record, unless it is the stream."""
        error = sys.exception()
        if isinstance(error, BrokenPipeError):
            streams.lead_nowhere(self.stream)
        elif not isinstance(error, OSError):
            super().handleError(record)


def expect_cut_responses() -> None:
    """Stop printing what a stop brings about: responses that are cut off, and a socket that is closed meanwhile."""
    for one in _own_filters():
        one.beginnings += CUT
    # A loop that was blocked may find its listening socket shut down by `Listener.refuse`.
    logging.getLogger("asyncio").addFilter(lambda record: "_accept_connection" not in record.getMessage())


class AppLogging:
    """What the app's logging, or a log config, does with uvicorn's loggers, which are theirs to configure."""

    def __init__(self) -> None:
        """Note how it is before the app is imported."""
        ours = any(isinstance(handler, Handler) for handler in logging.getLogger("uvicorn").handlers)
        self._error, self._access = logging.getLogger("uvicorn.error"), logging.getLogger("uvicorn.access")
        # By --log-level, which is about the server's log.
        self._quiet = ours and self._access.getEffectiveLevel() > logging.INFO
        self._disabled_before = {logger for logger in (self._error, self._access) if logger.disabled}

    def access_log(
        self, log: AccessLog | None, line: Line, note: Callable[[str], object], *, quiet: bool
    ) -> Line | None:
        """Return `line`, or what asks the filters of `uvicorn.access` first; None where asgictl has nothing to write.

        That is when this logger has handlers, which get uvicorn's own lines, or a level at which it has none, and when
        no `log` is wanted. What nobody might expect is told to `note`; with `quiet` errors are shown elsewhere.
        """
        if log is None:
            if not quiet:
                self.tell_errors(note)
            self._access.disabled = True
            return None
        if not self.tell_errors(note):
            then = "asgictl's access log goes on; --no-access-log ends it, --quiet-path leaves paths out"
            self._tell_disabled(self._access, then, note)
        level = self._access.getEffectiveLevel()
        if level > logging.INFO and not self._quiet:
            note(f"the level of `uvicorn.access` is {logging.getLevelName(level)}, so there is no access log")
            return None
        if self._access.hasHandlers() and not self._access.disabled:
            _tell_unused(log, note)
            for one in _own_filters():
                one.beginnings = tuple(it for it in one.beginnings if it not in WEBSOCKETS)
            return None
        return self._filtered(line) if self._access.filters else line

    def tell_errors(self, note: Callable[[str], object]) -> bool:
        """Tell `note` where errors of requests are not printed, and return whether that is so: few want it."""
        then = "errors of requests are not printed; `disable_existing_loggers: False` keeps it"
        return self._tell_disabled(self._error, then, note)

    def _tell_disabled(self, logger: logging.Logger, then: str, note: Callable[[str], object]) -> bool:
        if logger.disabled:
            by = "--log-config" if logger in self._disabled_before else "the app's logging"
            note(f"{by} has disabled `{logger.name}`: {then}")
        return logger.disabled

    def _filtered(self, line: Line) -> Line:
        def unless_filtered(exchange: InFlight) -> str:
            wanted = exchange.scope["type"] == "websocket" or self._access.filter(access_log.record(exchange))
            return line(exchange) if wanted else ""

        return unless_filtered


def _tell_unused(log: AccessLog, note: Callable[[str], object]) -> None:
    """Say which options do nothing for lines of uvicorn's."""
    given = {"--access-log-format": log.format != "text", "--quiet-path": bool(log.quiet_path)}
    if options := " and ".join(option for option, is_given in given.items() if is_given):
        note(f"the access log goes to the handlers of `uvicorn.access`, for which {options} says nothing")


def _own_filters() -> Iterator[Without]:
    """Yield the filters of asgictl's own handlers."""
    for handler in logging.getLogger("uvicorn").handlers:
        yield from (one for one in handler.filters if isinstance(one, Without))


class JSONFormatter(logging.Formatter):
    """One JSON object a line, with the traceback of an exception in it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return `record` as JSON."""
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().strip(),
        }
        if record.exc_text or record.exc_info:
            fields["exception"] = record.exc_text or self.formatException(record.exc_info or (None, None, None))
        return json.dumps(fields)


def config(*, verbose: bool, log_format: LogFormat, whole: bool) -> dict[str, Any]:
    """Return a new configuration for `uvicorn.run`: everything to stderr, as text or as JSON.

    With `verbose`, uvicorn also tells of its own start and stop; with `whole` an exception comes with all its frames.
    """
    text = {"()": "uvicorn.logging.DefaultFormatter", "fmt": "%(levelprefix)s %(message)s"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"lifecycle": {"()": "asgictl.serving.logs.without_lifecycle"}},
        "formatters": {
            "default": text if log_format == "text" else {"()": "asgictl.serving.logs.JSONFormatter"},
            "access": {"()": "uvicorn.logging.AccessFormatter"},  # uvicorn wants it there
        },
        "handlers": {
            "default": {
                "class": "asgictl.serving.logs.Handler",
                "formatter": "default",
                "stream": "ext://sys.stderr",
                "filters": [] if verbose else ["lifecycle"],
                "whole": whole,
            },
        },
        "loggers": {
            "uvicorn": {"handlers": ["default"], "level": "INFO", "propagate": False},
            "uvicorn.error": {"level": "INFO"},
            # Without handlers, uvicorn has no access log: asgictl has one.
            "uvicorn.access": {"handlers": [], "level": "INFO", "propagate": False},
        },
    }
