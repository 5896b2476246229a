"""Keeping secrets out of what the server logs of an exception."""

import logging
from typing import Any

from asgictl.inspector.record import failure
from asgictl.inspector.record.recorder import Inspector


class WithoutSecrets(logging.Filter):
    """Has an exception that has passed an inspector logged as the inspector has recorded it."""

    def __init__(self, inspector: Inspector[Any]) -> None:
        super().__init__()
        self._inspector = inspector

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the traceback, if it is of the latest failure; let every record through."""
        latest = self._inspector.latest_failure
        if latest and record.exc_info and record.exc_info[1] and id(record.exc_info[1]) == latest[0]:
            record.exc_text = failure(record.exc_info[1], latest[1]).traceback.rstrip("\n")
        return True
