"""Keeping secrets out of what the server logs."""

import logging
from typing import TYPE_CHECKING, Any

from asgictl.inspector.record import failure
from asgictl.inspector.record.snapshot import kept_scope

if TYPE_CHECKING:
    from asgictl.inspector.recorder import Inspector


class WithoutSecrets(logging.Filter):
    """Has what is logged without secrets, and an exception that has passed an inspector as that has recorded it.

    For handlers that can show less of it than the whole, `failure` of the log's record is that, and `is_shown` says
    that there is no need to: users see it elsewhere.
    """

    def __init__(self, inspector: "Inspector[Any]", *, is_shown: bool) -> None:
        super().__init__()
        self._inspector = inspector
        self._is_shown = is_shown

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the message, and the traceback if it is of the latest failure; let every record through."""
        if isinstance(record.args, tuple):
            record.args = tuple(self._scope(arg) if isinstance(arg, dict) else arg for arg in record.args)
        said = record.getMessage()
        if (hidden := self._hidden(said)) != said:
            record.msg, record.args = hidden, None
        latest = self._inspector.latest_failure
        if latest and record.exc_info and record.exc_info[1] and id(record.exc_info[1]) == latest[0]:
            record.failure = found = failure(record.exc_info[1], latest[1])
            record.is_shown = self._is_shown
            record.exc_text = found.traceback.rstrip("\n")
            record.exc_info = None  # of which others could make the whole text again
        return True

    def _scope(self, logged: dict[str, Any]) -> dict[str, Any]:
        """Return a scope, or a message, without secrets, as it is logged at trace: with a word for its headers."""
        given = {key: value for key, value in logged.items() if key != "headers"}
        return kept_scope(given, self._inspector.redactor) | {key: logged[key] for key in logged.keys() - given.keys()}

    def _hidden(self, said: str) -> str:
        redactor = self._inspector.redactor
        # At debug websockets logs each header, `< authorization: Bearer ...`, and the beginnings of messages.
        name, colon, value = said.lstrip("<> ").partition(": ")
        if colon and name.isascii() and " " not in name:
            ((_, kept),) = redactor.headers([(name.encode(), value)])
            return said.removesuffix(value) + str(kept)
        text = said.encode("utf-8", "surrogatepass")
        for one in (redactor, self._inspector.bodies.fields):
            text = one.text(text)
        return text.decode("utf-8", "surrogatepass")
