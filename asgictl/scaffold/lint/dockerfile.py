"""The rules for a Dockerfile and the `.dockerignore` beside it."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from asgictl.scaffold import ignoring
from asgictl.scaffold.lint import image, running
from asgictl.scaffold.lint.image import Image, Instruction
from asgictl.scaffold.lint.problem import Problem

_SECRET = re.compile(r"(^|/)(\.env(\.(?!example)[^/]*)?|\.netrc|netrc|\.pypirc|pip\.conf|[^/]*\.(key|p12|pfx))$")
_CREDENTIALS = re.compile(r"://[^/\s\"'@:]+:[^/\s\"'@]+@")
_SECRET_NAME = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|API_KEY|PRIVATE_KEY)", re.IGNORECASE)
_INDEX = re.compile(r"^(PIP_(EXTRA_)?INDEX_URL|UV_(DEFAULT_)?INDEX\w*)\b")
_SKIPPED = {".git", ".venv", "venv", "node_modules", "__pycache__"}
_FILES_LOOKED_AT = 20_000


def check(root: Path, name: str = "Dockerfile") -> Iterator[Problem]:
    """Yield what is wrong with the file `name` in `root`."""
    found = image.read(root / name)
    yield from _commands(found, name)
    yield from _user(found, name)
    yield from _port(found, name)
    yield from _credentials(found, name)
    for stage in found.stages:
        if stage.base.endswith(":latest"):
            yield Problem(
                "pinned-base", f"{name}:{stage.line}", f"`{stage.base}` is another image tomorrow: name a version"
            )
    health = found.last("HEALTHCHECK")
    if health is None or health.value.upper() == "NONE":
        yield Problem("health-check", name, "there is no HEALTHCHECK: nothing notices a server that hangs")
    ignored = _ignored(root)
    yield from _sources(found, root, name, ignored)
    yield from _secrets(found, root, name, ignored)


def _commands(found: Image, name: str) -> Iterator[Problem]:
    command = found.last("CMD")
    for instruction in filter(None, (found.last("ENTRYPOINT"), command)):
        words = image.words(instruction.value)
        shell = (
            instruction.value if words is None else words[2] if words[:2] in (["sh", "-c"], ["bash", "-c"]) else None
        )
        if shell is not None and not shell.lstrip().startswith("exec "):
            what = "the shell form" if words is None else "a shell"
            text = f"{what} keeps SIGTERM from the server: it is killed after the grace period, without its shutdown"
            yield Problem("exec-form", f"{name}:{instruction.line}", f"{text}; write it as a list in JSON")
    started = running.server(_words(command)) if command else None
    if started is not None and command is not None and started.graceful is None:
        text = "uvicorn waits for open connections as long as they last: pass --timeout-graceful-shutdown"
        yield Problem("graceful-limit", f"{name}:{command.line}", text)


def _words(command: Instruction) -> list[str]:
    words = image.words(command.value)
    if words is not None:
        return words
    try:
        return shlex.split(command.value)
    except ValueError:
        return []


def _user(found: Image, name: str) -> Iterator[Problem]:
    user = found.last("USER")
    if user is None:
        yield Problem("numeric-user", name, "there is no USER: the server runs as root")
        return
    uid = user.value.partition(":")[0].strip()
    if uid in {"0", "root"}:
        yield Problem("numeric-user", f"{name}:{user.line}", "the server runs as root")
    elif not uid.isdigit():
        text = f"`{uid}` is a name: Kubernetes cannot tell that it is not root, write a number"
        yield Problem("numeric-user", f"{name}:{user.line}", text)


def port_of(found: Image) -> int | None:
    """Return the port that the server of an image listens on, as far as its command and its variables say."""
    command = found.last("CMD")
    started = running.server(_words(command)) if command else None
    if started is None:
        return None
    variables = found.environment()
    names = {"asgictl": ("ASGICTL_SERVE_PORT", "PORT"), "uvicorn": ("UVICORN_PORT",)}[started.program]
    values = [started.port, *(variables.get(name) for name in names)]
    return next((int(value) for value in values if value is not None and str(value).isdigit()), 8000)


def grace_of(found: Image) -> float | None:
    """Return the seconds that the server of an image leaves open requests, if that is known and limited."""
    command = found.last("CMD")
    started = running.server(_words(command)) if command else None
    return started.graceful if started else None


def _port(found: Image, name: str) -> Iterator[Problem]:
    exposed, port = found.last("EXPOSE"), port_of(found)
    if exposed is None or port is None or "$" in exposed.value:
        return
    if str(port) not in [word.partition("/")[0] for word in exposed.value.split()]:
        text = f"EXPOSE says {exposed.value}, and the server listens on {port}"
        yield Problem("expose-port", f"{name}:{exposed.line}", text)


def _credentials(found: Image, name: str) -> Iterator[Problem]:
    for stage in found.stages:
        for one in stage.instructions:
            if _CREDENTIALS.search(one.value):
                text = "credentials in a URL stay in the image's history: mount them, RUN --mount=type=secret"
                yield Problem("credentials", f"{name}:{one.line}", text)
            elif one.name in {"ENV", "ARG"}:
                for variable, value in re.findall(r"([A-Za-z_]\w*)(?:=|\s+)(\S+)", one.value):
                    if _SECRET_NAME.search(variable) and value.strip("\"'"):
                        text = f"the value of {variable} stays in the image: set it where the container runs"
                        yield Problem("credentials", f"{name}:{one.line}", text)
    for one in found.final:
        if one.name == "ARG" and _INDEX.match(one.value):
            text = "an index given as --build-arg stays in the last stage's history, with its credentials"
            yield Problem("index-in-history", f"{name}:{one.line}", f"{text}: move it to a stage that is left behind")


def _sources(found: Image, root: Path, name: str, ignored: list[str]) -> Iterator[Problem]:
    for stage in found.stages:
        for one in stage.instructions:
            for source in _copied(one):
                path = source.removeprefix("./").rstrip("/")
                if path in {"", "."} or any(char in path for char in "*?[$<"):
                    continue
                if not (root / path).exists():
                    yield Problem("copied-sources", f"{name}:{one.line}", f"`{path}` is not there")
                elif ignoring.matches(ignored, path):
                    yield Problem("copied-sources", f"{name}:{one.line}", f"`.dockerignore` leaves out `{path}`")


def _copied(instruction: Instruction) -> list[str]:
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
    listed = image.words(instruction.value)
    words = listed or [word for word in instruction.value.split() if not word.startswith("--")]
    return [word for word in words[:-1] if "://" not in word]


def _secrets(found: Image, root: Path, name: str, ignored: list[str]) -> Iterator[Problem]:
    """Yield the secrets that a `COPY .` would take along."""
    whole = [
        one for stage in found.stages for one in stage.instructions for source in _copied(one) if source in {".", "./"}
    ]
    if not whole:
        return
    for path in _files(root):
        if _SECRET.search(path) and not ignoring.matches(ignored, path):
            text = f"`{path}` gets into the image: name it in `.dockerignore`"
            yield Problem("secrets", f"{name}:{whole[0].line}", text)


def _files(root: Path) -> Iterator[str]:
    seen = 0
    folders = [root]
    while folders:
        try:
            entries = sorted(folders.pop().iterdir())
        except OSError:
            continue
        for entry in entries:
            seen += 1
            if seen > _FILES_LOOKED_AT:
                return
            if entry.is_dir() and not entry.is_symlink():
                if entry.name not in _SKIPPED:
                    folders.append(entry)
            else:
                yield entry.relative_to(root).as_posix()


def _ignored(root: Path) -> list[str]:
    try:
        return (root / ".dockerignore").read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
