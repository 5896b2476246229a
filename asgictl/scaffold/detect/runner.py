"""What serves the app in the image: asgictl, or uvicorn alone where asgictl cannot be installed beside the rest."""

import functools
import json
import re
from importlib import metadata
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from asgictl import __version__
from asgictl.errors import ConfigError
from asgictl.scaffold.project import Dependencies, Runner
from asgictl.scaffold.request import ScaffoldRequest

_LEAST_PYTHON = 11


class Choice(NamedTuple):
    """The server, where asgictl is installed from if not from the index, and what to say of it."""

    name: Runner
    origin: str | None = None
    note: str | None = None


def choose(request: ScaffoldRequest, deps: Dependencies, python: str) -> Choice:
    """Return what serves; raise `ConfigError` where it is to be asgictl, which cannot run beside what is locked."""
    declared = "asgictl" in deps.pinned and deps.pinned["asgictl"] is None
    if request.runner == "uvicorn" or declared:
        return Choice("uvicorn" if request.runner == "uvicorn" else "asgictl")
    if conflicts := _conflicts(deps, python, "https" if request.https else ""):
        told = f"{', '.join(conflicts[:-1])} and {conflicts[-1]}" if conflicts[1:] else conflicts[0]
        if request.runner == "asgictl":
            raise ConfigError(f"asgictl {__version__} cannot be installed here: {told}", hint="pass --runner uvicorn")
        note = f"uvicorn alone serves in the image, as asgictl {__version__} does not go with the rest: {told}"
        return Choice("uvicorn", note=note)
    origin = _origin()
    if origin is None or "asgictl" in deps.pinned:
        return Choice("asgictl")
    if re.fullmatch(r"git\+https://[\w.~:/+-]+@[0-9a-f]+", origin):
        return Choice("asgictl", origin, f"asgictl is installed in the image from where it came from: {origin}")
    if request.runner == "asgictl":
        return Choice("asgictl")
    origin = re.sub(r"(?<=//)[^/@]*@", "", origin)
    note = f"uvicorn alone serves in the image, as asgictl came from {origin}, and the index may not have {__version__}"
    return Choice("uvicorn", note=f"{note}: pass --runner asgictl if it has")


def _conflicts(deps: Dependencies, python: str, extra: str) -> list[str]:
    """Return, in words, each requirement of asgictl that the project does not let it have."""
    found = {}
    if int(python.split(".")[1]) < _LEAST_PYTHON:
        found["python"] = f"Python is {python} (3.{_LEAST_PYTHON} is needed)"
    for needed in _needs(extra):
        name = canonicalize_name(needed.name)
        locked, allowed = deps.pinned.get(name), deps.ranges.get(name)
        asked = f"=={locked}" if locked else allowed
        if asked and not _overlap(asked, needed.specifier):
            found[name] = f"{name} is {locked or allowed} ({needed.specifier} is needed)"
    return list(found.values())


def _overlap(asked: str, needed: SpecifierSet) -> bool:
    """Tell whether some version is in both: one that either names, one just above it, or a very new one."""
    try:
        allowed = SpecifierSet(asked)
        named = [Version(it.version.removesuffix(".*")) for it in (*allowed, *needed)]
    except (InvalidSpecifier, InvalidVersion):
        return True
    candidates = [*named, *(Version(f"{it.base_version}.0.1") for it in named), Version("99999")]
    return any(allowed.contains(it, prereleases=True) and needed.contains(it, prereleases=True) for it in candidates)


@functools.cache
def _needs(extra: str) -> tuple[Requirement, ...]:
    """Return what asgictl needs, with one of its extras or none."""
    needed = map(Requirement, metadata.requires("asgictl") or ())
    return tuple(
        it for it in needed if not (it.marker and "extra" in str(it.marker)) or it.marker.evaluate({"extra": extra})
    )


def _origin() -> str | None:
    """Return where the running asgictl was installed from; None for an index (PEP 610)."""
    text = metadata.distribution("asgictl").read_text("direct_url.json")
    if text is None:
        return None
    said: dict[str, Any] = json.loads(text)
    url, vcs = str(said.get("url", "")), said.get("vcs_info") or {}
    return f"{vcs['vcs']}+{url}@{vcs['commit_id']}" if vcs.get("commit_id") else url
