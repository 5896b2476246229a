"""Draw faults, run the tests that execute each, and tell which faults no test notices."""

import argparse
import concurrent.futures
import queue
import re
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.mutants import mutations, reach, trees
from tests.mutants.mutations import Mutant

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".mutants"
_MISSED, _NOTICED, _EQUIVALENT = "missed", "noticed", "equivalent"


def main() -> None:
    """Judge the faults of a sample, and print a line for each as it is judged, and a table."""
    parser = argparse.ArgumentParser(
        prog="make mutants ARGS=...", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path, help="where the faults are put, if not everywhere")
    parser.add_argument("--count", type=int, default=40, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--jobs", type=int, default=4, help="how many at once")
    parser.add_argument("--seconds", type=float, default=60, help="of tests for each fault at the most")
    parser.add_argument(
        "--measure", action="store_true", help="see again which tests execute which lines, which takes some minutes"
    )
    options = parser.parse_args()

    known = reach.measure(ROOT, FOLDER) if options.measure or not FOLDER.exists() else reach.read(ROOT, FOLDER)
    files = [file.resolve() for file in options.files] or sorted((ROOT / "asgictl").rglob("*.py"))
    sample = mutations.sample(ROOT, files, options.count, options.seed)
    told = Counter[tuple[str, str]]()
    with tempfile.TemporaryDirectory(prefix="asgictl-mutants-") as folder:
        for mutant, verdict, why in _judged(sample, known, options.jobs, options.seconds, Path(folder)):
            told[Path(mutant.file).parts[1], verdict] += 1
            print(f"{verdict:10}  {mutant.file}:{mutant.line}  {mutant.before}  →  {mutant.after}  ({why})", flush=True)
    print(_table(told))


def _judged(
    sample: list[Mutant], known: reach.Reach, jobs: int, seconds: float, folder: Path
) -> Iterator[tuple[Mutant, str, str]]:
    pythons: queue.Queue[Path] = queue.Queue()
    copies = [trees.copy(ROOT, folder / str(number)) for number in range(jobs)]
    for copy in copies:
        pythons.put(copy)
    there = trees.tests(copies[0])  # one that is gone since would end pytest, and the fault would seem noticed
    if new := there - known.seconds.keys():
        print(f"note: {len(new)} tests are newer than what is known of lines, and are not run: pass --measure")
    reasons = _equivalent()

    def judge(mutant: Mutant) -> tuple[Mutant, str, str]:
        if reason := reasons.get((mutant.file, mutant.before, mutant.after)):
            return mutant, _EQUIVALENT, reason
        python = pythons.get()
        try:
            return mutant, *_verdict(mutant, python, known, there, seconds)
        finally:
            pythons.put(python)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        yield from (done.result() for done in concurrent.futures.as_completed(pool.submit(judge, it) for it in sample))


def _verdict(mutant: Mutant, python: Path, known: reach.Reach, there: set[str], seconds: float) -> tuple[str, str]:
    tests, total = [], 0.0
    for test in filter(there.__contains__, known.of(mutant.file, mutant.line)):
        total += known.seconds.get(test, 0)
        if total > seconds:
            break
        tests.append(test)
    if not tests:
        return _MISSED, "no test executes it"
    file = python.parents[2] / mutant.file
    whole = file.read_text(encoding="utf-8")
    file.write_text(mutant.code, encoding="utf-8")
    try:
        status, output = trees.run(python, tests, limit=30 + 4 * total)
    finally:
        file.write_text(whole, encoding="utf-8")
    if status == 0:
        return _MISSED, f"{len(tests)} tests passed"
    failed = re.search(r"(?m)^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output)
    return _NOTICED, failed[1] if failed else "the tests hang" if status is None else f"pytest ends with {status}"


def _equivalent() -> dict[tuple[str, str, str], str]:
    """Return what changes nothing, and why; each has to name a line that its file has, and has once."""
    with Path(__file__).with_name("equivalent.toml").open("rb") as file:
        known = tomllib.load(file)["mutant"]
    for it in known:
        lines = [line.strip() for line in (ROOT / it["file"]).read_text(encoding="utf-8").splitlines()]
        if lines.count(it["before"]) != 1:
            sys.exit(f"equivalent.toml: `{it['before']}` is not one line of {it['file']}")
    return {(it["file"], it["before"], it["after"]): it["why"] for it in known}


def _table(told: Counter[tuple[str, str]]) -> str:
    rows = []
    for part in [*sorted({part for part, _ in told}), "all"]:
        noticed, missed, equivalent = (
            sum(count for (of, verdict), count in told.items() if verdict == kind and part in {of, "all"})
            for kind in (_NOTICED, _MISSED, _EQUIVALENT)
        )
        share = f"{100 * noticed / (noticed + missed):.0f} %" if noticed + missed else "-"
        rows.append(f"{part:24} noticed {noticed:4}  missed {missed:4}  equivalent {equivalent:4}  {share:>6}")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
