"""Extras and groups of dependencies: which there are, and what is in them."""

from collections.abc import Iterator, Mapping
from typing import Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from asgictl.errors import ConfigError
from asgictl.pyproject import PyProject
from asgictl.scaffold import accepted
from asgictl.scaffold.project import DependencyKind
from asgictl.scaffold.request import ScaffoldRequest

Option = Literal["extra", "group"]
_TAKEN: Mapping[Option, set[DependencyKind]] = {
    "extra": {"uv", "poetry", "pdm", "pyproject"},
    "group": {"uv", "poetry", "pdm", "pipenv", "pyproject"},
}


def check(request: ScaffoldRequest, kind: DependencyKind, pyproject: PyProject | None) -> None:
    """Raise `ConfigError` for an extra or a group that is not there, or that the kind of dependencies has not."""
    accepted.check_choices(request)
    asked: tuple[tuple[Option, tuple[str, ...]], ...] = (("extra", request.extra), ("group", request.group))
    for option, names in asked:
        if names and kind not in _TAKEN[option]:
            problem = f"`--{option}` does not go with dependencies from {kind}"
            raise ConfigError(problem, hint=f"drop --{option}, or choose with --deps", option=option)
        there = sorted(name for it, name, _ in declared(pyproject) if it == option) if pyproject else []
        for name in names:
            if kind != "pipenv" and canonicalize_name(name) not in map(canonicalize_name, there):
                hint = f"there are: {', '.join(there)}" if there else f"drop --{option}: the project has none"
                raise ConfigError(f"there is no {option} `{name}`", hint=hint, option=option)


def declared(pyproject: PyProject) -> Iterator[tuple[Option, str, set[str]]]:
    """Yield each extra and each group of a project, with the normalised names of what is in it."""
    for name, lines in pyproject.table("project", "optional-dependencies").items():
        yield "extra", name, _names(lines)
    for name, lines in pyproject.table("dependency-groups").items():
        yield "group", name, _names(lines)
    poetry = pyproject.table("tool", "poetry")
    for name, listed in poetry.get("extras", {}).items():
        yield "extra", name, _names(listed)
    for name, group in poetry.get("group", {}).items():
        yield "group", name, _names(list(group.get("dependencies", {})))
    for name, lines in pyproject.table("tool", "pdm", "dev-dependencies").items():
        yield "group", name, _names(lines)


def holding(pyproject: PyProject | None, name: str) -> str | None:
    """Return the option that would install `name`, by an extra or a group that has it."""
    found = declared(pyproject) if pyproject else ()
    return next((f"--{option} {it}" for option, it, names in found if canonicalize_name(name) in names), None)


def _names(lines: object) -> set[str]:
    found: set[str] = set()
    for line in lines if isinstance(lines, list) else ():
        try:
            found.add(canonicalize_name(Requirement(str(line)).name))
        except InvalidRequirement:
            continue
    return found
