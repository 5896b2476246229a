"""`asgictl session show`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from asgictl.cli import views
from asgictl.cli.command import Invocation
from asgictl.cli.session import saved
from asgictl.inspector.request import FilterRequest, ShowRequest

if TYPE_CHECKING:
    from asgictl.inspector.record import Record


def show(request: ShowRequest, filters: FilterRequest, run: Invocation) -> int:
    """Show a saved session, or one exchange of it."""
    wanted = views.wanted_of(filters)
    records: Iterable[Record] = saved.records(request.file, run.console, request.id)
    if request.id is not None and not (records := list(records)):
        raise saved.missing(request.file, request.id)
    name = request.view or ("line" if request.id is None else "full")
    view = views.view_of(name, whole=request.traceback)
    if not views.show(run.console, records, wanted, view, cut=name == "line"):
        run.console.note("nothing in the session is like that")
    return 0
