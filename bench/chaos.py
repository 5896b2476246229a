"""What becomes of requests, log lines and processes in trouble, beside uvicorn and gunicorn with uvicorn's worker.

Each server has two workers of the same app, its access log on stdout, 8 seconds to stop and 5 for a worker that is
stuck, by its own options. Eight clients ask meanwhile, one request after the other, on connections that are kept (with
few descriptors on new ones). A request without a complete answer in 4 seconds has failed; the client goes on with the
next one 50 ms later. Rounds are interleaved: requests and lines are summed, of processes and seconds the worst is told.
A round takes about five minutes. Linux.

    python bench/chaos.py [rounds [part of a row's name]]
"""

import contextlib
import os
import re
import resource
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from loaded import Load, Server

APP = """
import asyncio, os

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    if scope["path"] == "/slow":
        await asyncio.sleep(0.5)
    body = b"%d" % os.getpid()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
"""
SERVERS = {
    "asgictl": "asgictl serve main:app --workers 2 --port {}",
    "uvicorn": "uvicorn main:app --workers 2 --timeout-graceful-shutdown 8 --port {}",
    "gunicorn": "gunicorn main:app --workers 2 --worker-class uvicorn_worker.UvicornWorker --access-logfile - "
    "--graceful-timeout 8 --timeout 5 --no-control-socket --bind 127.0.0.1:{}",
}
FILES = 5_000


def kill_workers(server: Server) -> None:
    """Kill the worker that answers next, ten times."""
    for _ in range(10):
        server.signal_worker(signal.SIGKILL)
        time.sleep(0.5)


def pause_reader(server: Server) -> None:
    """Leave stdout unread for a while."""
    time.sleep(1)
    server.reads.clear()
    time.sleep(6)
    server.reads.set()
    time.sleep(2)


def stop_reader(server: Server) -> None:
    """Leave stdout unread from now on."""
    server.reads.clear()
    time.sleep(6)


def wait(_: Server) -> None:
    """Give the clients time."""
    time.sleep(4)


def stop_worker(server: Server) -> None:
    """Have a worker stand still for longer than it may."""
    pid = server.signal_worker(signal.SIGSTOP)
    time.sleep(9)
    if pid in server.members():
        os.kill(pid, signal.SIGCONT)
    time.sleep(1)


def send_sighups(server: Server) -> None:
    """Send SIGHUP fifty times."""
    for _ in range(50):
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.1)


def open_connections(server: Server, count: int, head: bytes) -> list[socket.socket]:
    """Open connections that send `head` and nothing more."""
    found = []
    for _ in range(count):
        with contextlib.suppress(OSError):
            found.append(socket.create_connection(("127.0.0.1", server.port), timeout=1))
            found[-1].sendall(head)
    return found


def send_halves(server: Server) -> None:
    """Hold 4,000 connections that have sent half a request's head, also while it stops."""
    server.held = open_connections(server, 4_000, b"GET / HTTP/1.1\r\nHost: half\r\n")
    time.sleep(4)


def use_up_files(server: Server) -> None:
    """Hold more connections than there are descriptors, then let go of them."""
    held = open_connections(server, 200, b"")
    time.sleep(3)
    for connection in held:
        connection.close()
    time.sleep(3)


class Trouble(NamedTuple):
    """What happens while the clients ask, and where stdout goes."""

    name: str
    happens: Callable[[Server], None]
    is_full: bool = False
    files: int = 0
    path: str = "/"
    is_kept: bool = True
    until_stopped: bool = False
    is_log_read: bool = True


TROUBLES = (
    Trouble("`kill -9` of a worker, 10 times", kill_workers),
    Trouble("SIGSTOP of a worker", stop_worker),
    Trouble("50 SIGHUPs", send_sighups),
    Trouble("SIGTERM while clients ask", wait, path="/slow", until_stopped=True),
    Trouble("stdout unread for 6 s", pause_reader),
    Trouble("stdout unread to the end", stop_reader, is_log_read=False),
    Trouble("stdout on a full disk", wait, is_full=True, is_log_read=False),
    Trouble("4,000 half-sent requests", send_halves),
    Trouble("64 descriptors, 200 connections", use_up_files, files=64, is_kept=False),
)


class Outcome(NamedTuple):
    """What one server made of one trouble."""

    failed: int
    asked: int
    lost: int
    left: int
    seconds: float
    status: str


def outcome(command: str, folder: Path, trouble: Trouble) -> Outcome | None:
    """Return what becomes of a server in `trouble`; None when it does not start."""
    server = Server(command, folder, files=trouble.files, is_full=trouble.is_full)
    server.reads.set()
    load = None
    try:
        if not server.wait_until_ready():
            return None
        load = Load(server.port, trouble.path, is_kept=trouble.is_kept)
        trouble.happens(server)
        load.is_server_stopping = trouble.until_stopped
        if not trouble.until_stopped:
            load.stop()
        seconds, status = server.stop()
    finally:
        if load:
            load.stop()
        server.process.kill()
        server.process.wait()
        left = server.end_those_left()
        for connection in server.held:
            connection.close()
    written = {int(number) for number in re.findall(rb"\?n=(\d+)", server.log)}
    lost = len(load.answered - written) if trouble.is_log_read else 0
    said = "killed" if status is None else str(status)
    return Outcome(len(load.failed), len(load.failed) + len(load.answered), lost, left, seconds, said)


def row(trouble: Trouble, name: str, rounds: list[Outcome | None]) -> str:
    """Return a line of the table."""
    started = [result for result in rounds if result]
    if len(started) < len(rounds):
        return f"| {trouble.name} | {name} | does not start | | | | |"
    failed, asked, lost = (sum(column) for column in list(zip(*started, strict=True))[:3])
    left = max(result.left for result in started)
    seconds = max(result.seconds for result in started)
    statuses = ", ".join(sorted({result.status for result in started}))
    lines = f"{lost:,}" if trouble.is_log_read else ""
    return f"| {trouble.name} | {name} | {failed:,} of {asked:,} | {lines} | {left} | {seconds:.1f} | {statuses} |"


def main() -> None:
    """Measure, and print a table."""
    if not Path(sys.executable).with_name("gunicorn").exists():
        sys.exit("error: gunicorn is needed: pip install gunicorn uvicorn-worker")
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""  # noqa: PLR2004 - the second argument
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    print("| while | server | requests failed | lines lost | processes left | seconds to stop | status |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "main.py").write_text(APP, encoding="utf-8")
        for trouble in TROUBLES:
            if wanted not in trouble.name:
                continue
            results: dict[str, list[Outcome | None]] = {name: [] for name in SERVERS}
            for _ in range(rounds):
                for name, command in SERVERS.items():
                    results[name].append(outcome(command, Path(folder), trouble))
            for name, found in results.items():
                print(row(trouble, name, found), flush=True)


if __name__ == "__main__":
    main()
