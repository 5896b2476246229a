"""A Dockerfile as its last stage turns out: what it inherits from the stages that it builds upon."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dockerfile_parse import DockerfileParser

from asgictl import errors, reading
from asgictl.errors import FileProblemError

_HEREDOC = re.compile(r"(?<!<)<<-?([\"']?)([A-Za-z_]\w*)\1")


class Instruction(NamedTuple):
    """One instruction, its value in one line, and the number of its first line."""

    name: str
    value: str
    line: int


class Stage(NamedTuple):
    """A stage: its name, the image or stage that it builds upon, and its instructions."""

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
        found: dict[str, str] = {}
        for instruction in self.final:
            if instruction.name == "ENV":
                found |= dict(re.findall(r"([A-Za-z_]\w*)=(\"[^\"]*\"|\S*)", instruction.value))
        return {name: value.strip('"') for name, value in found.items()}


def read(file: Path) -> Image:
    """Return what a Dockerfile says; raise `FileProblemError` when it cannot be read or has no stage."""
    try:
        text = reading.text(file)
    except (OSError, UnicodeDecodeError) as error:
        reason = errors.reason(error)
        raise FileProblemError(f"cannot read `{file}`: {reason}", hint="put it right, or remove it") from error
    stages = list(_stages(_without_heredocs(text)))
    if not stages:
        raise FileProblemError(f"`{file}` has no FROM", hint="rewrite it: `asgictl scaffold --force`")
    final = list(stages[-1].instructions)
    base = stages[-1].base
    for stage in reversed(stages[:-1]):
        if stage.name == base.lower():
            final, base = [*stage.instructions, *final], stage.base
    return Image(tuple(stages), tuple(final), tuple(_before(text)))


def words(value: str) -> list[str] | None:
    """Return the words of the exec form, a list in JSON; None for the shell form."""
    try:
        found = json.loads(value)
    except ValueError:
        return None
    return found if isinstance(found, list) and all(isinstance(word, str) for word in found) else None


def _before(text: str) -> Iterator[Instruction]:
    """Yield the arguments above the first stage."""
    for entry in DockerfileParser(fileobj=io.BytesIO(text.encode())).structure:
        if entry["instruction"] == "FROM":
            return
        if entry["instruction"] != "COMMENT":
            yield Instruction(entry["instruction"], entry["value"], entry["startline"] + 1)


def _stages(text: str) -> Iterator[Stage]:
    found: list[tuple[str, str, int, list[Instruction]]] = []
    for entry in DockerfileParser(fileobj=io.BytesIO(text.encode())).structure:
        name, value, line = entry["instruction"], entry["value"], entry["startline"] + 1
        if name == "FROM":
            parts = [part for part in value.split() if not part.startswith("--")]
            alias = parts[2].lower() if len(parts) > 2 else f"stage {len(found)}"  # noqa: PLR2004  # FROM image AS name
            found.append((alias, parts[0] if parts else "", line, []))
        elif name != "COMMENT" and found:
            found[-1][3].append(Instruction(name, value, line))
    for alias, base, line, instructions in found:
        yield Stage(alias, base, line, tuple(instructions))


def _without_heredocs(text: str) -> str:
    """Return `text` with the bodies of here-documents blank, which are no instructions."""
    end: str | None = None
    takes = continued = False
    lines = []
    for line in text.splitlines():
        if end is not None:
            lines.append("#")
            end = None if line.strip() == end else end
            continue
        lines.append(line)
        takes = takes if continued else line.lstrip()[:4].upper() in {"RUN ", "COPY"}
        continued = line.rstrip().endswith("\\")
        if takes and (match := _HEREDOC.search(line)):
            end = match[2]
    return "\n".join(lines) + "\n"
