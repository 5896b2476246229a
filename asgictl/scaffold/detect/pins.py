"""What an image will have installed: the names in a lock, without those for development, and their versions."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from asgictl import reading
from asgictl.errors import ConfigError, FileProblemError
from asgictl.pyproject import PyProject
from asgictl.scaffold.project import DependencyKind

Entry = dict[str, Any]


def read(
    root: Path, kind: DependencyKind, name: str, pyproject: PyProject | None, home: str = "."
) -> dict[str, str | None]:
    """Return the normalised names, with the version where one is fixed; raise `FileProblemError` for a broken lock.

    `home` is the folder of the project, which uv's lock of a workspace tells from the other members.
    """
    if kind == "pyproject":
        assert pyproject is not None  # noqa: S101  # it is the source
        return dict(_declared(pyproject))
    try:
        text = reading.text(root / name)
        data: Entry = json.loads(text) if kind == "pipenv" else tomllib.loads(text)
        entries = _installed(kind, data, home)
        return {canonicalize_name(entry["name"]): _version(entry.get("version")) for entry in entries}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        problem = f"cannot read `{name}`: {error}"
        raise FileProblemError(problem, hint="make it anew with the tool that it is of") from error


def _installed(kind: DependencyKind, data: Entry, home: str) -> list[Entry]:
    match kind:
        case "pipenv":
            return [{"name": name, **entry} for name, entry in data.get("default", {}).items()]
        case "pylock":
            return [
                it
                for it in data.get("packages", [])
                if not re.search(r"dependency_groups|extras", it.get("marker", ""))
            ]
        case "uv":
            return _reached(data.get("package", []), home)
        case _:
            group = "main" if kind == "poetry" else "default"
            entries = [it for it in data.get("package", []) if group in it.get("groups", (group,))]
            return [it for it in entries if not it.get("optional") and "extra ==" not in str(it.get("markers", ""))]


def _reached(entries: list[Entry], home: str) -> list[Entry]:
    """Return the packages of uv.lock that the project in `home` leads to, by its dependencies and their extras."""
    local = [entry for entry in entries if any(_source(entry))]
    roots = [entry for entry in local if home in _source(entry)] or local
    by_name: dict[str, list[Entry]] = {}
    for entry in entries:
        by_name.setdefault(entry["name"], []).append(entry)
    wanted = [link for root in roots for link in root.get("dependencies", ())]
    seen: set[tuple[str, str | None]] = set()
    found: dict[str, Entry] = {}
    while wanted:
        link = wanted.pop()
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
                wanted += more
    return list(found.values())


def _source(entry: Entry) -> list[str]:
    source = entry.get("source", {})
    return [source.get(key, "") for key in ("virtual", "editable", "directory")]


def _version(text: object) -> str | None:
    return text.removeprefix("==") if isinstance(text, str) else None


def _declared(pyproject: PyProject) -> Iterator[tuple[str, str | None]]:
    listed = pyproject.table("project").get("dependencies", ())
    for line in listed if isinstance(listed, list) else ():
        try:
            yield canonicalize_name(Requirement(str(line)).name), None
        except InvalidRequirement as error:
            problem = f"`{line}` in `{pyproject.file}` is not a requirement"
            raise ConfigError(problem, hint="write it like `fastapi>=0.118`") from error
