"""Which app is found in each of a folder of checkouts, how, and in how many milliseconds.

Nothing is fetched, imported or run. Without a table every folder in FOLDER is looked at. A table has a line for each
folder, with tabs between: the folder (relative to FOLDER, or absolute), and what is right there: import strings
separated by `|`, `refuse`, `foreign` or `several`. Its lines beyond that, and a first line of headings, do not matter.

    python bench/finding.py FOLDER [TABLE]
"""

import os
import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

from asgictl import discovery
from asgictl.errors import AsgictlError, ConfigError


class Row(NamedTuple):
    """What was found in a folder, how, and the time that it took; `right` is None where nobody has said what is."""

    folder: str
    found: str
    how: str
    milliseconds: float
    right: bool | None


def look(folder: Path, expected: str | None, name: str) -> Row:
    """Return what is found in `folder`, as `asgictl serve` finds it there."""
    os.chdir(folder)
    before = time.perf_counter()
    try:
        ref = discovery.find(None, folder, {}, lambda _: None)
        found, how = ("bundled" if ref.looked else str(ref)), ref.found
    except AsgictlError as error:
        found, how = ("several" if isinstance(error, ConfigError) else "refuse"), f"{error}; {error.hint}"
    milliseconds = (time.perf_counter() - before) * 1000
    return Row(name, found, how.replace(str(folder), "."), milliseconds, _is_right(found, expected))


def _is_right(found: str, expected: str | None) -> bool | None:
    if expected is None:
        return None
    wanted = {kind.partition(":")[0] if kind.startswith("foreign") else kind for kind in expected.split("|")}
    if "foreign" in wanted or "refuse" in wanted:
        wanted |= {"refuse", "bundled"} if "refuse" in wanted else {"refuse"}
    return found in wanted


def rows(folder: Path, table: Path | None) -> list[Row]:
    """Return a row for each folder."""
    if table is None:
        return [look(place, None, place.name) for place in sorted(folder.iterdir()) if place.is_dir()]
    lines = [line.split("\t") for line in table.read_text().splitlines() if "\t" in line]
    return [look(folder / line[0], line[1], line[0]) for line in lines if (folder / line[0]).is_dir()]


def main() -> None:
    """Print the table, and a summary."""
    folder = Path(sys.argv[1]).resolve()
    found = rows(folder, Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None)  # noqa: PLR2004
    marks = {None: " ", True: "+", False: "-"}
    for row in found:
        name = row.folder.removeprefix(f"{folder}/")
        print(f"{marks[row.right]} {row.milliseconds:5.0f} ms  {name:50}  {row.found:36}  {row.how[:160]}")
    times = [row.milliseconds for row in found]
    print(f"{len(found)} folders, median {statistics.median(times):.0f} ms, at most {max(times):.0f} ms")
    if table := [row for row in found if row.right is not None]:
        print(f"{sum(row.right is True for row in table)} of {len(table)} right")


if __name__ == "__main__":
    main()
