"""What the access log costs: the server's CPU time per request, beside uvicorn with its log and without one.

One process on one CPU, wrk (Debian's package) on another, 32 connections, the lines to a file. Rounds are interleaved
and medians compared; only the ratios mean something. Linux.

    python bench/access_log.py [rounds]
"""

import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from startup import BARE, free_port

# The least that a log written by an ASGI wrapper can cost: no stop, no stream, no escape is thought of.
PLAIN = """
import os, threading, time
from main import app as inner

lines = []


async def app(scope, receive, send):
    if scope["type"] != "http":
        return await inner(scope, receive, send)
    begun, status, size = time.perf_counter(), 0, 0

    async def watched(message):
        nonlocal status, size
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            size += len(message["body"])
        await send(message)

    await inner(scope, receive, watched)
    client, duration = scope["client"], (time.perf_counter() - begun) * 1000
    request = f'{scope["method"]} {scope["path"]}?{scope["query_string"].decode()} HTTP/{scope["http_version"]}'
    lines.append(f'{client[0]}:{client[1]} - "{request}" {status} {size} B {duration:.1f} ms\\n')


def write():
    while True:
        time.sleep(0.05)
        batch = lines[:]
        del lines[: len(batch)]
        os.write(1, "".join(batch).encode())


threading.Thread(target=write, daemon=True).start()
"""
SECONDS = 3
SERVERS = {
    "uvicorn, log on": ["uvicorn", "main:app"],
    "uvicorn, log off": ["uvicorn", "main:app", "--no-access-log"],
    "a plain wrapper": ["uvicorn", "plain:app", "--no-access-log"],
    "asgictl, log on": ["asgictl", "serve", "main:app"],
    "asgictl, log off": ["asgictl", "serve", "main:app", "--no-access-log"],
}
TARGETS = {"uvicorn, log on": 2.5, "uvicorn, log off": 0.95, "a plain wrapper": 1.0}


def cpu(pid: int) -> float:
    """Return the CPU time of a process in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(command: list[str], folder: str) -> tuple[float, float]:
    """Return the microseconds of CPU time per request, and the requests a second."""
    port = free_port()
    with (Path(folder) / "log").open("wb") as log:
        words = [
            "taskset",
            "-c",
            "0",
            str(Path(sys.executable).with_name(command[0])),
            *command[1:],
            "--port",
            str(port),
        ]
        server = subprocess.Popen(words, cwd=folder, stdout=log, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/items?page=2"
    try:
        wait_for(port)
        load(url, 1)
        before = cpu(server.pid)
        requests, seconds = load(url, SECONDS)
        used = cpu(server.pid) - before
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
    return used / requests * 1e6, requests / seconds


def load(url: str, seconds: int) -> tuple[int, float]:
    """Have wrk send requests for some seconds; return how many were answered, and in which time."""
    words = ["taskset", "-c", "1", "wrk", "-t1", "-c32", f"-d{seconds}", url]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    match = re.search(r"(\d+) requests in ([\d.]+)s", text)
    assert match is not None, text
    return int(match[1]), float(match[2])


def wait_for(port: int) -> None:
    """Wait until something listens."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return


def main() -> None:
    """Measure, print, and say whether the targets hold."""
    if not shutil.which("wrk") or not shutil.which("taskset"):
        sys.exit("error: wrk and taskset are needed (Debian: apt-get install wrk util-linux)")
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in SERVERS}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "main.py").write_text(BARE, encoding="utf-8")
        (Path(folder) / "plain.py").write_text(PLAIN, encoding="utf-8")
        for _ in range(rounds):
            for name, command in SERVERS.items():
                results[name].append(measure(command, folder))
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in results.items()
    }
    print(f"{'':18} {'µs/request':>10} {'requests/s':>11}   medians of {rounds} rounds")
    for name, (microseconds, rate) in medians.items():
        print(f"{name:18} {microseconds:10.1f} {rate:11,.0f}")
    ours = medians["asgictl, log on"][0]
    for name, target in TARGETS.items():
        print(f"{medians[name][0] / ours:.2f} times as fast as {name}, wanted {target}")


if __name__ == "__main__":
    main()
