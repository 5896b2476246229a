"""What an image will have installed: the names in a lock, without those for development, and their versions."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from asgictl import reading
from asgictl.errors import ConfigError, FileProblemError
from asgictl.pyproject import PyProject
from asgictl.scaffold.detect.imported import direct
from asgictl.scaffold.project import DependencyKind
from asgictl.scaffold.request import ScaffoldRequest

Entry = dict[str, Any]


class Wanted(NamedTuple):
    """What of a lock is installed: for the project in the folder `home`, with extras and groups."""

    home: str = "."
    extras: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    @classmethod
    def of(cls, request: ScaffoldRequest, home: str = ".") -> "Wanted":
        """Return what a request asks for."""
        return cls(home, frozenset(map(canonicalize_name, request.extra)), frozenset(request.group))


def read(
    root: Path, kind: DependencyKind, name: str, pyproject: PyProject | None, wanted: Wanted
) -> dict[str, str | None]:
    """Return the normalised names, with the version where one is fixed; raise `FileProblemError` for a broken lock."""
    if kind == "pyproject":
        assert pyproject is not None  # noqa: S101  # it is the source
        return {canonicalize_name(it.name): None for it in _declared(pyproject, wanted)}
    try:
        text = reading.text(root / name)
        data: Entry = json.loads(text) if kind == "pipenv" else tomllib.loads(text)
        entries = _installed(kind, data, wanted)
        return {canonicalize_name(entry["name"]): _version(entry.get("version")) for entry in entries}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        problem = f"cannot read `{name}`: {error}"
        raise FileProblemError(problem, hint="regenerate it with the tool that made it") from error


def ranges(pyproject: PyProject, wanted: Wanted) -> dict[str, str]:
    """Return what narrows the versions of what a project declares."""
    return {canonicalize_name(it.name): str(it.specifier) for it in _declared(pyproject, wanted) if it.specifier}


def extras(pyproject: PyProject, wanted: Wanted) -> frozenset[str]:
    """Return the extras of what a project declares, each like `psycopg-c` for `psycopg[c]`."""
    return frozenset(one for it in _declared(pyproject, wanted) for one in direct.extras(it))


def _installed(kind: DependencyKind, data: Entry, wanted: Wanted) -> list[Entry]:
    match kind:
        case "pipenv":
            listed = {key: entry for group in ("default", *wanted.groups) for key, entry in data.get(group, {}).items()}
            return [{"name": name, **entry} for name, entry in listed.items()]
        case "pylock":
            return [
                it
                for it in data.get("packages", [])
                if not re.search(r"dependency_groups|extras", it.get("marker", ""))
            ]
        case "uv":
            return _reached(data.get("package", []), wanted)
        case _:
            usual = "main" if kind == "poetry" else "default"
            groups = {usual, *wanted.groups, *(wanted.extras if kind == "pdm" else ())}
            entries = [it for it in data.get("package", []) if groups & set(it.get("groups", (usual,)))]
            return [it for it in entries if _is_asked_for(it, wanted)]


def _reached(entries: list[Entry], wanted: Wanted) -> list[Entry]:
    """Return the packages of uv.lock that the project leads to, by its dependencies and their extras."""
    local = [entry for entry in entries if any(_source(entry))]
    roots = [entry for entry in local if wanted.home in _source(entry)] or local
    by_name: dict[str, list[Entry]] = {}
    for entry in entries:
        by_name.setdefault(entry["name"], []).append(entry)
    left = [link for root in roots for link in _links(root, wanted)]
    seen: set[tuple[str, str | None]] = set()
    found: dict[str, Entry] = {}
    while left:
        link = left.pop()
        for extra in (None, *link.get("extra", ())):
            if (link["name"], extra) in seen:
                continue
            seen.add((link["name"], extra))
            for entry in by_name.get(link["name"], ()):
                found[entry["name"]] = entry
                more = (
                    entry.get("dependencies", ())
                    if extra is None
                    else entry.get("optional-dependencies", {}).get(extra, ())
                )
                left += more
    return list(found.values())


def _links(root: Entry, wanted: Wanted) -> list[Entry]:
    """Return what the project itself depends on, in uv's lock."""
    extras, groups = root.get("optional-dependencies", {}), root.get("dev-dependencies", {})
    more = [links for name, links in extras.items() if canonicalize_name(name) in wanted.extras]
    more += [links for name, links in groups.items() if name in wanted.groups]
    return [link for links in (root.get("dependencies", ()), *more) for link in links]


def _is_asked_for(entry: Entry, wanted: Wanted) -> bool:
    """Tell whether an entry of Poetry's or PDM's is installed: one for an extra is with that extra alone."""
    extras = re.findall(r"extra == [\"']([^\"']+)", str(entry.get("markers", "")))
    if not extras and not entry.get("optional"):
        return True
    return bool(wanted.extras & set(map(canonicalize_name, extras)))


def _source(entry: Entry) -> list[str]:
    source = entry.get("source", {})
    return [source.get(key, "") for key in ("virtual", "editable", "directory")]


def _version(text: object) -> str | None:
    """Return a version in its normal form; raise `ValueError` for a text that is none."""
    return str(Version(text.removeprefix("=="))) if isinstance(text, str) else None


def _declared(pyproject: PyProject, wanted: Wanted) -> Iterator[Requirement]:
    listed = pyproject.table("project").get("dependencies", ())
    lines = list(listed) if isinstance(listed, list) else []
    for name, more in pyproject.table("project", "optional-dependencies").items():
        lines += more if canonicalize_name(name) in wanted.extras else ()
    for name, more in pyproject.table("dependency-groups").items():
        lines += [line for line in more if isinstance(line, str)] if name in wanted.groups else ()
    for line in lines:
        try:
            yield Requirement(str(line))
        except InvalidRequirement as error:
            problem = f"`{line}` in `{pyproject.file}` is not a requirement"
            raise ConfigError(problem, hint="write it like `fastapi>=0.118`") from error
