"""`asgictl session`: look at, compare, export and send again what `inspect --save` has written."""

import typer

from asgictl.cli.command import Group, add
from asgictl.cli.session import diff, export, options, replay, show

app = typer.Typer(cls=Group, no_args_is_help=True, add_completion=False, rich_markup_mode="rich")


@app.callback()
def session() -> None:
    """Show, compare, export and replay what `inspect --save` recorded."""


add(app, "show", options.SHOW, show.show)
add(app, "diff", options.DIFF, diff.diff)
add(app, "export", options.EXPORT, export.export)
add(app, "replay", options.REPLAY, replay.replay)
