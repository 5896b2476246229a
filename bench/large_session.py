"""How much memory and time each command about sessions takes with a file of many megabytes.

Bodies are 40 kB, as JSON. Memory is the most that the process has held, or this script when it started it; it should
not grow with the file.

    python bench/large_session.py [megabytes]
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from asgictl.inspector.record import Closed, Event, Opened
from asgictl.inspector.sessions.session_file import SessionFile

BODY = b'{"name": "value", "list": [1,2,3]} ' * 1140
ABOUT = {"asgictl": "bench", "app": "app", "redacted": [], "redacted_body": []}
SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "query_string": b"",
    "headers": [(b"host", b"127.0.0.1:8000")],
    "client": ["127.0.0.1", 50000],
    "server": ["127.0.0.1", 8000],
}


def write(path: Path, size: int) -> int:
    """Write a session of about `size` bytes; return how many exchanges are in it."""
    file = SessionFile(path, about=ABOUT, limit=2 * size, note=print)
    count = size // (len(BODY) * 7 // 6)
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
    for number in range(1, count + 1):
        target = f"/items/{number}"
        file(Opened(number, 1.7e9 + number, {**SCOPE, "path": target, "raw_path": target.encode()}))
        file(Event(number, 1, 0.1, "receive", {"type": "http.request", "body": b"", "more_body": False}))
        file(Event(number, 2, 0.5, "send", start))
        file(Event(number, 3, 0.6, "send", {"type": "http.response.body", "body": BODY}, size=len(BODY)))
        file(Closed(number, 0.7))
    file.close()
    return count


def measure(*arguments: str) -> tuple[float, float]:
    """Return the seconds and the megabytes that a command takes."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "asgictl", "session", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # ours
    _, _, usage = os.wait4(process.pid, 0)
    return time.perf_counter() - begun, usage.ru_maxrss / 1000


def main() -> None:
    """Print a line for each command."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.jsonl")
        count = write(path, size * 1_000_000)
        print(f"{path.stat().st_size / 1e6:.0f} MB, {count} exchanges")
        file, last = str(path), str(count)
        for arguments in (
            ("show", file),
            ("show", file, last),
            ("diff", file, "1", last),
            ("export", file, "--curl", last),
            ("export", file, "--httpie", last),
            ("replay", file, last, "--app", "demo", "--diff"),
            ("export", file, "--har"),
        ):
            seconds, megabytes = measure(*arguments)
            print(
                f"{seconds:7.1f} s  {megabytes:5.0f} MB  {' '.join(it for it in arguments if it != file)}", flush=True
            )


if __name__ == "__main__":
    main()
