"""Stands in for `docker` and `podman` where there is no engine: its container is a process on this machine.

What it says is what the engines say, as far as `scaffold --verify` reads it; FAULT names what goes wrong.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(os.environ["FAKE_ENGINE"])
FAULT = os.environ.get("FAULT", "")
CHECK = [sys.executable, "-c", "import sys; sys.exit(0)" if FAULT != "health" else "import sys; sys.exit(1)"]


# Outlives the signal that is for the server, and writes down how that ended.
_KEEPER = """
import pathlib, signal, subprocess, sys
signal.signal(signal.SIGTERM, lambda *_: None)
pathlib.Path(sys.argv[1]).write_text(str(subprocess.run(sys.argv[2:]).returncode))
"""


def main(command: str, *arguments: str) -> int:  # noqa: C901, PLR0912  # one case for each call
    """Do what the engine would."""
    with (HOME / "calls").open("a") as calls:
        print(Path(sys.argv[0]).name, command, *arguments, file=calls)
    match command:
        case "info":
            print("Cannot connect to the daemon" if FAULT == "info" else "fine")
            return FAULT == "info"
        case "build":
            print("step 1\nno such base image" if FAULT == "build" else "step 1")
            return FAULT == "build"
        case "image" if arguments[:3] == ("inspect", "--format", "{{.Size}}"):
            print(123_000_000)
        case "image" if arguments[0] == "inspect":
            health = {"Test": ["CMD", *CHECK]}
            podman = Path(sys.argv[0]).name == "podman"
            print(json.dumps({"HealthCheck": health} if podman else {"Config": {"Healthcheck": health}}))
        case "run":
            start()
        case "port":
            print(f"127.0.0.1:{(HOME / 'port').read_text()}")
        case "exec" if arguments[1] == "cat":
            print(f"Name:\tx\nUid:\t{0 if FAULT == 'root' else 10001}\t0\nCapEff:\t0000000000000000")
        case "exec":
            return subprocess.run(arguments[1:], check=False).returncode
        case "inspect":
            print(json.dumps(state()))
        case "logs":
            print((HOME / "log").read_text())
        case "stop":
            end(int((HOME / "pid").read_text()), float(arguments[1]))
        case "rm" | "image":
            if command == "rm" and (HOME / "pid").exists():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(int((HOME / "pid").read_text()), signal.SIGKILL)
            if FAULT == "rm":
                print("device is busy")
                return 1
            print(f"Error: No such container: {arguments[-1]}")
            return 1
    return 0


def start() -> None:
    """Start the server, whose end writes its status."""
    port = (HOME / "port").read_text()
    server = [os.environ["ASGICTL"], "serve", "broken:app" if FAULT == "app" else "main:app", "--port", port]
    with (HOME / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _KEEPER, HOME / "status", *server], stdout=log, stderr=log, start_new_session=True
        )
    (HOME / "pid").write_text(str(process.pid))
    if FAULT == "app":
        process.wait()


def state() -> dict[str, object]:
    """Return what `inspect` says of the container."""
    status = (HOME / "status").read_text() if (HOME / "status").exists() else None
    return {"Status": "running" if status is None else "exited", "ExitCode": int(status or 0)}


def end(group: int, within: float) -> None:
    """Stop it as the engine does."""
    os.killpg(group, signal.SIGKILL if FAULT == "stop" else signal.SIGTERM)
    deadline = time.monotonic() + within
    while not (HOME / "status").exists() and FAULT != "stop":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    if FAULT == "stop":
        (HOME / "status").write_text("137")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
