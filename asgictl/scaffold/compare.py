"""Planned files beside those that are there: which are to be made, which stay, and which are in the way."""

import difflib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from asgictl import atomic
from asgictl.errors import FileProblemError
from asgictl.scaffold import mark
from asgictl.scaffold.plan import PlannedFile

State = Literal["create", "same", "update", "conflict"]
_TOO_BIG = 1_000_000


class Change(NamedTuple):
    """What a planned file means for the one that is there.

    `update` is for a file that we have written and nobody has edited since. `content` is what the file will hold, in
    the line ends that it has; `reason` says what a conflict is about.
    """

    path: str
    file: Path
    state: State
    old: bytes | None
    content: bytes
    reason: str = ""

    def diff(self) -> str:
        """Return the difference in the unified format, empty where there is none."""
        old = (self.old or b"").decode(errors="replace").replace("\r\n", "\n")
        new = self.content.decode().replace("\r\n", "\n")
        origin = f"a/{self.path}" if self.old is not None else "/dev/null"
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), origin, f"b/{self.path}", lineterm="")
        return "".join(f"{line}\n" for line in lines)


def compare(root: Path, planned: Iterable[PlannedFile]) -> tuple[Change, ...]:
    """Return a change for each planned file; raise `FileProblemError` for what is no file, or leads out of `root`."""
    return tuple(_change(root, file) for file in planned)


def _change(root: Path, planned: PlannedFile) -> Change:
    file = root / planned.path
    old = _old(file)
    if old is None:
        text = mark.merged("", planned.text) if planned.merged else planned.text
        return Change(planned.path, file, "create", None, text.encode())
    try:
        text = old.decode()
    except UnicodeDecodeError:
        text = ""
        if planned.merged:
            raise FileProblemError(f"`{file}` is not UTF-8", hint="put its encoding right") from None
    crlf = "\r\n" in text
    text = text.replace("\r\n", "\n")
    state, new, reason = _merged(file, text, planned.text) if planned.merged else _whole(text, planned.text)
    content = (new.replace("\n", "\r\n") if crlf else new).encode()
    return Change(planned.path, file, state, old, old if state == "same" else content, reason)


def _whole(text: str, new: str) -> tuple[State, str, str]:
    if text == new:
        return "same", new, ""
    if mark.is_untouched(text):
        return "update", new, ""
    return "conflict", new, "edited since it was written" if mark.is_ours(text) else "not written by asgictl"


def _merged(file: Path, text: str, inner: str) -> tuple[State, str, str]:
    try:
        there = mark.block(text)
    except mark.BlockError:
        problem = f"the block of asgictl in `{file}` has no clear beginning and end"
        raise FileProblemError(problem, hint="remove its lines `# >>> asgictl scaffold …` and `# <<< …`") from None
    new = mark.merged(text, inner)
    if there is None or (there.untouched and there.inner != inner):
        return "update", new, ""
    if there.inner == inner:
        return "same", text, ""
    return "conflict", new, "the block of asgictl was edited"


def _old(file: Path) -> bytes | None:
    if file.is_symlink():
        hint = f"remove the link: scaffold writes through none (it leads to `{os.path.realpath(file)}`)"
        raise FileProblemError(f"`{file}` is a symbolic link", hint=hint)
    try:
        if os.path.lexists(file) and not file.is_file():
            raise FileProblemError(f"`{file}` is in the way: it is no file", hint="move it elsewhere")
        if not file.exists():
            return None
        if file.stat().st_size > _TOO_BIG:
            raise FileProblemError(f"`{file}` is too big to be compared", hint="move it elsewhere")
        return file.read_bytes()
    except OSError as error:
        raise atomic.problem(f"cannot read `{file}`", error) from error
