"""Waiting for a predecessor that was told to stop, and still has the port, or the UNIX socket."""

import errno
import socket
import time
from collections.abc import Callable
from pathlib import Path

from asgictl.serving.sockets import port_owner

# Twice what an asgictl that is stopping needs at the most, `stopping.REFUSE`: its machine may be busy; in seconds.
_PATIENCE = 1.0
_PAUSE = 0.02


def deadline() -> float:
    """Return until when to wait, from now on."""
    return time.monotonic() + _PATIENCE


def outlived(bind: Callable[[], socket.socket], place: int | Path, deadline: float) -> socket.socket:
    """Return what `bind` returns; try again until `deadline` while who has `place` may be an asgictl that is stopping.

    The last `OSError` of `bind` comes out.
    """
    waits = False
    while True:
        try:
            return bind()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                raise
            if not waits and (owner := port_owner.find(place)) and not owner.may_be_ours:
                raise
        waits = True
        time.sleep(_PAUSE)
