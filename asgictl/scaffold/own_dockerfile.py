"""What the project's own Dockerfile does that no file written here does: said, and not taken over."""

import io
import json
import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from dockerfile_parse import DockerfileParser

from asgictl import reading
from asgictl.scaffold.accepted import volume_for
from asgictl.scaffold.project import SystemPackages
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.write import signature

_LOOKED_AT = ("Dockerfile", "Containerfile", "docker/Dockerfile", "Dockerfile.before-scaffold")
_FRONTEND = re.compile(r"(^|/)(node|bun)(:|@|$)")
_INSTALL = re.compile(r"\bapt(?:-get)?\s+(?:-\S+\s+)*install\b([^;&|]*)")
_COMMENT = re.compile(r"`\s*#[^`]*`")  # in the middle of a command
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


class _Instruction(NamedTuple):
    """One instruction, in which `words` are those of its value."""

    name: str
    value: str
    line: int

    @property
    def words(self) -> list[str]:
        """Return the words, of a list or of a command."""
        if self.value.startswith("["):
            try:
                return [str(word) for word in json.loads(self.value)]
            except ValueError:
                return []
        try:
            return shlex.split(self.value)
        except ValueError:
            return self.value.split()


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
    entries = DockerfileParser(fileobj=io.BytesIO(text.encode())).structure
    stages = list(_stages(_Instruction(it["instruction"], it["value"], it["startline"] + 1) for it in entries))
    last = _last(stages)
    built = next((stage for stage in stages if _FRONTEND.search(_image(stage))), None)
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


def _image(stage: list[_Instruction]) -> str:
    return next((word for word in stage[0].words if not word.startswith("--")), "")


def _stages(entries: Iterable[_Instruction]) -> Iterator[list[_Instruction]]:
    stage: list[_Instruction] = []
    for it in entries:
        if it.name == "FROM" and it.words:
            if stage:
                yield stage
            stage = [it]
        elif stage:
            stage.append(it)
    if stage:
        yield stage


def _last(stages: list[list[_Instruction]]) -> list[_Instruction]:
    """Return the instructions of the last stage, after those of the stages that it is made from."""
    found: list[_Instruction] = []
    base = ""
    for stage in reversed(stages):
        alias = _alias(stage).lower()
        if not found or (alias and alias == base):
            found = [*stage[1:], *found]
            base = _image(stage).lower()
    return found


def _alias(stage: list[_Instruction]) -> str:
    words = stage[0].words
    return words[-1] if len(words) > 2 and words[-2].upper() == "AS" else ""  # noqa: PLR2004  # image AS name


def _frontend(name: str, stage: list[_Instruction], last: list[_Instruction]) -> str:
    source = f"--from={_alias(stage)}"
    made = [it.words[-1] for it in last if it.name == "COPY" and source in it.words]
    what = " and ".join(f"`{it}`" for it in made if "$" not in it) or "a part of the app"
    how = "build it before, and let .dockerignore have it in"
    return f"{name}:{stage[0].line} builds {what} with Node, and the image here takes what is there: {how}"


def _packages(name: str, last: list[_Instruction], known: set[str]) -> Iterator[str]:
    for it in last:
        found = _INSTALL.search(_COMMENT.sub(" ", it.value)) if it.name == "RUN" else None
        words = found[1].split() if found else []
        names = [
            word for word in words if _PACKAGE.fullmatch(word) and not _TOOLS.fullmatch(word) and word not in known
        ]
        if names:
            listed = " ".join(dict.fromkeys(names))
            yield f"{name}:{it.line} installs {listed}: pass --apt for each of Debian's packages that the app needs"


def _volumes(name: str, last: list[_Instruction], request: ScaffoldRequest) -> Iterator[str]:
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
