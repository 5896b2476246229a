"""`--print-config`: each value of a command's options, and where it comes from."""

import os
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from asgictl import pyproject, settings
from asgictl.cli.command import Invocation
from asgictl.errors import AsgictlError
from asgictl.spans import plain

if TYPE_CHECKING:
    from asgictl.discovery import AppRef


def show(
    run: Invocation,
    named: str | None,
    stand_in: "AppRef | None" = None,
    *,
    stands_in: bool = False,
    built_in: Mapping[str, Mapping[str, Sequence[str]]] = {},
) -> int:
    """Print the settings of a command, whose app is `named`; return the exit status.

    `stand_in` is its app where there is none, and, if it `stands_in`, without a look. `built_in` are lists that the
    values of options are added to, in groups.
    """
    app = ("app", str(stand_in), stand_in.found) if stand_in and stands_in else _app(named, stand_in)
    rows = [app, *settings.rows(run.settings, run.options)]
    texts = [(key, _text(value), source) for key, value, source in rows]
    widths = [max(len(row[column]) for row in texts) for column in (0, 1)]
    lines = (plain(f"{key:{widths[0]}}  {value:{widths[1]}}  {source}".rstrip()) for key, value, source in texts)
    data: dict[str, dict[str, Any]] = {key: {"value": value, "source": source} for key, value, source in rows}
    for key, groups in built_in.items():
        data[key]["built_in"] = {group: list(names) for group, names in groups.items()}
    run.console.result("\n".join([*lines, *(line for item in built_in.items() for line in _listed(*item))]), data)
    return 0


def _listed(key: str, groups: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield f"\n{key}, always:"
    for group, names in groups.items():
        yield from textwrap.wrap(
            f"{group}: {', '.join(names)}",
            break_on_hyphens=False,
            initial_indent="  ",
            subsequent_indent="    ",
            width=100,
        )


def _app(named: str | None, stand_in: "AppRef | None") -> tuple[str, Any, str]:
    from asgictl import discovery

    try:
        ref = discovery.find(named, pyproject.current_folder(), os.environ, lambda _: None)
    except AsgictlError as error:
        return "app", None, error.message
    if ref.looked and stand_in:
        ref = stand_in
    return "app", str(ref), "command line" if named else ref.found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None else str(value)
