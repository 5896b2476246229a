"""What a child that the app forks must not share with the server."""

import subprocess
import sys

from tests.conftest import linux

pytestmark = linux

# Forks once what is done in a child is known, twice over, and shows what waits in the parent and in the child.
FORKS = """
import os, signal
from asgictl.serving.processes import forks
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})
for about in ("one", "other"):
    forks.in_child(about, lambda: None, unblock={signal.SIGTERM})
    forks._actions.clear()
child = os.fork()
if child:
    os.waitpid(child, 0)
print(*sorted(it.name for it in signal.pthread_sigmask(signal.SIG_BLOCK, ())), flush=True)
os._exit(0)
"""


def test_the_signals_that_wait() -> None:
    """After a fork the same signals wait as before in the parent, and in the child all but those of the server's."""
    done = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, timeout=60, check=False)

    assert (done.stdout.splitlines(), done.stderr) == (["SIGUSR1", "SIGTERM SIGUSR1"], "")
