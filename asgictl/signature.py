"""The marks by which a later run knows what it has written, and whether somebody has changed it since.

A file of ours begins with a line that holds the digest of the rest; in a file that is shared with others, a block of
lines has that. So nothing has to be kept beside the files.
"""

import hashlib
import re
from typing import NamedTuple

_SIGN = "# asgictl scaffold"
_SIGNATURE = re.compile(rf"{_SIGN} ([0-9a-f]{{16}}): .*\n")
_BEGIN = re.compile(r"^# >>> asgictl scaffold ([0-9a-f]{16})$")
_END = "# <<< asgictl scaffold"
# The line of kustomization.yaml that changes with each version, by hand or by `kustomize edit set image`.
# Nothing else may stand there: YAML takes more signs for the end of a line than Python's patterns do.
_VERSION = re.compile(r"(?m)^  newTag: (\"?)\w[\w.-]*\1$", re.ASCII)
_ADVICE = "run it again to update this file; once you have edited it, it is yours"


class BlockError(Exception):
    """A block in a shared file has no end, or there are two."""


class MarkedBlock(NamedTuple):
    """The block of a shared file: what is before it, in it and after it, and whether it is as it was written."""

    before: str
    inner: str
    after: str
    untouched: bool


def signed(text: str) -> str:
    """Return `text` below the line that says who has written it."""
    return f"{_SIGN} {_digest(text)}: {_ADVICE}\n{text}"


def is_ours(text: str) -> bool:
    """Tell whether `text` was written here, edited since or not."""
    return _SIGNATURE.match(text) is not None


def is_untouched(text: str) -> bool:
    """Tell whether `text` is as it was written here."""
    match = _SIGNATURE.match(text)
    return match is not None and match[1] == _digest(text[match.end() :])


def with_version_of(there: str, text: str) -> str:
    """Return `text` with the version that `there` names, if it names one: that is the user's to change."""
    version = _VERSION.search(there)
    return _VERSION.sub(lambda _: version[0], text) if version else text


def block(text: str) -> MarkedBlock | None:
    """Return the block in `text`; raise `BlockError` where it has no clear bounds."""
    lines = _lines(text)
    begins = [number for number, line in enumerate(lines) if _BEGIN.match(line.rstrip("\r\n"))]
    ends = [number for number, line in enumerate(lines) if line.rstrip("\r\n") == _END]
    if not begins and not ends:
        return None
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        raise BlockError
    begin, end = begins[0], ends[0]
    inner = "".join(lines[begin + 1 : end]).replace("\r\n", "\n")
    match = _BEGIN.match(lines[begin].rstrip("\r\n"))
    assert match is not None  # noqa: S101  # it was found so
    return MarkedBlock("".join(lines[:begin]), inner, "".join(lines[end + 1 :]), match[1] == _digest(inner))


def merged(text: str, inner: str) -> str:
    """Return `text` with the block `inner` in place of the one that is there, or before everything else.

    So a line of the user's has the last word. The line ends of the file stay.
    """
    there = block(text)
    written = f"# >>> asgictl scaffold {_digest(inner)}\n{inner}{_END}\n"
    if "\r\n" in text:
        written = written.replace("\n", "\r\n")
    return f"{there.before}{written}{there.after}" if there else f"{written}{text}"


def _lines(text: str) -> list[str]:
    """Return the lines of a file with their ends; other signs that Python takes for a line's end are none."""
    return [line for line in re.split(r"(?<=\n)", text) if line]


def _digest(text: str) -> str:
    kept = _VERSION.sub("", text, count=1) if "\nkind: Kustomization\n" in text else text
    return hashlib.sha256(kept.encode()).hexdigest()[:16]
