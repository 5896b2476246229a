"""For which versions of Python a lock has wheels: others build from source, with compilers that an image lacks."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from packaging.utils import canonicalize_name

from asgictl import reading
from asgictl.scaffold.detect.python.evidence import Evidence, ProjectFiles

_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")
_WHEEL = re.compile(r"[^/\"]+-(?P<python>[a-z0-9.]+)-(?P<abi>\w+(?:\.\w+)*)-(?P<platform>[\w.]+)\.whl")
_VERSIONS = tuple(f"3.{minor}" for minor in range(6, 16))


def locked(project: ProjectFiles, pinned: Mapping[str, str | None]) -> Iterator[Evidence]:
    """Yield for each of the `pinned` packages that not every Python has a wheel of, which ones have."""
    for name in project.files:
        if PurePosixPath(name).name not in _LOCKS:
            continue
        entries = _entries(tomllib.loads(reading.text(project.root / name)))
        found: dict[tuple[str, str], set[str]] = {}
        for entry in entries:
            package, version = str(entry.get("name")), str(entry.get("version"))
            if canonicalize_name(package) in pinned and not _is_conditional(entry, entries):
                fits = [fit for wheel in _wheels(entry) if (fit := _fitting(wheel)) is not None]
                found.setdefault((package, version), set()).update(*fits or [set(_VERSIONS)])
        for (package, version), versions in sorted(found.items()):
            if len(versions) < len(_VERSIONS):
                yield Evidence(name, f"{package} {version}", frozenset(versions))


def _entries(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the packages; Poetry once had their files in a table of their own."""
    files = data.get("metadata", {}).get("files", {})
    entries = data.get("package") or data.get("packages") or []
    return [{**entry, "files": entry.get("files") or files.get(entry.get("name"), [])} for entry in entries]


def _wheels(entry: Mapping[str, Any]) -> Iterator[str]:
    for one in (*entry.get("wheels", ()), *entry["files"]):
        text = " ".join(str(one.get(key, "")) for key in ("file", "name", "url", "path"))
        if match := _WHEEL.search(text.replace("%2B", "+")):
            yield match[0]


def _fitting(wheel: str) -> set[str] | None:
    """Return the versions that a wheel is for; None for one of another system."""
    match = _WHEEL.fullmatch(wheel)
    assert match is not None  # noqa: S101  # it was found so
    if match["platform"] != "any" and not re.search(r"manylinux|^linux", match["platform"]):
        return None
    versions: set[str] = set()
    for tag in match["python"].split("."):
        if digits := re.fullmatch(r"(?:cp|py)3(\d*)", tag):
            later = "abi3" in match["abi"] or tag.startswith("py")
            versions |= {it for it in _VERSIONS if _matches(int(it[2:]), int(digits[1] or 0), later=later)}
    return versions


def _matches(minor: int, tagged: int, *, later: bool) -> bool:
    return minor >= tagged if later else minor == tagged


def _is_conditional(entry: Mapping[str, Any], entries: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether some version of Python does without a package."""
    if "python" in f"{entry.get('marker', '')}{entry.get('markers', '')}":
        return True
    links = [link for it in entries for link in _links(it) if link.get("name") == entry.get("name")]
    return bool(links) and all("python" in str(link.get("marker", "")) for link in links)


def _links(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a package of uv.lock needs; other locks have no markers there."""
    listed = entry.get("dependencies", ())
    return [link for link in listed if isinstance(link, dict)] if isinstance(listed, list) else []
