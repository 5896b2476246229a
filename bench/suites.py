"""Whether inspecting changes nothing: the test-suites of frameworks, plain and with every app inside an Inspector.

Of each framework the version that is installed here is taken, with the tests of its source distribution, which have to
be in there: Quart's and Litestar's are not. Both runs are in one new virtual environment, and every test has to come
out of both the same. What is wrapped is what the test clients call, not what the tests see of it; an app that a test
calls by itself, or serves in another process, is left alone. The second half of this module is pytest's plugin for it.

With --check they run once, under `pytest --asgi-check`, and what that finds is printed.

    python bench/suites.py [--check] [starlette|fastapi|falcon ...]
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
from collections import Counter
from collections.abc import Callable
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import asgictl
from asgictl.asgi import ASGIApp
from asgictl.inspector.record import Opened, Record
from asgictl.inspector.record.memory import Memory
from asgictl.inspector.recorder import Inspector


class Suite(NamedTuple):
    """What a suite needs besides its framework, the extras of that, and pytest's arguments."""

    requirements: str
    extras: str = ""
    arguments: tuple[str, ...] = ()


class Run(NamedTuple):
    """How each test came out, and how many exchanges were recorded."""

    outcomes: dict[str, str]
    recorded: int


SUITES = {
    "starlette": Suite("pytest trio blockbuster importlib-metadata opentelemetry-sdk httpx2[zstd]", "[full]"),
    "fastapi": Suite(
        "pytest>=9,<9.2 pytest-codspeed pytest-xdist trio a2wsgi dirty-equals flask inline-snapshot logfire mypy "
        "opentelemetry-exporter-otlp-proto-http opentelemetry-instrumentation-fastapi pwdlib[argon2] pyjwt orjson "
        "python-slugify sentry-sdk sqlmodel strawberry-graphql typer ujson",
        "[all]",
    ),
    # What is left out starts servers, in processes of their own.
    "falcon": Suite(
        "pytest<9.2 pyyaml requests aiofiles httpx uvicorn websockets cbor2 msgpack mujson ujson orjson msgspec",
        arguments=("tests", "--ignore=tests/asgi/test_asgi_servers.py"),
    ),
}
# The test clients that call an app as their attribute `app`.
CLIENTS = {
    "starlette.testclient": "TestClient",
    "httpx": "ASGITransport",
    "httpx2": "ASGITransport",
    "falcon.testing.client": "ASGIConductor",
}
# When a test that hangs has failed, in seconds.
TIMEOUT = 30
REPORT = "SUITES_REPORT"
WRAPPED = "SUITES_WRAPPED"


def main() -> None:
    """Run the suites, and say what differs."""
    names = [name for name in sys.argv[1:] if name != "--check"] or list(SUITES)
    if unknown := set(names) - set(SUITES):
        sys.exit(f"error: no suite of {', '.join(sorted(unknown))}: there are {', '.join(SUITES)}")
    if "--check" in sys.argv:
        for name in names:
            judge(name)
        return
    same = [compare(name) for name in names]
    if not all(same):
        sys.exit("error: inspecting has changed something")


def compare(name: str) -> bool:
    """Run the suite of `name` both ways, print the outcomes, and tell whether they are the same."""
    version, begun = metadata.version(name), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        python, tests = prepare(name, version, Path(folder))
        plain, wrapped = (run(name, python, tests, wrap=wrap) for wrap in (False, True))
    if not wrapped.recorded:
        sys.exit(f"error: nothing of {name}'s suite has been inspected")
    both = sorted({*plain.outcomes, *wrapped.outcomes})
    differing = [test for test in both if plain.outcomes.get(test) != wrapped.outcomes.get(test)]
    print(f"{name} {version}: {len(both)} tests, {time.monotonic() - begun:.0f} s")
    print(f"  plain    {summary(plain)}")
    print(f"  wrapped  {summary(wrapped)}; {wrapped.recorded} exchanges recorded")
    print(f"  {len(differing)} differ", flush=True)
    for test in differing:
        print(f"    {test}: {plain.outcomes.get(test, 'missing')}, wrapped {wrapped.outcomes.get(test, 'missing')}")
    return not differing


def judge(name: str) -> None:
    """Run the suite of `name` with every app of its clients checked, and print what was found."""
    version = metadata.version(name)
    with tempfile.TemporaryDirectory() as folder:
        python, tests = prepare(name, version, Path(folder))
        said = run_suite(name, python, tests, ("-p", "asgictl.pytest_plugin", "--asgi-check"), {})
    print(f"{name} {version}")
    print(said[said.rindex("ASGI rules") :].partition("\n")[2], flush=True)


