"""`asgictl scaffold --verify`: what was tried, as it goes."""

import contextlib
import os
import signal
from typing import TYPE_CHECKING

from asgictl import errors
from asgictl.console import Console
from asgictl.errors import InterruptedByUserError
from asgictl.spans import plain

if TYPE_CHECKING:
    from asgictl.scaffold.project import Project
    from asgictl.scaffold.request import ScaffoldRequest
    from asgictl.scaffold.verify import Step


def verify(console: Console, found: "Project", request: "ScaffoldRequest") -> int:
    """Build, run and stop the image; print each step, and return 1 when one fails."""
    from asgictl.scaffold import verify as trial
    from asgictl.scaffold.verify import engine

    running = engine.find(os.environ)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    steps: list[Step] = []
    try:
        with console.activity() as hears, contextlib.closing(trial.verify(running, found, request, hears)) as tried:
            for step in tried:
                hears("")
                steps.append(step)
                if not console.json_result:
                    console.result(_line(step))
    except KeyboardInterrupt:
        problem = "interrupted; its container and its image are removed"
        raise InterruptedByUserError(problem, hint="run it again") from None
    passed = all(step.passed for step in steps)
    untried = trial.untried(found, request)
    if console.json_result:
        data = [{**step._asdict(), "seconds": round(step.seconds, 3)} for step in steps]
        console.result("", {"passed": passed, "steps": data, "untried": list(untried)})
    elif not passed:
        for line in steps[-1].lines:
            console.line(f"    {plain(line)}")
        console.problem(f"{steps[-1].name}: {steps[-1].seen}", steps[-1].hint)
    else:
        console.note(f"not tried: {'; '.join(untried)}")
    return 0 if passed else errors.FOUND


def _line(step: "Step") -> str:
    return f"{'ok' if step.passed else 'failed':8}  {step.name:8}  {step.seconds:6.1f} s  {plain(step.seen)}"
