"""Which tests execute a line, and how long they take: one run of all of them, by coverage's contexts."""

import ast
import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import coverage

from tests.mutants import trees

if TYPE_CHECKING:
    import pytest

_CONFIG = """
[run]
parallel = true
source_pkgs = asgictl
data_file = {folder}/coverage
context = ${{PYTEST_CURRENT_TEST-}}
patch = _exit
disable_warnings = no-data-collected
"""


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

# The seconds of a test that fails without a fault, as for the copy's environment: it is not used.
_NEVER = 1e9


class Reach(NamedTuple):
    """The tests of each line of each file, and the seconds of each test."""

    tests: dict[str, dict[int, set[str]]]
    in_functions: dict[str, set[int]]
    seconds: dict[str, float]

    def of(self, file: str, line: int) -> list[str]:
        """Return the tests to run for a line: those that execute it, or its file; all for one that an import executes.

        Those of its module come first, then the quickest.
        """
        lines = self.tests.get(file, {})
        of_file: Iterable[str] = set().union(*lines.values())
        # A line that goes on with the statement of one above has no tests of its own, like every line of a new file.
        tests = lines.get(line) or of_file if line in self.in_functions.get(file, {line}) else self.seconds
        module = Path(file).parent.name if file.endswith("/__init__.py") else Path(file).stem
        own = f"/test_{module}.py::"
        return sorted(tests, key=lambda it: (own not in it, self.seconds.get(it, 0)))


def measure(root: Path, folder: Path) -> Reach:
    """Run all tests in a copy of `root` with contexts; keep what comes of it in `folder`."""
    if folder.exists():
        shutil.rmtree(folder)
    tree = folder / "tree"
    python = trees.copy(root, tree)
    config = folder / "coveragerc"
    config.write_text(_CONFIG.format(folder=folder))
    command = [str(python), "-m", "pytest", "-q", "-n", "6", "--dist", "worksteal", "-p", "tests.mutants.reach"]
    environment = {**os.environ, "COVERAGE_PROCESS_START": str(config), "MUTANTS_SECONDS": str(folder / "seconds")}
    subprocess.run(command, cwd=tree, env=environment, check=False, stdin=subprocess.DEVNULL)
    combined = coverage.Coverage(data_file=str(folder / "coverage"), config_file=False)
    combined.combine()
    combined.save()
    return read(root, folder)


def read(root: Path, folder: Path) -> Reach:
    """Return what `measure` has left in `folder`; of a file that has changed since, those that execute any of it."""
    data = coverage.CoverageData(str(folder / "coverage"))
    data.read()
    tests: dict[str, dict[int, set[str]]] = {}
    in_functions: dict[str, set[int]] = {}
    for file in data.measured_files():
        lines = data.contexts_by_lineno(file)
        name = str(Path(file).relative_to(folder / "tree"))
        found = {line: {it.rpartition(" (")[0] for it in contexts if it} for line, contexts in lines.items()}
        now = root / name
        is_same = now.exists() and now.read_bytes() == Path(file).read_bytes()
        tests[name] = found if is_same else {0: set().union(*found.values())}
        if is_same:
            in_functions[name] = _in_functions(Path(file))
    seconds: dict[str, float] = {}
    for phase in (folder / "seconds").read_text().splitlines():
        test, time = json.loads(phase)
        seconds[test] = seconds.get(test, 0) + time
    return Reach(tests, in_functions, seconds)


def _in_functions(file: Path) -> set[int]:
    """Return the lines that run when something is called, and not when the file is imported."""
    functions = (it for it in ast.walk(ast.parse(file.read_bytes())) if isinstance(it, _FUNCTIONS))
    return {line for it in functions for line in range(it.body[0].lineno, (it.end_lineno or 0) + 1)}


# As a plugin of that run.


def pytest_runtest_logreport(report: "pytest.TestReport") -> None:
    """Note the seconds of a phase, in the process that hears of all of them."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        with Path(os.environ["MUTANTS_SECONDS"]).open("a") as file:
            file.write(json.dumps([report.nodeid, _NEVER if report.failed else report.duration]) + "\n")


def pytest_runtest_setup(item: "pytest.Item") -> None:
    """Tell coverage which test runs from here on."""
    if (running := coverage.Coverage.current()) is not None:
        running.switch_context(f"{item.nodeid} (run)")
