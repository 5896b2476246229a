"""What of the build's context ends up in an image, by the COPY and ADD of its stages."""

import fnmatch
import posixpath
import re
from typing import NamedTuple

from asgictl.image import Image, Instruction, Stage


class Copy(NamedTuple):
    """A file or folder of the context ("" is all of it), and where it lies in the image."""

    source: str
    target: str


def sources(instruction: Instruction) -> list[str]:
    """Return what COPY, ADD or a bind mount takes from the build's context."""
    if instruction.name == "RUN":
        mounts = re.findall(r"--mount=(\S*type=bind\S*)", instruction.value)
        return [
            found[1]
            for mount in mounts
            if "from=" not in mount and (found := re.search(r"(?:source|src)=([^,\s]+)", mount))
        ]
    if instruction.name not in {"COPY", "ADD"} or "--from=" in instruction.value:
        return []
    return [word for word in _words(instruction)[:-1] if "://" not in word]


def in_image(found: Image) -> tuple[Copy, ...]:
    """Return what the last stage has of the context, its own and what it inherits or takes from other stages."""
    known: dict[str, tuple[tuple[Copy, ...], str]] = {}
    copies: tuple[Copy, ...] = ()
    for number, stage in enumerate(found.stages):
        copies, folder = _in_stage(stage, known)
        known[stage.name] = known[str(number)] = copies, folder
    return copies


def anywhere(found: Image) -> tuple[Copy, ...]:
    """Return what any stage takes of the context."""
    return tuple(
        Copy(_inside(word), "") for stage in found.stages for one in stage.instructions for word in sources(one)
    )


def has(copies: tuple[Copy, ...], path: str) -> bool:
    """Tell whether `path`, of the context, is among what was copied."""
    return any(
        not it.source or fnmatch.fnmatchcase(path, it.source) or fnmatch.fnmatchcase(path, f"{it.source}/*")
        for it in copies
    )


def _in_stage(stage: Stage, known: dict[str, tuple[tuple[Copy, ...], str]]) -> tuple[tuple[Copy, ...], str]:
    """Return what a stage has of the context, and its working directory."""
    copies, folder = known.get(stage.base.lower(), ((), "/"))
    for one in stage.instructions:
        if one.name == "WORKDIR":
            folder = posixpath.join(folder, one.value.strip())
        elif one.name in {"COPY", "ADD"} and (words := _words(one))[1:]:
            target = posixpath.normpath(posixpath.join(folder, words[-1]))
            origin = re.search(r"--from=(\S+)", one.value)
            if origin is None:
                copies += tuple(Copy(_inside(word), target) for word in words[:-1])
            elif origin[1].lower() in known:
                there = known[origin[1].lower()][0]
                copies += tuple(new for word in words[:-1] for it in there if (new := _taken(it, word, target)))
    return copies, folder


def _inside(word: str) -> str:
    """Return a path of the context as one below its top, which is ""."""
    return posixpath.normpath(f"/{word}").lstrip("/")


def _taken(copy: Copy, word: str, target: str) -> Copy | None:
    """Return what a `COPY --from` of `word` takes of something that lies in the other stage."""
    wanted, there = posixpath.normpath(posixpath.join("/", word)), copy.target
    if there == wanted or there.startswith(f"{wanted.rstrip('/')}/"):
        return Copy(copy.source, posixpath.join(target, posixpath.relpath(there, wanted)))
    if wanted.startswith(f"{there.rstrip('/')}/"):
        return Copy(posixpath.join(copy.source, posixpath.relpath(wanted, there)), target)
    return None


def _words(instruction: Instruction) -> list[str]:
    return instruction._replace(value=re.sub(r"^(--\S+\s+)+", "", instruction.value)).words
