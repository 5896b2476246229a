"""The rules for a Dockerfile and the `.dockerignore` beside it."""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from asgictl import image, reading
from asgictl.image import Image
from asgictl.scaffold import ignore_files
from asgictl.scaffold.lint import command_line, copied
from asgictl.scaffold.lint.command_line import Server
from asgictl.scaffold.lint.problem import Problem
from asgictl.scaffold.project import NamedFile

_CREDENTIALS = re.compile(r"https?://[^/\s\"'@]+@")
_SECRET_NAME = re.compile(
    r"(PASSWORD|PASSWD|SECRET|TOKEN|API_KEY|PRIVATE_KEY)(?!\w*(_FILE|_PATH|_URL|_NAME)$)", re.IGNORECASE
)
_HARMLESS = re.compile(r"[\"']?(true|false|\d*|/.*|\$.*)[\"']?", re.IGNORECASE)
_INDEX = re.compile(r"^(PIP_(EXTRA_)?INDEX_URL|UV_(DEFAULT_)?INDEX\w*)\b")
_EXEC = re.compile(r"(^|[;&|]\s*)exec\s")
_SKIPPED = {".git", ".venv", "venv", "node_modules", "__pycache__"}
_FILES_LOOKED_AT = 20_000
_NOTHING = ignore_files.left_out(())

Ignored = Callable[[str], bool]


def check(
    root: Path,
    needed: Sequence[str] = (),
    named: Sequence[NamedFile] = (),
    name: str = "Dockerfile",
    context: Path | None = None,
) -> Iterator[Problem]:
    """Yield what is wrong with the file `name`, whose image has to hold `needed`, and what the source has `named`.

    It is built from the folder `context`, which is `root` itself unless that is said.
    """
    found = image.read(root / name)
    yield from _commands(found, name)
    yield from _user(found, name)
    yield from _port(found, name)
    yield from _credentials(found, name)
    yield from _bases(found, name)
    health = found.last("HEALTHCHECK")
    if health is None or health.value.upper() == "NONE":
        yield Problem("health-check", name, "there is no HEALTHCHECK: nothing notices a server that hangs")
    context = context or root
    ignored = _ignored(root, context, name)
    yield from _sources(found, context, name, ignored)
    yield from _whole(found, context, name, ignored, needed)
    home = "" if context == root else f"{root.resolve().relative_to(context.resolve()).as_posix()}/"
    named = [one._replace(path=f"{home}{one.path}") for one in named]
    there = copied.in_image(found)
    yield from _kept_out(name, ignored, [it for it in named if it.kept_out and copied.has(there, it.path)], context)
    named = [it for it in named if not it.kept_out]
    # Where the code is mounted, so is what it opens.
    if all(copied.has(copied.anywhere(found), path) for path in needed):
        inside = tuple(
            f"{home}{top}/" for path in needed for top, _, below in [path[len(home) :].partition("/")] if below
        )
        outside = [one for one in named if (context / one.path).exists() and not one.path.startswith(inside)]
        yield from _opened(name, ignored, named, [one for one in outside if not copied.has(there, one.path)])


def _bases(found: Image, name: str) -> Iterator[Problem]:
    stages = {stage.name for stage in found.stages}
    for stage in found.stages:
        tagged = ":" in stage.base.rpartition("/")[2] or "@" in stage.base or "$" in stage.base
        if stage.base.endswith(":latest") or not (tagged or stage.base.lower() in {*stages, "scratch"}):
            text = f"`{stage.base}` is another image tomorrow: name a version"
            yield Problem("pinned-base", f"{name}:{stage.line}", text)


def _commands(found: Image, name: str) -> Iterator[Problem]:
    for instruction in filter(None, (found.last("ENTRYPOINT"), found.last("CMD"))):
        words = image.words(instruction.value)
        shell = instruction.value if words is None else command_line.script(words)
        if shell is not None and not _EXEC.search(shell.lstrip()):
            what = "the shell form" if words is None else "a shell"
            text = f"{what} keeps SIGTERM from the server: it is killed after the grace period, without its shutdown"
            yield Problem("exec-form", f"{name}:{instruction.line}", f"{text}; write it as a list in JSON")
    started = server_of(found)
    if started is not None and started.graceful is None:
        text = "uvicorn waits for open connections as long as they last: pass --timeout-graceful-shutdown"
        yield Problem("graceful-limit", name, text)


def server_of(found: Image) -> Server | None:
    """Return the server that an image starts, with what its variables say; its port is 8000 unless they do."""
    started = command_line.server(command_of(found), found.environment())
    return started._replace(port=8000 if started.port is None else started.port) if started else None


def command_of(found: Image) -> list[str]:
    """Return the words of the command that an image starts with, none where it has no such command."""
    return [word for name in ("ENTRYPOINT", "CMD") if (one := found.last(name)) for word in one.words]


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


