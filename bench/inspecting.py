"""What inspecting costs: the server's CPU time per request, beside plain serving and what the peers have for it.

`recorder` tells a sink that does nothing, `and kept` one that keeps the latest exchanges in memory. As
bench/access_log.py: one process on one CPU, wrk on another, interleaved rounds, medians; only the differences in one
run mean something. asgion takes part where it is installed. Linux.

At last a call by itself, in a loop without a server: one after the other, and with a moment of sleep before each. The
recorder executes the same instructions (some 90,000, valgrind counts the same behind a server), but takes two to three
times as long when something else has used the CPU's caches meanwhile, as it has between the requests of a server.

    python bench/inspecting.py [rounds]
"""

import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from access_log import measure
from startup import BARE

from asgictl import Inspector

RECORDED = """
from asgictl import Inspector
from main import app as inner

app = Inspector(inner, sink=lambda record: None)
kept = Inspector(inner)
"""
ASGION = """
from asgion import inspect
from main import app as inner

app = inspect(inner, trace=True)
"""
PLAIN = "plain"
SERVERS = {
    PLAIN: ["uvicorn", "main:app", "--no-access-log"],
    "recorder": ["uvicorn", "recorded:app", "--no-access-log"],
    "and kept": ["uvicorn", "recorded:kept", "--no-access-log"],
    "uvicorn trace": ["uvicorn", "main:app", "--no-access-log", "--log-level", "trace"],
    "asgictl inspect": ["asgictl", "inspect", "main:app"],
}
LIMIT = 15.0

CALLS = 5000
SCOPE: dict[str, Any] = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "server": ("127.0.0.1", 8000),
    "client": ("127.0.0.1", 51234),
    "scheme": "http",
    "method": "GET",
    "root_path": "",
    "path": "/items",
    "raw_path": b"/items",
    "query_string": b"page=2",
    "headers": [(b"host", b"127.0.0.1:8000")],
    "state": {},
}
PAUSES: dict[str, Callable[[], object]] = {"one after the other": int, "after a sleep": partial(time.sleep, 1e-4)}


async def nothing(*_: object) -> None:
    """Stand for the server's `receive` and `send`."""


async def alone(app: Callable[..., Awaitable[None]], pause: Callable[[], object]) -> float:
    """Return the median of the microseconds of a call."""
    times = []
    for _ in range(CALLS):
        scope = {**SCOPE, "headers": SCOPE["headers"][:]}
        pause()
        begun = time.perf_counter()
        await app(scope, nothing, nothing)
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1e6


def main() -> None:
    """Measure, print, and say whether the recorder keeps its limit."""
    if not shutil.which("wrk") or not shutil.which("taskset"):
        sys.exit("error: wrk and taskset are needed (Debian: apt-get install wrk util-linux)")
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    servers = dict(SERVERS)
    if find_spec("asgion"):
        servers["asgion trace"] = ["uvicorn", "asgioned:app", "--no-access-log"]
    results: dict[str, list[float]] = {name: [] for name in servers}
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {"main": BARE, "recorded": RECORDED, "asgioned": ASGION}.items():
            (Path(folder) / f"{name}.py").write_text(text, encoding="utf-8")
        for _ in range(rounds):
            for name, command in servers.items():
                results[name].append(measure(command, folder)[0])
    plain = statistics.median(results[PLAIN])
    print(f"{'':16} {'µs/request':>10} {'more':>7}   medians of {rounds} rounds")
    for name, values in results.items():
        median = statistics.median(values)
        print(f"{name:16} {median:10.1f} {median - plain:+7.1f}")
    print(f"the recorder may cost {LIMIT:g} µs more than {PLAIN} serving")
    bare: dict[str, Any] = {}
    exec(BARE, bare)
    recorded = Inspector(bare["app"], sink=lambda _: None)
    for name, pause in PAUSES.items():
        more = asyncio.run(alone(recorded, pause)) - asyncio.run(alone(bare["app"], pause))
        print(f"a call by itself, {name}: {more:+.1f} µs")


if __name__ == "__main__":
    main()
