"""Keeping secrets out of what the server logs of an exception."""

import logging
from typing import TYPE_CHECKING, Any

from asgictl.inspector.record import failure

if TYPE_CHECKING:
    from asgictl.inspector.record.recorder import Inspector


class WithoutSecrets(logging.Filter):
    """Has an exception that has passed an inspector logged as the inspector has recorded it.

    For handlers that can show less of it than the whole, `failure` of the log's record is that, and `is_shown` says
    that there is no need to: users see it elsewhere.
    """

    def __init__(self, inspector: "Inspector[Any]", *, is_shown: bool) -> None:
        super().__init__()
        self._inspector = inspector
        self._is_shown = is_shown

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the traceback, if it is of the latest failure; let every record through."""
        latest = self._inspector.latest_failure
        if latest and record.exc_info and record.exc_info[1] and id(record.exc_info[1]) == latest[0]:
            record.failure = found = failure(record.exc_info[1], latest[1])
            record.is_shown = self._is_shown
            record.exc_text = found.traceback.rstrip("\n")
            record.exc_info = None  # of which others could make the whole text again
        return True
