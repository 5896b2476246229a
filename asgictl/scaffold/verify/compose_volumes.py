"""What `compose.yaml` mounts into the service, as far as a trial can have it, too."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from asgictl import reading

# What cannot say anything else to an engine's `--mount`.
_TARGET = re.compile(r"(/[A-Za-z0-9_.-]+)+")


class Mount(NamedTuple):
    """A folder in the container: a `volume` of compose's, or else, called `source`, what a trial cannot have."""

    source: str
    target: str
    volume: bool


def read(root: Path) -> tuple[Mount, ...]:
    """Return the mounts of the service `web`, none where there is no such file."""
    try:
        data: Any = yaml.safe_load(reading.text(root / "compose.yaml"))
        return tuple(_mounts(data["services"]["web"].get("volumes") or ()))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return ()


def _mounts(listed: Any) -> Iterator[Mount]:
    for one in listed:
        if isinstance(one, dict) and one.get("target"):
            source, target = str(one.get("source") or ""), str(one["target"])
            yield Mount(source or target, target, volume=one.get("type") == "volume" and _is_plain(target))
        elif isinstance(one, str):
            source, _, rest = one.partition(":")
            named = not source.startswith((".", "/", "~", "$"))
            target = rest.partition(":")[0] if rest else source
            yield Mount(source, target, volume=(named or not rest) and _is_plain(target))


def _is_plain(target: str) -> bool:
    return _TARGET.fullmatch(target) is not None and not {".", ".."} & set(target.split("/"))
