"""A Dockerfile's instructions and stages, and its image: the last stage with what it inherits from others."""

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from asgictl import errors, reading
from asgictl.errors import FileProblemError

# https://docs.docker.com/reference/dockerfile/#parser-directives
_DIRECTIVE = re.compile(r"#\s*([A-Za-z]\w*)\s*=\s*(\S+)\s*")
_INSTRUCTION = re.compile(r"\s*([A-Za-z]+)(?:\s+(.*))?", re.DOTALL)
# https://docs.docker.com/reference/dockerfile/#here-documents
_WITH_DOCUMENTS = {"RUN", "COPY", "ADD"}
_WORD = re.compile(r"""(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+""")
_DOCUMENT = re.compile(r"""\d*<<(-?)(["']?)([^\s<"']+)\2""")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?([-+])([^}]*))?\}|(\w+))")
_PAIR = re.compile(r"""(\w+)=("[^"]*"|'[^']*'|\S*)""")


class Instruction(NamedTuple):
    """One instruction: its value in one line, the number of its first line, and its here-documents."""

    name: str
    value: str
    line: int
    documents: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """Return the words of a list, or of a command."""
        listed = words(self.value)
        if listed is not None:
            return listed
        try:
            return shlex.split(self.value)
        except ValueError:
            return self.value.split()

    @property
    def text(self) -> str:
        """Return the value with the here-documents."""
        return "\n".join((self.value, *self.documents))

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables of ENV or ARG: `A=b C="d e"`, or `A b`."""
        pairs = _PAIR.findall(self.value)
        if not pairs and len(parts := self.value.split(None, 1)) > 1:
            pairs = [tuple(parts)]
        return {name: value.strip("\"'") for name, value in pairs}


class Stage(NamedTuple):
    """A stage: its name, the image or stage that it builds upon, and its instructions.

    In the name of an image, arguments are replaced by what they are unless somebody sets them.
    """

    name: str
    base: str
    line: int
    instructions: tuple[Instruction, ...]


class Image(NamedTuple):
    """The stages of a file, the instructions of the last one with those it inherits, and those before all stages."""

    stages: tuple[Stage, ...]
    final: tuple[Instruction, ...]
    before: tuple[Instruction, ...] = ()

    def last(self, name: str) -> Instruction | None:
        """Return the instruction that counts where only the last one does, like CMD or USER."""
        return next((one for one in reversed(self.final) if one.name == name), None)

    def environment(self) -> dict[str, str]:
        """Return the variables that ENV sets."""
        return {name: value for one in self.final if one.name == "ENV" for name, value in one.variables.items()}


def read(file: Path) -> Image:
    """Return what a Dockerfile says; raise `FileProblemError` when it cannot be read or has no stage."""
    try:
        found = parse(reading.text(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = errors.reason(error)
        raise FileProblemError(f"cannot read `{file}`: {reason}", hint="put it right, or remove it") from error
    if not found.stages:
        raise FileProblemError(f"`{file}` has no FROM", hint="rewrite it: `asgictl scaffold --force`")
    return found


def parse(text: str) -> Image:
    """Return what the text of a Dockerfile says, which may be without a stage."""
    before: list[Instruction] = []
    begun: list[tuple[str, str, int, list[Instruction]]] = []
    arguments: dict[str, str] = {}
    for one in _instructions(text):
        if one.name == "FROM":
            parts = [part for part in one.value.split() if not part.startswith("--")]
            name = parts[2].lower() if len(parts) > 2 else f"stage {len(begun)}"  # noqa: PLR2004  # FROM image AS name
            begun.append((name, _filled(parts[0], arguments) if parts else "", one.line, []))
        elif begun:
            begun[-1][3].append(one)
        else:
            before.append(one)
            for name, value in one.variables.items():
                arguments[name] = _filled(value, arguments)
    stages = [Stage(name, base, line, tuple(instructions)) for name, base, line, instructions in begun]
    final: tuple[Instruction, ...] = ()
    base = stages[-1].name if stages else ""
    for stage in reversed(stages):
        if stage.name == base.lower():
            final, base = (*stage.instructions, *final), stage.base
    return Image(tuple(stages), final, tuple(before))


def words(value: str) -> list[str] | None:
    """Return the words of the exec form, a list in JSON; None for the shell form."""
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) and all(isinstance(word, str) for word in found) else None


def _instructions(text: str) -> Iterator[Instruction]:
    """Yield the instructions, each in one line, whatever the lines that it is written in."""
    lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
    escape = _escape(lines)
    ending = re.compile(rf"(?<!{re.escape(escape)}){re.escape(escape)}[ \t]*$")
    numbered = enumerate(lines, start=1)
    for begun, first in numbered:
        if not _says(first):
            continue
        parts = [first]
        while ending.search(parts[-1]) and (following := next(numbered, None)):
            if _says(following[1]):
                parts.append(following[1])
        joined = "".join(ending.sub("", part) for part in parts)
        if match := _INSTRUCTION.fullmatch(joined):
            yield _with_documents(match[1].upper(), (match[2] or "").strip(), begun, numbered)


def _says(line: str) -> bool:
    """Tell whether a line is neither empty nor a comment."""
    return line.strip() != "" and not line.lstrip().startswith("#")


def _escape(lines: Iterable[str]) -> str:
    """Return the sign that joins lines, which a directive at the top may say."""
    for line in lines:
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None:
            break
        if match[1].lower() == "escape":
            return match[2]
    return "\\"


def _with_documents(name: str, value: str, line: int, following: Iterator[tuple[int, str]]) -> Instruction:
    """Return an instruction, with the here-documents that it takes from the lines `following`."""
    marks = [match for word in _WORD.findall(value) if name in _WITH_DOCUMENTS and (match := _DOCUMENT.fullmatch(word))]
    documents = []
    for mark in marks:
        body: list[str] = []
        for _, text in following:
            plain = text.lstrip("\t") if mark[1] else text
            if plain == mark[3]:
                break
            body.append(plain)
        documents.append("\n".join(body))
        value = value.replace(mark[0], "", 1).strip()
    return Instruction(name, value, line, tuple(documents))


def _filled(text: str, arguments: Mapping[str, str]) -> str:
    """Return `text` with its variables replaced, but for those of which nothing is known."""

    def known(match: re.Match[str]) -> str:
        value = arguments.get(match[1] or match[4], "")
        if match[2] == "+":
            return match[3] if value else ""
        return value or match[3] or match[0]

    return _VARIABLE.sub(known, text)
