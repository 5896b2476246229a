"""The Python of a container image, by what the image is called."""

import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from dockerfile_parse import DockerfileParser

from asgictl import reading
from asgictl.scaffold.detect.python.evidence import Evidence, ProjectFiles
from asgictl.scaffold.write import signature

_FILES = ("Dockerfile", "Containerfile")
_ELSEWHERE = ("*Dockerfile*", "*/Dockerfile*", "*/*/Dockerfile*", "*/*/*/Dockerfile*")
_OTHERS = {"node_modules", "venv", ".venv", "tests", "test", "examples", "docs"}
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")
_IMAGE = (
    re.compile(r"python-?(3\.\d{1,2})(?!\d)"),  # uv:python3.12-bookworm-slim, python-nodejs:python3.12-nodejs20
    re.compile(r"python:(?:\d+-)?(3\.\d{1,2})(?!\d)"),  # python:3.12-slim, devcontainers/python:1-3.12
    re.compile(r"python-?(3\d{1,2})(?!\d)"),  # ubi9/python-311
)


def written(project: ProjectFiles) -> Iterator[Evidence]:
    """Yield what the project's own Dockerfile has, if somebody has written it, or changed what was written here."""
    for name in _FILES:
        yield from _read(project.root, name, ours=False)


def written_before(project: ProjectFiles) -> Iterator[Evidence]:
    """Yield what the Dockerfile has that was written here."""
    yield from _read(project.root, "Dockerfile", ours=True)


def elsewhere(project: ProjectFiles) -> Iterator[Evidence]:
    """Yield what Dockerfiles of other names, or in folders below, have."""
    found = {file.relative_to(project.root).as_posix() for glob in _ELSEWHERE for file in project.root.glob(glob)}
    for name in sorted(found - set(_FILES)):
        if not name.endswith((".dockerignore", ".before-scaffold")) and not _OTHERS & set(name.split("/")):
            yield from _read(project.root, name, ours=False)


def version_of(image: str) -> str | None:
    """Return the version in the name of an image, like 3.12."""
    name = image.partition("@")[0]
    match = next((match for pattern in _IMAGE if (match := pattern.search(name))), None)
    return None if match is None or "pypy" in name else f"3.{match[1].removeprefix('3').removeprefix('.')}"


def _read(root: Path, name: str, *, ours: bool) -> Iterator[Evidence]:
    """Yield what the last stage has that says it: one without Python is for what was built before."""
    try:
        text = reading.text(root / name, errors="replace")
    except OSError:
        return
    if signature.is_untouched(text) is ours:
        versions = [(version, line) for image, line in _bases(text) if (version := version_of(image))]
        for version, line in versions[-1:]:
            yield Evidence(f"{name}:{line}", version, frozenset({version}))


def _bases(text: str) -> Iterator[tuple[str, int]]:
    """Yield the image of each stage, and its line, arguments replaced by what they are unless somebody sets them."""
    arguments: dict[str, str] = {}
    stages: dict[str, tuple[str, int]] = {}
    for entry in DockerfileParser(fileobj=io.BytesIO(text.encode())).structure:
        words = [word for word in entry["value"].split() if not word.startswith("--")]
        if entry["instruction"] == "ARG" and not stages:
            pairs = (word.partition("=") for word in words)
            arguments |= {name: value.strip("\"'") for name, equals, value in pairs if equals}
        if entry["instruction"] == "FROM" and words:
            image = _filled(words[0], arguments)
            alias = words[2].lower() if len(words) > 2 else f"stage {len(stages)}"  # noqa: PLR2004  # image AS name
            stages[alias] = stages.get(image.lower(), (image, entry["startline"] + 1))
    yield from stages.values()


def _filled(text: str, arguments: Mapping[str, str]) -> str:
    """Return `text` with its variables replaced."""
    return _VARIABLE.sub(lambda it: arguments.get(it[1] or it[3]) or it[2] or "", text)
