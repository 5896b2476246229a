"""How an option is written, in the `options.py` of each command."""

from typing import Any

import typer


def option(*names: str, panel: str, metavar: str, about: str) -> Any:
    """Return an option that takes a value."""
    return typer.Option(*names, metavar=metavar, rich_help_panel=panel, help=about)


def flag(*names: str, panel: str, about: str) -> Any:
    """Return an option that is there or not."""
    # A blank for the type, which says nothing of a flag; and `--x/--no-x` already tells what there is to choose.
    return typer.Option(*names, metavar=" ", rich_help_panel=panel, show_default=False, help=about)
