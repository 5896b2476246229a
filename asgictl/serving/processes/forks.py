"""What a child that the app forks must not share with the server.

multiprocessing forks by default up to Python 3.13, and so do `pty.fork` and many libraries. Such a child has the
descriptors, the signal handlers and the signal mask of the server, and none of its threads.
"""

import os
import signal
import threading
from collections.abc import Callable, Collection

# By what they are about, so that a later one takes the place of an earlier one.
_actions: dict[str, Callable[[], object]] = {}

# The signals that the server keeps waiting, and that no child should.
_unblocked: set[int] = set()


# Of the thread: `blocked`, the signals that were blocked before its fork.
_fork = threading.local()


def in_child(about: str, action: Callable[[], object], *, unblock: Collection[int] = ()) -> None:
    """Have `action` done in each child that is forked from now on, instead of an earlier one that is `about` the same.

    It has to be quick, and must not raise. Until all are done, signals to the child wait, or a handler of the
    server's would swallow them; afterwards those of `unblock` wait no longer. `subprocess`, spawn and forkserver
    start afresh and do nothing of it.
    """
    if not _actions and hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
    _actions[about] = action
    _unblocked.update(unblock)


def _before() -> None:
    """Block signals in this thread, the only one that the child will have."""
    _fork.blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def _in_parent() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _fork.blocked)


def _in_child() -> None:
    for action in _actions.values():
        action()
    signal.pthread_sigmask(signal.SIG_SETMASK, set(_fork.blocked) - _unblocked)
