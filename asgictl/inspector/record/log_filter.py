"""Keeping secrets out of what the server logs of an exception."""

import logging
from typing import TYPE_CHECKING, Any

from asgictl.inspector.record import failure

if TYPE_CHECKING:
    from asgictl.inspector.record.recorder import Inspector


class WithoutSecrets(logging.Filter):
    """Has an exception that has passed an inspector logged as the inspector has recorded it, its traceback `whole`."""

    def __init__(self, inspector: "Inspector[Any]", *, whole: bool) -> None:
        super().__init__()
        self._inspector = inspector
        self._whole = whole

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the traceback, if it is of the latest failure; let every record through."""
        latest = self._inspector.latest_failure
        if latest and record.exc_info and record.exc_info[1] and id(record.exc_info[1]) == latest[0]:
            found = failure(record.exc_info[1], latest[1])
            record.exc_text = (found.traceback if self._whole else found.stack).rstrip("\n")
            record.exc_info = None  # of which others could make the whole text again
        return True
