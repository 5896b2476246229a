"""The Python of a container image, by what the image is called."""

import re
from collections.abc import Iterator
from pathlib import Path

from asgictl import image, reading, signature
from asgictl.scaffold.detect.python.evidence import Evidence, ProjectFiles

_FILES = ("Dockerfile", "Containerfile")
_ELSEWHERE = ("*Dockerfile*", "*/Dockerfile*", "*/*/Dockerfile*", "*/*/*/Dockerfile*")
_OTHERS = {"node_modules", "venv", ".venv", "tests", "test", "examples", "docs"}
_IMAGE = (
    re.compile(r"python-?(3\.\d{1,2})(?!\d)"),  # uv:python3.12-bookworm-slim, python-nodejs:python3.12-nodejs20
    re.compile(r"python:(?:\d+-)?(3\.\d{1,2})(?!\d)"),  # python:3.12-slim, devcontainers/python:1-3.12
    re.compile(r"python-?(3\d{1,2})(?!\d)"),  # ubi9/python-311
)


def written(project: ProjectFiles) -> Iterator[Evidence]:
    """Yield what the project's own Dockerfile has, if somebody has written it, or changed what was written here."""
    for name in _FILES:
        yield from _read(project.root, name)


def replaced(project: ProjectFiles) -> Iterator[Evidence]:
    """Yield what the project's own Dockerfile had before it was replaced by one that was written here."""
    yield from _read(project.root, "Dockerfile.before-scaffold")


def elsewhere(project: ProjectFiles) -> Iterator[Evidence]:
    """Yield what Dockerfiles of other names, or in folders below, have."""
    found = {file.relative_to(project.root).as_posix() for glob in _ELSEWHERE for file in project.root.glob(glob)}
    for name in sorted(found - set(_FILES)):
        if not name.endswith((".dockerignore", ".before-scaffold")) and not _OTHERS & set(name.split("/")):
            yield from _read(project.root, name)


def version_of(base: str) -> str | None:
    """Return the version in the name of an image, like 3.12."""
    name = base.partition("@")[0]
    match = next((match for pattern in _IMAGE if (match := pattern.search(name))), None)
    return None if match is None or "pypy" in name else f"3.{match[1].removeprefix('3').removeprefix('.')}"


def _read(root: Path, name: str) -> Iterator[Evidence]:
    """Yield what the last stage has that says it: one without Python is for what was built before."""
    try:
        text = reading.text(root / name, errors="replace")
    except OSError:
        return
    if not signature.is_untouched(text):
        bases: dict[str, tuple[str, int]] = {}
        for stage in image.parse(text).stages:
            bases[stage.name] = bases.get(stage.base.lower(), (stage.base, stage.line))
        versions = [(version, line) for base, line in bases.values() if (version := version_of(base))]
        for version, line in versions[-1:]:
            yield Evidence(f"{name}:{line}", version, frozenset({version}))
