"""A container engine, by its command line: Docker's or Podman's."""

import os
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from asgictl.errors import StartError

_KEPT = 200


class EngineError(Exception):
    """A call of the engine has failed; `lines` are the last that it has said."""

    def __init__(self, what: str, lines: Sequence[str]) -> None:
        super().__init__(what)
        self.lines = tuple(lines)


class Engine:
    """The engine that runs here."""

    def __init__(self, program: str) -> None:
        self.program = program
        self.name = Path(program).name
        self._environ = {**os.environ, "DOCKER_BUILDKIT": "1"}

    @property
    def build_options(self) -> tuple[str, ...]:
        """What a build needs so that the image keeps its health check: Podman's own format has none."""
        return ("--format", "docker") if self.name == "podman" else ()

    def call(
        self,
        *arguments: str,
        hears: Callable[[str], object] | None = None,
        folder: Path | None = None,
        whole: bool = False,
        environ: Mapping[str, str] | None = None,
    ) -> str:
        """Run the engine, `environ` added to its environment, and return the last of what it says.

        `hears` gets each line at once.
        An interruption ends the call, or, if it is to be `whole`, waits for its end: the engine does what it was asked
        for, whether or not its command line is still there. Raises `EngineError`.
        """
        said: deque[str] = deque(maxlen=_KEPT)
        process = subprocess.Popen(  # noqa: S603  # no shell
            [self.program, *arguments],
            cwd=folder,
            env={**self._environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # a Ctrl-C is for asgictl, which then ends what it has started
        )
        with process:
            assert process.stdout is not None  # noqa: S101  # it is a pipe
            try:
                for line in process.stdout:
                    said.append(line.rstrip())
                    if hears is not None:
                        hears(line.rstrip())
            except BaseException:
                if whole:
                    process.stdout.read()
                    process.wait()
                else:
                    process.terminate()
                raise
        if process.returncode:
            raise EngineError(f"{self.name} {arguments[0]} failed", [line for line in said if line])
        return "\n".join(said).strip()


def find(environ: Mapping[str, str]) -> Engine:
    """Return the engine that answers; raise `StartError` where none does."""
    reasons = []
    for name in ("docker", "podman"):
        program = shutil.which(name, path=environ.get("PATH"))
        if program is None:
            reasons.append(f"no {name} here")
            continue
        engine = Engine(program)
        try:
            engine.call("info")
        except EngineError as error:
            reasons.append(f"{name}: {error.lines[-1] if error.lines else 'no answer'}")
        else:
            return engine
    problem = f"there is no container engine that answers: {'; '.join(reasons)}"
    raise StartError(problem, hint="install Docker or Podman, or start it")
