"""What `compose.yaml` mounts into the service, as far as a trial can have it, too."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from asgictl import reading


class Mount(NamedTuple):
    """A folder in the container: a `volume` of compose's, or else something of the user's, called `source`."""

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
            yield Mount(source, target, volume=one.get("type") == "volume")
        elif isinstance(one, str):
            source, _, rest = one.partition(":")
            volume = not source.startswith((".", "/", "~", "$"))
            yield Mount(source, rest.partition(":")[0], volume=volume) if rest else Mount("", source, volume=True)
