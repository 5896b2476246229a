"""What a child that the app forks must not share with the server.

multiprocessing forks by default up to Python 3.13, and so do `pty.fork` and many libraries. Such a child has the
descriptors, the signal handlers and the signal mask of the server, and none of its threads.
"""

import contextlib
import functools
import os
import signal
import socket
import stat
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from typing import NoReturn

from asgictl.errors import AppLoadError, StartError

# By what they are about, so that a later one takes the place of an earlier one.
_actions: dict[str, Callable[[], object]] = {}

# The signals that the server keeps waiting, and that no child should.
_unblocked: set[int] = set()


is_child = False

# Of the thread: `blocked`, the signals that were blocked before its fork.
_fork = threading.local()


def in_child(about: str, action: Callable[[], object], *, unblock: Collection[int] = ()) -> None:
    """Have `action` done in each child that is forked from now on, instead of an earlier one that is `about` the same.

    It has to be quick, and must not raise. Until all are done, signals to the child wait, or a handler of the
    server's would swallow them; afterwards those of `unblock` wait no longer. `subprocess`, spawn and forkserver
    start afresh and do nothing of it.
    """
    _register()
    _actions[about] = action
    _unblocked.update(unblock)


@functools.cache  # a second time would have `_before` take the signals that it has blocked itself for the thread's
def _register() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)


def _before() -> None:
    """Block signals in this thread, the only one that the child will have."""
    _fork.blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def _in_parent() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _fork.blocked)


def _in_child() -> None:
    global is_child  # noqa: PLW0603  # of the process
    is_child = True
    for action in _actions.values():
        action()
    signal.pthread_sigmask(signal.SIG_SETMASK, set(_fork.blocked) - _unblocked)


@contextlib.contextmanager
def kept_out() -> Iterator[None]:
    """End a child that comes out of the block, which its parent is in too, as it would have ended by itself."""
    try:
        yield
    except BaseException as error:
        if is_child:
            end_child(error)
        raise
    if is_child:
        end_child()


def end_child(error: BaseException | None = None) -> NoReturn:
    """End this child at once: of what `error` says, or because it would go on as the server."""
    status = 1
    try:
        origin = error.__cause__ if isinstance(error, AppLoadError) else error
        if isinstance(origin, SystemExit):
            status = origin.code if isinstance(origin.code, int) else int(origin.code is not None)
            sys.stderr.write(f"{origin.code}\n" if status != origin.code and origin.code is not None else "")
        elif origin is not None:
            sys.excepthook(type(origin), origin, origin.__traceback__)
        else:
            status = StartError.exit_status
            sys.stderr.write("error: a process that the app has forked went on as the server, and is ended\n")
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    finally:
        os._exit(status)


def end_of_work(*told: object, **_: object) -> NoReturn:
    """End this child, which was forked by a thread, with what the thread tells the event loop: an error, if any."""
    works = [one for one in told if isinstance(one, Future) and one.done()]
    errors = [*(one for one in told if isinstance(one, BaseException)), *(one.exception() for one in works)]
    end_child(next(filter(None, errors), None))


def leave_sockets(name: str) -> None:
    """Have each child leave the server's sockets, whose `name_of` is `name`, to the server.

    Else they would be open as long as the child lives: the port taken, and clients left waiting for the end of an
    answer.
    """
    in_child("sockets", functools.partial(_let_go, name))


def _let_go(name: str) -> None:
    """Make the server's sockets /dev/null: their numbers stay in use, for copies of the server's objects close them."""
    with contextlib.suppress(OSError), open(os.devnull, "r+b", buffering=0) as null:  # noqa: PTH123  # no Path, in a child
        for entry in os.listdir("/dev/fd"):  # noqa: PTH208
            with contextlib.suppress(OSError):
                if stat.S_ISSOCK(os.fstat(int(entry)).st_mode) and name_of(int(entry)) == name:
                    os.dup2(null.fileno(), int(entry), inheritable=False)


def name_of(descriptor: int) -> str:
    """Return what a listening socket and the connections that it accepts have in common: the port, or the path."""
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        name = copy.getsockname()
        if copy.type != socket.SOCK_STREAM:
            return ""
        return str(name[1] if copy.family in (socket.AF_INET, socket.AF_INET6) else name)
