"""`--dry-run`: the uvicorn command line that would serve the same."""

from typing import TYPE_CHECKING

from asgictl.cli.serve import banner
from asgictl.console import Console
from asgictl.serving import equivalent

if TYPE_CHECKING:
    from asgictl.serving.plan import ServePlan


def show(console: Console, plan: "ServePlan") -> int:
    """Print the command line, say what it lacks, and return the exit status."""
    banner.tell_stand_in(console, plan.instructions.ref, "serve")
    console.result(equivalent.command(plan))
    if missing := equivalent.missing(plan):
        console.note(f"uvicorn has nothing for {', '.join(missing)}")
    if equivalent.is_unsure(plan):
        console.note("only the import tells whether the app is a WSGI app: if so, add --interface wsgi")
    return 0
