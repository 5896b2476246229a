"""Reading files for several programs, and what a container in any of them is asked for: its stop, its rights."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from asgictl import reading
from asgictl.errors import FileProblemError
from asgictl.scaffold.lint import command_line
from asgictl.scaffold.lint.problem import Problem

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "min": 60, "sec": 1, "": 1}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|min|sec|s|m|h|)")


class Loader(yaml.SafeLoader):
    """YAML with the tags of compose, whose values are taken as they are."""


def reason(error: Exception) -> str:
    """Return what is wrong with a file, in one line."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"{getattr(error, 'problem', '')} in line {mark.line + 1}"
    return " ".join(str(error).split())


def _any_tag(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)  # type: ignore[arg-type]


Loader.add_multi_constructor("!", _any_tag)


def documents(file: Path) -> list[dict[str, Any]]:
    """Return the documents of a YAML file; raise `FileProblemError` for one that is none."""
    try:
        loaded = list(yaml.load_all(reading.text(file), Loader=Loader))  # it is safe
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise FileProblemError(f"cannot read `{file}`: {reason(error)}", hint="put it right, or remove it") from error
    return [document for document in loaded if isinstance(document, dict)]


def budget(place: str, name: str, left: float, wanted: float | None) -> Iterator[Problem]:
    """Yield a problem where `left` seconds are fewer than the server, with its last words, wants."""
    if wanted is not None and left < (most := wanted + command_line.LAST_WORDS):
        text = f"{name} is {left:g} s, and the server takes up to {most:g} s: it would be killed"
        yield Problem("stop-budget", place, text)


def exposed(service: dict[str, Any], place: str) -> Iterator[Problem]:
    """Yield what gives a container rights over its host."""
    if service.get("privileged") is True:
        yield Problem("privileged", place, "a privileged container is root on the host")
    for volume in listed(service.get("volumes")):
        if "docker.sock" in str(volume):
            yield Problem("privileged", place, "whoever has docker.sock is root on the host")


def size(text: object) -> int | None:
    """Return a size like 512Mi in bytes, None for what is none."""
    match = re.fullmatch(r"(\d+)(Mi|Gi|M|G)", str(text))
    sizes = {"Mi": 2**20, "Gi": 2**30, "M": 10**6, "G": 10**9}
    return int(match[1]) * sizes[match[2]] if match else None


def seconds(text: object) -> float:
    """Return a duration like 1m30s, or a number of seconds; infinity for what is none."""
    bare = str(text).strip()
    if not re.fullmatch(rf"(\s*{_DURATION.pattern})+", bare):
        return float("inf")
    found = _DURATION.findall(bare)
    return sum(float(number) * _UNITS[unit] for number, unit in found)


def listed(value: Any) -> list[Any]:
    """Return a list, an empty one for anything else."""
    return value if isinstance(value, list) else []


def at(value: Any, *keys: str) -> dict[str, Any]:
    """Return the mapping below some keys, an empty one where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
