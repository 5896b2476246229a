"""Planned files beside those that are there: which are to be made, which stay, and which are in the way."""

import difflib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from asgictl import atomic, reading, signature
from asgictl.errors import FileProblemError
from asgictl.scaffold.plan import PlannedFile

State = Literal["create", "same", "update", "conflict", "keep", "replace"]
_TOO_BIG = 1_000_000

# The mark of UTF-8 that editors of Windows put first.
BOM = "\ufeff"


class Change(NamedTuple):
    """What a planned file means for the one that is there.

    `update` is for a file that we have written and nobody has edited since, `keep` for one that the user wants to stay.
    `content` is what the file will hold, in the line ends that it has; `reason` says what a conflict is about, `ours`
    that something of ours is there.
    """

    path: str
    file: Path
    state: State
    old: bytes | None
    content: bytes
    reason: str = ""
    ours: bool = True

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
    old = current(file)
    if old is None:
        text = signature.merged("", planned.text) if planned.merged else planned.text
        return Change(planned.path, file, "create", None, text.encode())
    try:
        text = old.decode()
    except UnicodeDecodeError:
        text = ""
        if planned.merged:
            raise FileProblemError(f"`{file}` is not UTF-8", hint="put its encoding right") from None
    mark_of_order = BOM if text.startswith(BOM) else ""
    text = text.removeprefix(BOM)
    made = _merged(file, text, planned.text) if planned.merged else _whole(text, planned.text)
    content = old if made.state == "same" else f"{mark_of_order}{made.text}".encode()
    return Change(planned.path, file, made.state, old, content, made.reason, made.ours)


class _Made(NamedTuple):
    state: State
    text: str
    reason: str = ""
    ours: bool = True


def _whole(text: str, new: str) -> _Made:
    plain = text.replace("\r\n", "\n")
    new = signature.with_version_of(plain, new)
    if plain == new:
        return _Made("same", text)
    new = new.replace("\n", "\r\n") if "\r\n" in text else new
    if signature.is_untouched(plain):
        return _Made("update", new)
    if signature.is_ours(plain):
        return _Made("conflict", new, "edited since it was written")
    return _Made("conflict", new, "not written by asgictl", ours=False)


def _merged(file: Path, text: str, inner: str) -> _Made:
    try:
        there = signature.block(text)
    except signature.BlockError:
        problem = f"the block of asgictl in `{file}` has no clear beginning and end"
        raise FileProblemError(problem, hint="remove its lines `# >>> asgictl scaffold …` and `# <<< …`") from None
    new = signature.merged(text, inner)
    if there is None:
        return _Made("update", new, ours=False)
    if there.inner == inner:
        return _Made("same", text)
    return _Made("update", new) if there.untouched else _Made("conflict", new, "the block of asgictl was edited")


def current(file: Path) -> bytes | None:
    """Return what is there, or None; raise `FileProblemError` for a link, a folder, or what cannot be read."""
    if file.is_symlink():
        hint = f"remove the link: scaffold writes through none (it leads to `{os.path.realpath(file)}`)"
        raise FileProblemError(f"`{file}` is a symbolic link", hint=hint)
    try:
        if os.path.lexists(file) and not file.is_file():
            raise FileProblemError(f"`{file}` is in the way: it is not a file", hint="move it elsewhere")
        if not file.exists():
            return None
        if file.stat().st_size > _TOO_BIG:
            raise FileProblemError(f"`{file}` is too big to be compared", hint="move it elsewhere")
        return reading.content(file)
    except OSError as error:
        raise atomic.problem(f"cannot read `{file}`", error) from error
