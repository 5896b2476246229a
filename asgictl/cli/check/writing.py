"""Writing a report where it is wanted."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from asgictl.console import Console, answer
from asgictl.errors import FileProblemError

if TYPE_CHECKING:
    from asgictl.inspector.reports.judgement import Judgement
    from asgictl.inspector.request import CheckRequest


def check_output(name: str | None) -> None:
    """Raise `FileProblemError` for a file that cannot be written, before anything is probed."""
    if name is None:
        return
    if name == "-":
        raise FileProblemError("`--output -` is not a file", hint="drop it: the report goes to stdout")
    if Path(name).is_dir():
        raise FileProblemError(f"`{name}` is a folder", hint="pass --output with a file in it")
    if not Path(name).absolute().parent.is_dir():
        raise FileProblemError(f"there is no folder for `{name}`", hint="make it, or pass another --output")


def report(judgement: "Judgement", request: "CheckRequest", console: Console, version: str) -> None:
    """Print a report, or write it to a file and print the text."""
    from asgictl.inspector.reports import json_report

    if request.output is None:
        as_json = json_report.of(judgement) if console.json_result else None
        console.result(_text(judgement, request, console, version, colored=True).removesuffix("\n"), as_json)
        return
    from asgictl import atomic

    file = Path(request.output)
    content = _text(judgement, request, console, version, colored=False).encode()
    try:
        if file.exists() and not file.is_file():  # a device, or a pipe that somebody reads
            file.write_bytes(content)
        else:
            atomic.create(file.resolve(), content, 0o644)
    except OSError as error:
        raise atomic.problem(f"cannot write `{file}`", error) from error
    if request.format != "text":
        text = _text(judgement, request._replace(format="text"), console, version, colored=True)
        console.result(text.removesuffix("\n"))
    console.note(f"the report is in `{file}`")


def _text(judgement: "Judgement", request: "CheckRequest", console: Console, version: str, *, colored: bool) -> str:
    """Return a report in the form that is asked for."""
    from asgictl.inspector.reports import json_report, junit, sarif, text_report, workflow_commands
    from asgictl.spans import plain

    if request.format == "json":
        return answer("check", result=json_report.of(judgement)) + "\n"
    if request.format == "sarif":
        return json.dumps(sarif.of(judgement, version), indent=2) + "\n"
    if request.format == "junit":
        return junit.of(judgement, request.fail_on)
    if request.format == "github":
        return "".join(f"{plain(line)}\n" for line in workflow_commands.of(judgement))
    lines = text_report.lines(judgement)
    if colored:
        return "".join(f"{console.rendered(line, None)}\n" for line in lines)
    return "".join(f"{plain(''.join(span.text for span in line))}\n" for line in lines)
