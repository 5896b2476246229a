"""Being process 1, as in a container without an init: what is left to it is taken away, and signals are passed on."""

import os
import signal

# What the system sends a process for its own fault, what cannot be caught, and what tells of children.
_OWN = {"SIGKILL", "SIGSTOP", "SIGCHLD", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS", "SIGABRT"}

# The status of a child that a signal has ended, as shells have it.
_BY_SIGNAL = 128


def divide() -> None:
    """Return in a child, if this is process 1; here pass signals on to it, reap orphans, and end as the child does.

    The system gives process 1 the children of others, and ignores signals to it that have no handler. A server cannot
    tell the ends of these children from those of its own, nor of the app's, which wait for theirs.
    """
    if os.getpid() != 1 or not hasattr(os, "fork"):
        return
    passed = {number for number in signal.valid_signals() if _name(number) not in _OWN}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*passed, signal.SIGCHLD})
    child = os.fork()
    if child == 0:
        _take_terminal()
        if os.environ.get("LISTEN_PID") == "1":  # sd_listen_fds(3): the sockets are for this process now
            os.environ["LISTEN_PID"] = str(os.getpid())
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    while True:
        number = signal.sigwait({*passed, signal.SIGCHLD})
        if number == signal.SIGCHLD:
            _reap(child)
        else:
            os.kill(child, number)


def _name(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else ""


def _take_terminal() -> None:
    """Be alone in a process group, with the terminal if there is one: a Ctrl-C comes here once, and not twice."""
    os.setpgid(0, 0)
    try:
        if os.isatty(0):
            os.tcsetpgrp(0, os.getpid())  # SIGTTOU is blocked
    except OSError:
        return


def _reap(child: int) -> None:
    """Take away all that have ended, and have the `child` go on that a Ctrl-Z has stopped; end when it has ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if os.WIFSTOPPED(status):
            if pid == child and os.WSTOPSIG(status) == signal.SIGTSTP:  # there is no shell with a `fg`
                os.killpg(child, signal.SIGCONT)
        elif pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else _BY_SIGNAL - code)
