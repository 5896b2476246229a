"""The command line: one folder per command, and one boundary for their errors."""

from importlib import import_module
from typing import Annotated, Any

import typer

from asgictl.cli import version
from asgictl.cli.command import Group

_MODULES = {
    "serve": "serve",
    "inspect": "inspect",
    "check": "check",
    "gen-cert": "gen_cert",
    "session": "session",
    "scaffold": "scaffold",
}


class Commands(Group):
    """The commands, each of which is loaded when it is run; all of them for help and completion."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: dict[str, Any] = dict.fromkeys(_MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  # Typer's
        """Return a command, or None for a name that is none."""
        if cmd_name in _MODULES and self.commands[cmd_name] is None:
            module = import_module(f"{__name__}.{_MODULES[cmd_name]}")
            self.commands[cmd_name] = command = typer.main.get_command(module.app)
            command.name = cmd_name
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that `args` begin with; for what other programs call it, say what it is called here."""
        if args[0] not in _MODULES:
            from asgictl.cli import suggestions

            if meant := suggestions.meant(args, list(_MODULES)):
                ctx.fail(f"No such command '{args[0]}'. Did you mean '{meant}'?")
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Return what is left for the command; for an option that belongs behind it, say where it belongs."""
        typed = list(args)
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            name = getattr(error, "option_name", None)
            if name is not None:
                from asgictl.cli import suggestions

                if meant := suggestions.behind(typed, name, list(_MODULES), self.get_command(ctx, "serve")):
                    ctx.fail(f"No such option: {name}. {meant}")
            raise


app = typer.Typer(
    name="asgictl",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _main(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar=" ",
            is_eager=True,
            callback=version.show,
            help="Show asgictl, uvicorn and what it finds.",
        ),
    ] = False,
) -> None:
    """Serve any Python web app: FastAPI, Starlette, Django, Litestar, Quart, Flask, bare ASGI."""
