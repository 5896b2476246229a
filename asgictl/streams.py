"""Streams that nobody reads any more."""

import os
from typing import Any


def lead_nowhere(stream: Any) -> None:
    """Have what is still to be written vanish, or Python would end with status 120.

    https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
