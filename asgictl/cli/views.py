"""Showing records: the views and the filters of `inspect` and `session`, and the options that choose."""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from asgictl.cli.option import option, panel
from asgictl.console import Console
from asgictl.inspector.request import FilterRequest

if TYPE_CHECKING:
    from asgictl.inspector.record import Record
    from asgictl.inspector.show import View
    from asgictl.inspector.show.filters import Filter
    from asgictl.spans import Line

SHOWN = "What is shown"

FILTERS = panel(
    SHOWN,
    type=option("--type", metavar="TYPE", about="Only http, websocket or lifespan."),
    method=option("--method", metavar="NAME", about="Only this method."),
    path=option("--path", metavar="PATTERN", about="Only paths like this, as /api/*."),
    status=option("--status", metavar="STATUS", about="Only 404, 5xx or 400-499."),
    grep=option("--grep", metavar="REGEX", about="Only where a URL, header, body or error matches."),
)


def wanted_of(request: FilterRequest) -> "Filter":
    """Return the filter that the options ask for."""
    from asgictl.inspector.show.filters import Filter

    return Filter.of(request)


def everything() -> "Filter":
    """Return the filter that lets everything through."""
    from asgictl.inspector.show.filters import Filter

    return Filter()


def view_of(name: str) -> "View":
    """Return the view called `name`."""
    from asgictl.inspector.show import full, json_lines, line

    views: dict[str, type[View]] = {"line": line.LineView, "full": full.FullView, "json": json_lines.JsonView}
    return views[name]()


def text_of(console: Console, lines: Sequence["Line"], *, cut: bool) -> str:
    """Return lines for stdout; with `cut` none is wider than the terminal, if it is one."""
    # A terminal that does not know its size has 0 columns.
    width = (os.get_terminal_size(1).columns or None) if cut and sys.stdout.isatty() else None
    return "".join(f"{console.rendered(line, width)}\n" for line in lines)


def show(console: Console, records: Iterable["Record"], wanted: "Filter", name: str) -> bool:
    """Print those records that are wanted in the view called `name`; tell whether there were any."""
    from asgictl.inspector.show.filters import Filtered

    filtered, view = Filtered(wanted, console.note), view_of(name)
    found = False
    for record in records:
        for one in filtered.feed(record):
            found = True
            _print(console, view.feed(one), name)
    _print(console, view.finish(), name)
    return found


def _print(console: Console, lines: Sequence["Line"], name: str) -> None:
    if lines:
        console.result(text_of(console, lines, cut=name == "line").removesuffix("\n"))
