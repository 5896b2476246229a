"""The Python version that a project wants."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from asgictl import reading
from asgictl.errors import ConfigError
from asgictl.pyproject import PyProject
from asgictl.scaffold.request import ScaffoldRequest

DEFAULT = "3.14"
_KNOWN = tuple(f"3.{minor}" for minor in range(9, 16))
_PATCHES = 40
_NUMBER = re.compile(r"(?:cpython[-@]|python-)?(3\.\d+)(?:\.\d+)?$")


def find(root: Path, pyproject: PyProject | None, request: ScaffoldRequest) -> tuple[str, str]:
    """Return the version, like 3.13, and where it comes from; raise `ConfigError` where none would do."""
    if request.python is not None:
        return request.python, "--python"
    for name in (".python-version", "runtime.txt"):
        for number, line in _lines(root / name):
            if match := _NUMBER.match(line):
                return match[1], f"{name}:{number}"
            problem = f"`{line}` in `{name}` is no version of CPython 3"
            raise ConfigError(problem, hint="pass --python 3.13", option="python")
    for text, where in _constraints(root, pyproject):
        return _newest(text, where), where
    return DEFAULT, "no file says it"


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    try:
        lines = reading.text(file, errors="replace").splitlines()
    except OSError:
        return
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip()


def _constraints(root: Path, pyproject: PyProject | None) -> Iterator[tuple[str, str]]:
    """Yield version specifiers and where they are."""
    if pyproject is not None:
        if isinstance(text := pyproject.table("project").get("requires-python"), str):
            yield text, _located(pyproject.file, "requires-python")
        if isinstance(text := pyproject.table("tool", "poetry", "dependencies").get("python"), str):
            yield _from_poetry(text), _located(pyproject.file, "python")
    if (root / "Pipfile").is_file():
        try:
            requires: Any = tomllib.loads(reading.text(root / "Pipfile")).get("requires", {})
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigError(f"cannot read `Pipfile`: {error}", hint="put the TOML syntax right") from error
        requires = requires if isinstance(requires, dict) else {}
        text = str(requires.get("python_full_version") or requires.get("python_version") or "")
        if text and text != "*":
            yield f"=={'.'.join(text.split('.')[:2])}.*", _located(root / "Pipfile", "python_")


def _from_poetry(text: str) -> str:
    """Return Poetry's caret and tilde constraints as specifiers (python-poetry.org/docs/dependency-specification)."""
    if re.fullmatch(r"\^3(\.\d+)*", text):
        return f">={text[1:]},<4"
    if re.fullmatch(r"3\.\d+(\.\*)?", text):
        return f"=={text.removesuffix('.*')}.*"
    if text == "*" or "||" in text:
        return ">=3"
    return re.sub(r"^~(?!=)", "~=", f"{text}.0" if re.fullmatch(r"~3\.\d+", text) else text)


def _newest(text: str, where: str) -> str:
    """Return the newest version in `text`, or the usual one where that does."""
    try:
        wanted = SpecifierSet(text)
    except InvalidSpecifier as error:
        problem = f"`{text}` ({where}) is not a version specifier"
        raise ConfigError(problem, hint="write it like `>=3.11`, or pass --python 3.13") from error
    fit = [version for version in _KNOWN if any(wanted.contains(f"{version}.{patch}") for patch in range(_PATCHES))]
    if not fit:
        problem = f"no Python 3 is {text} ({where})"
        raise ConfigError(problem, hint="pass --python with the one to use", option="python")
    return DEFAULT if DEFAULT in fit else fit[-1]


def _located(file: Path, key: str) -> str:
    """Return `file:line` of the first line that begins with `key`."""
    for number, line in _lines(file):
        if line.startswith(key):
            return f"{file.name}:{number}"
    return file.name
