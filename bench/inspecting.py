"""What inspecting costs: the server's CPU time per request, beside plain serving and what the peers have for it.

`recorder` tells a sink that does nothing, `and kept` one that keeps the latest exchanges in memory. As
bench/access_log.py: one process on one CPU, wrk on another, interleaved rounds, medians; only the differences in one
run mean something. asgion takes part where it is installed. Linux.

    python bench/inspecting.py [rounds]
"""

import shutil
import statistics
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from access_log import measure
from startup import BARE

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


if __name__ == "__main__":
    main()
