"""`asgictl session export`."""

import json

from asgictl import __version__
from asgictl.cli.command import Invocation
from asgictl.cli.session import saved
from asgictl.errors import AsgictlError, ConfigError
from asgictl.inspector.request import ExportRequest


def export(request: ExportRequest, run: Invocation) -> int:
    """Print a session as HAR, or a request as a command that sends it again."""
    file, console = request.file, run.console
    if [request.har, request.curl is not None, request.httpie is not None].count(True) != 1:
        raise ConfigError("the form is missing, or there are several", hint="pass one of --har, --curl ID, --httpie ID")
    exchanges = saved.exchanges_of(file, console)
    if request.har:
        from asgictl.inspector.sessions.har import har as archive

        data = archive(exchanges.values(), __version__)
        if not data["log"]["entries"]:
            raise AsgictlError(f"`{file}` holds no request", hint="make some while `asgictl inspect --save` runs")
        console.result(json.dumps(data, indent=1))
        return 0
    from asgictl.inspector.sessions import shell_commands

    number = request.curl if request.curl is not None else request.httpie
    assert number is not None  # noqa: S101  # counted above
    exchange = saved.the(exchanges, file, number)
    written = shell_commands.curl if request.curl is not None else shell_commands.httpie
    console.result(written(exchange))
    if exchange.redacted:
        console.note(f"without {saved.listed(exchange.redacted, exchange)}, which the session does not hold")
    return 0
