"""`asgictl session export`."""

from asgictl import __version__
from asgictl.cli.command import Invocation
from asgictl.cli.session import saved
from asgictl.errors import AsgictlError, ConfigError
from asgictl.inspector.request import ExportRequest


def export(request: ExportRequest, run: Invocation) -> int:
    """Print a session as HAR, or a request as a command that sends it again."""
    console = run.console
    if [request.har, request.curl is not None, request.httpie is not None].count(True) != 1:
        raise ConfigError(
            "exactly one of `--har`, `--curl` and `--httpie` is needed",
            hint="pass one of --har, --curl ID, --httpie ID",
        )
    session = saved.session(request.files, console)
    if request.har:
        from asgictl.inspector.sessions import archives

        is_empty = True
        for part in archives.written(session.exchanges(), __version__, lambda: session.lists, console.note):
            console.result(part)
            is_empty = False
        if is_empty:
            raise AsgictlError(f"{session} holds no request", hint="make some while `asgictl inspect --save` runs")
        return 0
    from asgictl.inspector.sessions import shell_commands

    number = request.curl if request.curl is not None else request.httpie
    assert number is not None  # noqa: S101  # counted above
    exchange = saved.wanted(session, [number])[number]
    written = shell_commands.curl if request.curl is not None else shell_commands.httpie
    command = written(exchange, _certificate())
    console.result(command.line)
    for note in command.notes:
        console.note(note)
    if exchange.redacted:
        console.note(f"without {saved.listed(exchange.redacted, exchange)}, which the session does not hold")
    return 0


def _certificate() -> str | None:
    """Return the certificate that `--https` has made here, if it has."""
    from asgictl.certs.served import DEFAULT

    return str(DEFAULT.certificate) if DEFAULT.certificate.is_file() else None
