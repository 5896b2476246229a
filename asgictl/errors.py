"""The errors that users are expected to meet, and the exit status of each."""

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from asgictl.failure import Failure

STOPPED = 0
FOUND = 1
UNTOLD = 5
FORCED = 130


def reason(error: OSError | UnicodeError) -> str:
    """Return why the system has refused something, or a file is not text, in words."""
    if isinstance(error, UnicodeError):
        return "it is not UTF-8"
    return error.strerror or (os.strerror(error.errno) if error.errno else str(error))


@contextlib.contextmanager
def about(option: str) -> Iterator[None]:
    """Have an error out of the block say that the option with this key is wrong, unless it names another."""
    try:
        yield
    except AsgictlError as error:
        error.option = error.option or option
        raise


@contextlib.contextmanager
def shortage() -> Iterator[None]:
    """Have what the system refuses in the block, a process, a thread or memory, raise `StartError`."""
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        if isinstance(error, RuntimeError):
            short = "start new thread" in str(error)  # CPython's own words
        else:
            short = isinstance(error, MemoryError) or error.errno in {errno.EAGAIN, errno.ENOMEM}
        if not short:
            raise
        problem = "the system allows no more processes, threads or memory"
        hint = "raise its limits: `ulimit -u` and -v, TasksMax of systemd, --pids-limit and --memory of containers"
        raise StartError(problem, hint=hint) from error


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the one of `known` names that may be meant by `name`, or None where none is like it."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, list(known), n=1)), None)


class AsgictlError(Exception):
    """Something the user can put right: a message, and where possible a hint that says how.

    `option` is the key of the option that is wrong, where one is: what it comes from is told with it.
    """

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None, option: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.option = option


class ConfigError(AsgictlError):
    """Wrong usage or configuration, or two apps to choose from."""

    exit_status = 2


class StartError(AsgictlError):
    """The server could not start, or could not go on."""

    exit_status = 3


class FileProblemError(AsgictlError):
    """A file is missing, unreadable, in the way, or not what it should be."""

    exit_status = 4


class InterruptedByUserError(AsgictlError):
    """The user has ended a command before it was done."""

    exit_status = FORCED


class AppLoadError(StartError):
    """The user's app cannot be imported or started, because of a `failure` of its code, or by what it says itself."""

    def __init__(self, message: str, *, hint: str | None = None, failure: "Failure | None" = None) -> None:
        super().__init__(message, hint=hint)
        self.failure = failure


class UnansweredError(Exception):
    """Who knows cannot be asked, or does not answer, like git or what reads a trust store; the text says why.

    No command ends with it: what could not be found out is told beside the rest.
    """
