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
    from asgictl.inspector.show.full import FullView
    from asgictl.inspector.show.line import LineView
    from asgictl.spans import Line

SHOWN = "What is shown"

FILTERS = panel(
    SHOWN,
    type=option("--type", metavar="TYPE", about="Only http, websocket or lifespan."),
    method=option("--method", metavar="NAME", about="Only this method."),
    path=option("--path", metavar="PATTERN", about="Only paths that match, like /api/*."),
    status=option("--status", metavar="STATUS", about="Only 404, 5xx, 400-499 or several like 2xx,404."),
    grep=option("--grep", metavar="REGEX", about="Only where a URL, header, body or error matches, in any case."),
)


def wanted_of(request: FilterRequest) -> "Filter":
    """Return the filter that the options ask for."""
    from asgictl.inspector.show.filters import Filter

    return Filter.of(request)


def everything() -> "Filter":
    """Return the filter that lets everything through."""
    from asgictl.inspector.show.filters import Filter

    return Filter()


def view_of(name: str, *, whole: bool) -> "View":
    """Return the view called `name`; exceptions come with all their frames where `whole`."""
    from asgictl.inspector.show import full, json_lines, line

    if name == "json":
        return json_lines.JsonView()
    blocks: type[LineView | FullView] = line.LineView if name == "line" else full.FullView
    return blocks(whole=whole, advise=not whole)


def text_of(console: Console, lines: Sequence["Line"], *, view: str) -> str:
    """Return the lines of the view called `view` for stdout; a terminal cuts those of `line`, and wraps `full`."""
    # A terminal that does not know its size has 0 columns.
    width = (os.get_terminal_size(1).columns or None) if view != "json" and sys.stdout.isatty() else None
    put = console.wrapped if view == "full" else console.rendered
    return "".join(f"{put(line, width)}\n" for line in lines)


def show(console: Console, records: Iterable["Record"], wanted: "Filter", view: "View", name: str) -> bool:
    """Print those records that are wanted in a view, by its `name`; tell whether there were any."""
    from asgictl.inspector.show.filters import Filtered

    filtered = Filtered(wanted, console.note)
    found = False
    for record in records:
        for one in filtered.feed(record):
            found = True
            _print(console, view.feed(one), name)
    _print(console, view.finish(), name)
    return found


def _print(console: Console, lines: Sequence["Line"], view: str) -> None:
    if lines:
        console.result(text_of(console, lines, view=view).removesuffix("\n"))
