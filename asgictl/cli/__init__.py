"""The command line: one module per command, and one boundary for their errors."""

from typing import Annotated

import typer

from asgictl.cli import gen_cert, inspecting, serve, session, version
from asgictl.cli.command import Group

app = typer.Typer(
    name="asgictl",
    cls=Group,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve", cls=serve.Serve)(serve.serve)
app.command("inspect", cls=inspecting.Inspect)(inspecting.inspect_app)
app.add_typer(session.app, name="session")
app.command("gen-cert", cls=gen_cert.GenCert)(gen_cert.gen_cert)


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
