"""What a place says of the version of Python, and how it may be written there."""

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from asgictl import reading
from asgictl.errors import ConfigError
from asgictl.pyproject import PyProject

DEFAULT = "3.14"
KNOWN = frozenset(f"3.{minor}" for minor in range(20))
_PATCHES = 40
# pyenv, asdf and mise take these for what is installed, or for the newest.
_SILENT = re.compile(r"system|latest|(path|ref|sub-[\d.]+):.*")
# cpython-3.12.4-linux-x86_64-gnu is uv's, cpython-x86_64-linux@3.12.3 Rye's, 3.14-dev pyenv's.
_SPELLED = re.compile(
    r"(?:latest:|prefix:)?(?:c?python(?:-\w+-\w+(?=@))?[-@]?|cp)?3(?:\.?(\d{1,2}))?(?:\.(?:\d+|x|\*))?"
    r"(?:-dev|(?:a|b|rc)\d+)?(?:-\w+){0,3}"
)
_POETRY = re.compile(r"(\^|~=|~|[=!]=|=|[<>]=?|)\s*(\d+(?:\.\d+)*(?:\.\*)?|\*)")


class Evidence(NamedTuple):
    """What stands in a `place`, a file with its line, and which versions, like 3.13, that means.

    `exact` is a whole version, which packaging tools hold an interpreter to.
    """

    place: str
    said: str
    versions: frozenset[str]
    exact: str | None = None


class ProjectFiles(NamedTuple):
    """Where to look: the root, its `pyproject.toml`, and the files that dependencies come from."""

    root: Path
    pyproject: PyProject | None
    files: tuple[str, ...]


def best(versions: frozenset[str]) -> str:
    """Return the newest of some versions up to the usual one, or else the first after that."""
    usual = [version for version in versions if _minor(version) <= _minor(DEFAULT)]
    return max(usual, key=_minor) if usual else oldest(versions)


def oldest(versions: frozenset[str]) -> str:
    """Return the oldest of some versions."""
    return min(versions, key=_minor)


def _minor(version: str) -> int:
    return int(version.partition(".")[2])


def specified(said: str, place: str) -> Evidence:
    """Return what a version specifier means; raise `ConfigError` for what is none, or leaves nothing."""
    return _checked(said, place, _specified)


def of_poetry(said: str, place: str) -> Evidence:
    """Return what a constraint of Poetry's means (python-poetry.org/docs/dependency-specification)."""
    return _checked(said, place, _of_poetry)


def spelled(said: str, place: str) -> Evidence | None:
    """Return what a version manager's version means, or None for none in particular; raise `ConfigError`."""
    if re.match(r"[<>=~!]", said):
        return specified(said, place)
    if _SILENT.fullmatch(said):
        return None
    match = _SPELLED.fullmatch(said.lower())
    if match is None:
        problem = f"`{said}` ({place}) is not a version of CPython 3"
        raise ConfigError(problem, hint="pass --python 3.13, or whatever the image is to have", option="python")
    return Evidence(place, said, frozenset({f"3.{match[1]}"}) if match[1] else KNOWN)


def _checked(said: str, place: str, read: Callable[[str], frozenset[str]]) -> Evidence:
    try:
        versions = read(said)
    except InvalidSpecifier as error:
        problem = f"`{said}` ({place}) is not a version specifier"
        raise ConfigError(problem, hint="write it like `>=3.11`, or pass --python 3.13") from error
    if not versions:
        hint = "pass --python with the one to use"
        raise ConfigError(f"no Python 3 is {said} ({place})", hint=hint, option="python")
    exact = re.fullmatch(r"={0,3}\s*(3\.\d+\.\d+)", said.strip())
    return Evidence(place, said, versions, exact[1] if exact else None)


@functools.cache
def _specified(text: str) -> frozenset[str]:
    wanted = SpecifierSet(text)
    return frozenset(known for known in KNOWN if any(map(wanted.contains, _releases(known))))


@functools.cache
def _releases(version: str) -> tuple[Version, ...]:
    return tuple(Version(f"{version}.{patch}") for patch in range(_PATCHES))


@functools.cache
def _of_poetry(text: str) -> frozenset[str]:
    """Return the union of what stands between bars; a comma or a blank joins what must hold at once."""
    found: set[str] = set()
    for part in re.split(r"\s*\|\|?\s*", text.strip()):
        if not part or re.sub(_POETRY, "", part).strip(" ,"):
            raise InvalidSpecifier(text)
        found |= _specified(",".join(filter(None, (_translated(*one) for one in _POETRY.findall(part)))))
    return frozenset(found)


def _translated(operator: str, version: str) -> str:
    """Return one of Poetry's constraints as a specifier; a version alone means all its patches."""
    numbers = version.removesuffix(".*").split(".")
    if version == "*":
        return ""
    match operator:
        case "^":
            return f">={'.'.join(numbers)},<{int(numbers[0]) + 1}"
        case "~":
            return f">={'.'.join(numbers)},=={'.'.join(numbers[:2])}.*"
        case "" | "=" | "==":
            return f"=={version}" if len(numbers) > 2 or version.endswith(".*") else f"=={version}.*"  # noqa: PLR2004
    return f"{operator}{version if operator == '!=' else '.'.join(numbers)}"


def lines(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file with their numbers, without comments; none where it is not to be read."""
    try:
        text = reading.text(file, errors="replace")
    except OSError:
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if bare := re.sub(r"(^|\s)#.*", "", line).strip():
            yield number, bare


def located(file: Path, key: str, name: str | None = None) -> str:
    """Return `file:line` of the first line that begins with `key`, the file being called `name`."""
    number = next((number for number, line in lines(file) if re.match(key, line)), None)
    return f"{name or file.name}:{number}" if number else name or file.name
