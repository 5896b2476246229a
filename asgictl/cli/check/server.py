"""`asgictl check --against`: a server is checked, with an app of ours behind it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from asgictl.cli import server_url
from asgictl.console import Console
from asgictl.inspector.request import CheckRequest

if TYPE_CHECKING:
    from asgictl.inspector.reports.judgement import Judgement

# The value that asks how it is done; `--against` without a value stands for it.
HELP = "help"

_APP = "asgictl.inspector.echo:app"
_COMMANDS = {
    "uvicorn": f"uvicorn {_APP} --port 8000",
    "hypercorn": f"hypercorn {_APP} --bind 127.0.0.1:8000",
    "granian": f"granian --interface asgi {_APP} --host 127.0.0.1 --port 8000",
    "daphne": f"daphne --bind 127.0.0.1 --port 8000 {_APP}",
    "gunicorn": f"gunicorn --worker-class asgi --bind 127.0.0.1:8000 {_APP}",
}
_THEN = "asgictl check --against http://127.0.0.1:8000"


def show_commands(console: Console) -> int:
    """Print how the app is put behind a server, and what to do then."""
    width = max(map(len, _COMMANDS))
    lines = [f"{name:<{width}}  {command}" for name, command in _COMMANDS.items()]
    text = "\n".join(["Put the app that looks at a server behind it, in one process:", *lines, "and check it:", _THEN])
    console.result(text, {"commands": _COMMANDS, "then": _THEN})
    return 0


def of_server(request: CheckRequest, ignore: Sequence[str], console: Console) -> "Judgement":
    """Return what is found of a server; raise `StartError` where there is none, or another app behind it."""
    import asyncio

    from asgictl.inspector.against import examination
    from asgictl.inspector.reports import judgement
    from asgictl.inspector.reports.judgement import Seen
    from asgictl.serving.processes import surroundings

    surroundings.check_loop("run it in a shell; from a notebook with `!asgictl check ...`")
    url = str(request.against)
    server_url.check("against", url, yes=request.yes, hint="pass one like http://127.0.0.1:8000, or --against help")
    with console.progress("probes", len(examination.PROBES)) as advance, asyncio.Runner() as runner:
        found = runner.run(examination.examined(url, request.time_limit, advance, info=request.info))
    console.note(f"{len(found.seen)} of {len(examination.PROBES)} probes have come to the app")
    seen = [Seen("lifespan", exchange) for exchange in found.lifespans]
    seen += [Seen(f"{probe.method} {probe.name}", exchange, probe.how) for probe, exchange in found.seen]
    faults, ignored, hidden = judgement.faults(seen, ignore, frozenset(("server",)))
    broken = {fault.seen.route for fault in faults}
    clean = tuple(one.route for one in seen if one.route not in broken)
    return judgement.Judgement(url, faults, ignored, hidden, clean=clean, given_up=found.missed)
