"""Time from a save to the first answer of the new code, beside `uvicorn --reload`.

Rounds are interleaved and medians compared; only the ratio means something.

    python bench/reload.py [rounds]
"""

import compileall
import http.client
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from startup import free_port

import asgictl

APP = """
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def version():
    return {version}
"""
SERVERS = {
    "uvicorn": ["uvicorn", "main:app", "--reload", "--log-level", "critical"],
    "asgictl": ["asgictl", "serve", "main:app", "--reload", "--no-access-log"],
}


def wait_for(port: int, version: int) -> None:
    """Ask until the answer is `version`."""
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/")
            if connection.getresponse().read() == str(version).encode():
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.005)


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    compileall.compile_dir(Path(asgictl.__file__).parent, quiet=1)
    results: dict[str, list[float]] = {name: [] for name in SERVERS}
    with tempfile.TemporaryDirectory() as folder:
        running = {}
        for name, command in SERVERS.items():
            place = Path(folder) / name
            place.mkdir()
            (place / "main.py").write_text(APP.format(version=0), encoding="utf-8")
            port = free_port()
            words = [str(Path(sys.executable).with_name(command[0])), *command[1:], "--port", str(port)]
            process = subprocess.Popen(words, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            running[name] = (process, port, place)
            wait_for(port, 0)
        for version in range(1, rounds + 1):
            for name, (_, port, place) in running.items():
                time.sleep(2)
                begun = time.perf_counter()
                (place / "main.py").write_text(APP.format(version=version), encoding="utf-8")
                wait_for(port, version)
                results[name].append(time.perf_counter() - begun)
        for process, _, _ in running.values():
            process.terminate()
            process.wait()
    medians = {name: statistics.median(times) * 1000 for name, times in results.items()}
    for name, milliseconds in medians.items():
        print(f"{name:10} {milliseconds:6.0f} ms from a save to the new answer, median of {rounds} rounds")
    print(f"asgictl takes {medians['asgictl'] / medians['uvicorn']:.2f} times as long")


if __name__ == "__main__":
    main()
