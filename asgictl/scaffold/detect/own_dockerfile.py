"""What the project's own Dockerfile does that no file written here does: said, and not taken over."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from asgictl import image, reading, signature
from asgictl.image import Instruction, Stage
from asgictl.scaffold.accepted import volume_for
from asgictl.scaffold.project import SystemPackages
from asgictl.scaffold.request import ScaffoldRequest

_LOOKED_AT = ("Dockerfile", "Containerfile", "docker/Dockerfile", "Dockerfile.before-scaffold")
_FRONTEND = re.compile(r"(^|/)(node|bun)(:|@|$)")
_INSTALL = re.compile(r"\bapt(?:-get)?\s+(?:-\S+\s+)*install\b([^;&|\n]*)")
_COMMENT = re.compile(r"`\s*#[^`]*`|(?m:^\s*#.*$)")  # in the middle of a command, or a line of a script
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
# They build, fetch, or start, and no app needs them.
_TOOLS = re.compile(
    r".+-dev|build-essential|gcc|g\+\+|make|cmake|pkg-config|git|curl|wget|gnupg2?|gosu|tini|dumb-init|procps|vim|nano|less"
    r"|bash|ca-certificates|apt-utils|apt-transport-https|lsb-release|software-properties-common|sudo|supervisor|nginx"
    r"|netcat.*|python3?.*|nodejs|npm|locales|tzdata|openssh-client|unzip|xz-utils"
)
_SCRIPT = re.compile(r"(?:[\w./${}-]*/)?[\w.-]+(?:\.sh|\.py|entrypoint[\w.-]*)|\S*/[\w-]*entrypoint[\w-]*")
# A longer word is the path of nothing.
_LONGEST = 255
_STARTERS = {"sh", "bash", "/bin/sh", "/bin/bash", "python", "python3", "exec", "tini", "--", "dumb-init", "-g", "-c"}


def notes(root: Path, apt: SystemPackages, request: ScaffoldRequest) -> Iterator[str]:
    """Yield what to say of the Dockerfile in `root` that was not written here, if there is one."""
    for name in _LOOKED_AT:
        try:
            text = reading.text(root / name, errors="replace")
        except OSError:
            continue
        if not signature.is_ours(text):
            yield from _of(name, text, apt, request)
            return


def _of(name: str, text: str, apt: SystemPackages, request: ScaffoldRequest) -> Iterator[str]:
    found = image.parse(text)
    last = found.final
    built = next((stage for stage in found.stages if _FRONTEND.search(stage.base)), None)
    if built:
        yield _frontend(name, built, last)
    yield from _packages(name, last, {*apt.build, *apt.runtime, *request.apt})
    yield from _volumes(name, last, request)
    for it in reversed(last):
        words = [word for word in it.words if word not in _STARTERS]
        script = words[0] if words and len(words[0]) <= _LONGEST else ""
        if it.name in {"CMD", "ENTRYPOINT"} and _SCRIPT.fullmatch(script):
            yield f"{name}:{it.line} starts `{script}`: what that does before or beside the server is not done here"
            return


def _frontend(name: str, stage: Stage, last: Sequence[Instruction]) -> str:
    source = f"--from={stage.name}"
    made = [it.words[-1] for it in last if it.name == "COPY" and source in it.value.lower().split()]
    what = " and ".join(f"`{it}`" for it in made if "$" not in it) or "a part of the app"
    how = "build it before, and let .dockerignore have it in"
    return f"{name}:{stage.line} builds {what} with Node, and the image here takes what is there: {how}"


def _packages(name: str, last: Sequence[Instruction], known: set[str]) -> Iterator[str]:
    for it in last:
        script = _COMMENT.sub(" ", it.text.replace("\\\n", " ")) if it.name == "RUN" else ""
        words = [word for found in _INSTALL.finditer(script) for word in found[1].split()]
        names = [
            word for word in words if _PACKAGE.fullmatch(word) and not _TOOLS.fullmatch(word) and word not in known
        ]
        if names:
            listed = " ".join(dict.fromkeys(names))
            yield f"{name}:{it.line} installs {listed}: pass --apt for each of Debian's packages that the app needs"


def _volumes(name: str, last: Sequence[Instruction], request: ScaffoldRequest) -> Iterator[str]:
    beside = any(it.name in {"COPY", "ADD"} and not it.words[-1].startswith(("/", "$")) for it in last if it.words)
    workdir = next((it.value for it in reversed(last) if it.name == "WORKDIR" and beside), "/")
    for it in last:
        for word in it.words if it.name == "VOLUME" else ():
            inside = word.startswith(f"{workdir.rstrip('/')}/") and workdir != "/"
            place = posixpath.normpath(f"{request.workdir}/{posixpath.relpath(word, workdir)}" if inside else word)
            if "$" not in word and not request.on_volume(place):
                volume = volume_for(place, request)
                advice = f"pass --volume {volume}" if volume else "none can lie there here"
                yield f"{name}:{it.line} has the volume `{word}`: {advice}"
