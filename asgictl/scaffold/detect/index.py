"""Package indexes that a project names in its own files."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asgictl import reading

_URL = re.compile(r"(?P<scheme>https?://)(?P<credentials>[^/\s@\"']*@)?(?P<rest>[^\s\"']+)")
_PLACES = {
    "pyproject.toml": re.compile(r"^\s*(?:url|index-url|extra-index-url|default-index)\s*="),
    "uv.toml": re.compile(r"^\s*(?:url|index-url|extra-index-url)\s*="),
    "Pipfile": re.compile(r"^\s*url\s*="),
    "pip.conf": re.compile(r"^\s*(?:extra-)?index-url\s*="),
}
_OPTION = re.compile(r"^\s*(?:-i|--index-url|--extra-index-url)[\s=]")
_TABLE = re.compile(r"^\s*\[+\s*(?P<name>[^\]]+?)\s*\]+")
_INDEX_TABLES = ("tool.uv", "tool.poetry.source", "tool.pdm.source", "source", "index", "global", "pip", "install")


class Index(NamedTuple):
    """An index without its credentials, and where it is named."""

    url: str
    source: str
    credentials: bool


def find(root: Path, files: tuple[str, ...], home: str = "") -> Iterator[Index]:
    """Yield the indexes that the usual files name, and those among `files`, which are as from `home`'s context."""
    up = "../" * len(Path(home).parts)
    for name in dict.fromkeys((*_PLACES, *(f"{up}{file}" for file in files))):
        pattern = _PLACES.get(Path(name).name, _OPTION)
        table = "index"
        for number, line in enumerate(_lines(root / name), start=1):
            if match := _TABLE.match(line):
                table = match["name"]
            elif pattern.match(line) and table.startswith(_INDEX_TABLES) and (found := _URL.search(line)):
                yield Index(f"{found['scheme']}{found['rest']}", f"{name}:{number}", bool(found["credentials"]))


def _lines(file: Path) -> list[str]:
    if file.suffix == ".lock":
        return []
    try:
        return reading.text(file, errors="replace").splitlines()
    except OSError:
        return []