def summary(result: Run) -> str:
    """Return how many tests came out how."""
    counts = Counter(result.outcomes.values())
    expected = {outcome: counts.pop(outcome, 0) for outcome in ("passed", "failed", "skipped")}
    return ", ".join(f"{number} {outcome}" for outcome, number in {**expected, **counts}.items())


def prepare(name: str, version: str, folder: Path) -> tuple[Path, Path]:
    """Install and unpack what the suite needs; return the Python to run it with, and the folder to run it in."""
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    suite = SUITES[name]
    install = ["install", f"{name}{suite.extras}=={version}", "pytest-timeout", *suite.requirements.split()]
    download = ["download", "--no-deps", "--no-binary", name, "--dest", str(folder), f"{name}=={version}"]
    for command in (install, download):
        check([str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", *command], folder, dict(os.environ))
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder / "source", filter="data")
    shutil.copytree(Path(asgictl.__file__).parent, folder / "plugin" / "asgictl")
    shutil.copy(__file__, folder / "plugin" / "suites.py")
    return python, next((folder / "source").iterdir())


def run(name: str, python: Path, tests: Path, *, wrap: bool) -> Run:
    """Run the tests that are in a folder."""
    report = tests.parent.parent / "report.json"
    run_suite(name, python, tests, ("-p", "suites"), {REPORT: str(report), **({WRAPPED: "1"} if wrap else {})})
    return Run(**json.loads(report.read_text(encoding="utf-8")))


def run_suite(name: str, python: Path, tests: Path, plugin: tuple[str, ...], variables: dict[str, str]) -> str:
    """Run the tests that are in a folder with a plugin; return what pytest prints."""
    environment = {**os.environ, "PYTHONPATH": str(tests.parent.parent / "plugin"), "PYTHONHASHSEED": "0", **variables}
    options = [*plugin, "-p", "no:cacheprovider", "--quiet", "--tb=no", f"--timeout={TIMEOUT}"]
    return check([str(python), "-m", "pytest", *options, *SUITES[name].arguments], tests, environment, allowed=1)


def check(command: list[str], folder: Path, environment: dict[str, str], allowed: int = 0) -> str:
    """Return what a command prints; stop with the end of it if it fails with a code other than the one allowed."""
    done = subprocess.run(
        command, cwd=folder, env=environment, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode not in {0, allowed}:
        sys.exit(f"error: {' '.join(command)}: exit code {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


# The plugin.

outcomes: dict[str, str] = {}
recorded: list[int] = []


def pytest_configure() -> None:
    """Wrap what the test clients call."""
    if WRAPPED in os.environ:
        for name, client in CLIENTS.items():
            if find_spec(name.partition(".")[0]):
                wrap_client(getattr(import_module(name), client))
        if find_spec("falcon"):
            wrap_function(import_module("falcon.testing.client"), "_simulate_request_asgi")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep how a test came out: a failure of its fixtures is one of its own."""
    if hasattr(report, "wasxfail"):
        outcomes[report.nodeid] = "xpassed" if report.passed else "xfailed"
    elif (report.failed or report.skipped or report.when == "call") and outcomes.get(report.nodeid) != "failed":
        outcomes[report.nodeid] = report.outcome


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Keep that a file could not be imported, or was skipped."""
    if not report.passed:
        outcomes[report.nodeid] = report.outcome


def pytest_sessionfinish() -> None:
    """Write the report."""
    result = Run(outcomes, len(recorded))
    Path(os.environ[REPORT]).write_text(json.dumps(result._asdict()), encoding="utf-8")


class Counting(Memory):
    """The Inspector's own sink, which also counts."""

    def __call__(self, record: Record) -> None:
        """Keep and count a record."""
        super().__call__(record)
        if isinstance(record, Opened):
            recorded.append(record.id)


def inspected(app: ASGIApp) -> ASGIApp:
    """Return the app inside an Inspector."""
    return app if isinstance(app, Inspector) else Inspector(app, sink=Counting())


def wrap_client(client: type) -> None:
    """Have a client's own code find the inspected app as its `app`, and others the app itself."""
    own = vars(client)["__init__"].__globals__

    def get(self: Any) -> ASGIApp:
        app, inspected_app = vars(self)["app"]
        found: ASGIApp = inspected_app if sys._getframe(1).f_globals is own else app  # noqa: SLF001
        return found

    def put(self: Any, app: ASGIApp) -> None:
        vars(self)["app"] = app, inspected(app)

    client.app = property(get, put)  # type: ignore[attr-defined]


def wrap_function(module: Any, name: str) -> None:
    """Have a module's function, whose first argument is an app, get the inspected one."""
    function: Callable[..., Any] = getattr(module, name)
    setattr(module, name, lambda app, *args, **kwargs: function(inspected(app), *args, **kwargs))


if __name__ == "__main__":
    main()