def _port(found: Image, name: str) -> Iterator[Problem]:
    exposed = [one for one in found.final if one.name == "EXPOSE"]
    started = server_of(found)
    ports = [word.partition("/")[0] for one in exposed for word in one.value.split()]
    unclear = any("$" in port or "-" in port for port in ports)
    if started is None or not started.port or not exposed or unclear or str(started.port) in ports:
        return
    text = f"EXPOSE says {', '.join(ports)}, and the server listens on {started.port}"
    yield Problem("expose-port", f"{name}:{exposed[-1].line}", text)


def _credentials(found: Image, name: str) -> Iterator[Problem]:
    for one in (*found.before, *(one for stage in found.stages for one in stage.instructions)):
        place = f"{name}:{one.line}"
        if _CREDENTIALS.search(one.text):
            text = "credentials in a URL stay in the image's history: mount them, RUN --mount=type=secret"
            yield Problem("credentials", place, text)
        elif one.name in {"ENV", "ARG"}:
            for variable, value in one.variables.items():
                if _SECRET_NAME.search(variable) and not _HARMLESS.fullmatch(value):
                    text = f"the value of {variable} stays in the image: set it where the container runs"
                    yield Problem("credentials", place, text)
    for one in found.final:
        if one.name == "ARG" and _INDEX.match(one.value):
            text = "an index given as --build-arg stays in the last stage's history, with its credentials"
            yield Problem("index-in-history", f"{name}:{one.line}", f"{text}: move it to a stage that is left behind")


def _sources(found: Image, root: Path, name: str, ignored: Ignored) -> Iterator[Problem]:
    for stage in found.stages:
        for one in stage.instructions:
            for source in copied.sources(one):
                path = source.removeprefix("./").rstrip("/")
                if path in {"", "."} or any(char in path for char in "*?[$<"):
                    continue
                if not (root / path).exists():
                    yield Problem("copied-sources", f"{name}:{one.line}", f"`{path}` is not there")
                elif ignored(path):
                    yield Problem("copied-sources", f"{name}:{one.line}", f"`.dockerignore` leaves out `{path}`")


def _whole(found: Image, root: Path, name: str, ignored: Ignored, needed: Sequence[str]) -> Iterator[Problem]:
    """Yield the secrets that a `COPY .` would take along, and what it has to take and does not."""
    instructions = [one for stage in found.stages for one in stage.instructions]
    copies = [one for one in instructions for it in copied.sources(one) if it in {".", "./"}]
    if not copies:
        return
    place = f"{name}:{copies[0].line}"
    if ignored is _NOTHING:
        yield Problem("dockerignore", place, "there is no `.dockerignore`: everything gets into the image")
    for path in needed:
        if ignored(path):
            yield Problem("copied-sources", place, f"`.dockerignore` leaves out `{path}`, which the app is in")
    secrets = ignore_files.left_out(ignore_files.SECRETS)
    for path in _files(root):
        if secrets(path) and not ignored(path) and not _is_public(root / path):
            yield Problem("secrets", place, f"`{path}` gets into the image: name it in `.dockerignore`")


def _kept_out(name: str, ignored: Ignored, named: Sequence[NamedFile], context: Path) -> Iterator[Problem]:
    """Yield the databases and logs of this machine that get into the image."""
    for one in named:
        if (context / one.path).exists() and not ignored(one.path):
            text = f"`{one.path}`, which {one.place} writes, gets into the image: name it in `.dockerignore`"
            yield Problem("written-files", name, text)


def _opened(name: str, ignored: Ignored, named: Sequence[NamedFile], lacking: Sequence[NamedFile]) -> Iterator[Problem]:
    """Yield what the source opens, and the image does not have."""
    secret = ignore_files.left_out(ignore_files.SECRETS)
    for one in named:
        if secret(one.path):
            continue
        if ignored(one.path):
            text = f"`.dockerignore` leaves out `{one.path}`, which {one.place} opens"
            yield Problem("opened-files", name, text)
        elif one in lacking:
            yield Problem("opened-files", name, f"nothing copies `{one.path}`, which {one.place} opens")


def _is_public(file: Path) -> bool:
    """Tell whether a PEM file holds no private key."""
    try:
        return file.suffix == ".pem" and b"PRIVATE KEY" not in file.read_bytes()
    except OSError:
        return False


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


def _ignored(root: Path, context: Path, name: str) -> Ignored:
    """Return what is left out: https://docs.docker.com/build/concepts/context/#filename-and-location."""
    for file in (root / f"{name}.dockerignore", context / ".dockerignore"):
        with contextlib.suppress(OSError):
            return ignore_files.left_out(reading.text(file, errors="replace").splitlines())
    return _NOTHING
