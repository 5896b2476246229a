"""How variables get into a container without being on a command line, which everybody on the machine can read."""

import contextlib
import os
import re
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path

from asgictl.errors import FileProblemError

# What an engine's program, those that it starts, or a script around it, take as said to themselves: docker(1),
# podman(1), containers.conf(5), ld.so(8), environ(7), bash(1), and https://pkg.go.dev/runtime#hdr-Environment_Variables.
_OBEYED = re.compile(
    r"(_?CONTAINERS?|BUILDKIT|BUILDX|DOCKER|PODMAN|STORAGE|REGISTRY_AUTH|OTEL|XDG|DBUS|LISTEN|LD|DYLD|GLIBC|MALLOC"
    r"|BASH)_.*|.*_PROXY|(PYTHON|PERL).*|GO(DEBUG|GC|MAXPROCS|MEMLIMIT|TRACEBACK|COVERDIR)|GCONV_PATH|LOCPATH"
    r"|SSL_CERT_(FILE|DIR)|SSH_(AUTH_SOCK|ASKPASS)|NOTIFY_SOCKET|TMPDIR|TMP|TEMP|PATH|PATHEXT|COMSPEC|SYSTEMROOT"
    r"|HOME|USERPROFILE|(LOCAL)?APPDATA|USER|LOGNAME|SHELL|ENV|IFS|PS4|CDPATH|SHELLOPTS|BASHOPTS"
    r"|HOSTALIASES|LOCALDOMAIN|RES_OPTIONS",
    re.IGNORECASE,
)


@contextlib.contextmanager
def handed(variables: Mapping[str, str]) -> Generator[tuple[tuple[str, ...], Mapping[str, str]], None, None]:
    """Yield what to add to `run`, and to the environment of the engine's program, for a container to have `variables`.

    Those that the program would take as said to itself are in a file of the user's own, which is gone afterwards.
    Raises `FileProblemError` where one of those has several lines, which such a file cannot hold.
    """
    own = {name: value for name, value in variables.items() if _OBEYED.fullmatch(name)}
    for name, value in own.items():
        if "\n" in value or "\r" in value:
            problem = f"`{name}` has several lines, and container engines read that name themselves"
            raise FileProblemError(problem, hint=f"give {name} one line in .env, or the app another name to read")
    given = {name: value for name, value in variables.items() if name not in own}
    arguments = tuple(word for name in given for word in ("--env", name))
    if not own:
        yield arguments, given
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "variables"
        file.write_bytes(os.fsencode("".join(f"{name}={value}\n" for name, value in own.items())))
        yield (*arguments, "--env-file", str(file)), given
