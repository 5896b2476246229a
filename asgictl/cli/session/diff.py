"""`asgictl session diff`."""

from asgictl.cli.command import Invocation
from asgictl.cli.session import saved
from asgictl.inspector.request import DiffRequest


def diff(request: DiffRequest, run: Invocation) -> int:
    """Compare two exchanges: scope, headers without order, bodies by meaning; 1 if they differ, 5 if that is open."""
    from asgictl.inspector.sessions import difference

    exchanges = saved.exchanges_of(request.file, run.console)
    one, other = (saved.the(exchanges, request.file, number) for number in (request.a, request.b))
    found = [*difference.of_requests(one, other), *difference.of_answers(one, other)]
    saved.print_differences(run.console, f"#{request.a}", f"#{request.b}", found)
    return saved.concluded(run.console, found)
