"""`asgictl session show`."""

from itertools import chain

from asgictl.cli import views
from asgictl.cli.command import Invocation
from asgictl.cli.session import saved
from asgictl.errors import ConfigError
from asgictl.inspector.request import FilterRequest, ShowRequest


def show(request: ShowRequest, filters: FilterRequest, run: Invocation) -> int:
    """Show a saved session, or one exchange of it; the files of a rotated session are shown as one."""
    wanted = views.wanted_of(filters)
    files, numbers = saved.split(request.words)
    if len(numbers) > 1:
        raise ConfigError("several exchanges are named", hint="pass one ID, or none to see all")
    session = saved.session(files, run.console)
    records = session.records(numbers)
    if numbers:
        if (first := next(records, None)) is None:
            raise saved.missing(session, numbers[0])
        records = chain([first], records)
    name = request.view or ("full" if numbers else "line")
    view = views.view_of(name, whole=request.traceback)
    if not views.show(run.console, records, wanted, view, name):
        run.console.note("nothing in the session matches")
    return 0
