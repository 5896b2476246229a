"""Time from the start of the process to its first answer, beside plain uvicorn.

Rounds are interleaved and medians compared. On a machine that others use too, the CPU time until that answer is
steadier than the clock; only the ratios mean something.

    python bench/startup.py [rounds]
"""

import compileall
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asgictl

BARE = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""
FASTAPI = """
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def hello():
    return "ok"
"""
TARGETS = {"bare": 1.25, "FastAPI": 1.15}


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def first_answer(command: list[str], folder: str) -> tuple[float, float]:
    """Return the milliseconds from starting `command` to a complete response, on the clock and of CPU time."""
    port = free_port()
    before = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--port", str(port)], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
            break
        except ConnectionError:
            if process.poll() is not None:
                sys.exit(f"{command[0]} ended with status {process.returncode}")
            time.sleep(0.001)
        finally:
            connection.close()
    clock = time.perf_counter() - before
    process.kill()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return clock * 1000, (usage.ru_utime + usage.ru_stime) * 1000


def main() -> None:
    """Measure, and print the ratios."""
    # As an installation does; an editable one leaves it to the first run, which some environments forbid.
    compileall.compile_dir(Path(asgictl.__file__).parent, quiet=1)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    scripts = Path(sys.executable).parent
    commands = {
        "uvicorn": [str(scripts / "uvicorn"), "main:app"],
        "asgictl": [str(scripts / "asgictl"), "serve", "main:app"],
        "asgictl, found": [str(scripts / "asgictl"), "serve"],
    }
    for kind, source in (("bare", BARE), ("FastAPI", FASTAPI)):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "main.py").write_text(source)
            times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
            for _ in range(rounds):
                for name, command in commands.items():
                    times[name].append(first_answer(command, folder))
        print(f"{kind} app, {rounds} rounds, at most {TARGETS[kind]} times uvicorn wanted")
        bases = [statistics.median(values) for values in zip(*times["uvicorn"], strict=True)]
        for name, pairs in times.items():
            clock, cpu = (statistics.median(values) for values in zip(*pairs, strict=True))
            print(f"  {name:15} {clock:4.0f} ms ({clock / bases[0]:.2f}), CPU {cpu:4.0f} ms ({cpu / bases[1]:.2f})")


if __name__ == "__main__":
    main()
