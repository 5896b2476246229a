"""What a project is called: as it says itself, as it was in another clone, or as its folder."""

import contextlib
import re
from pathlib import Path

from asgictl import pyproject, reading, signature
from asgictl.scaffold.accepted import as_name, is_name
from asgictl.scaffold.request import ScaffoldRequest

_OLDER = (
    ("setup.cfg", re.compile(r"(?ms)^\[metadata\]\n(?:(?!^\[).)*?^name\s*=\s*([\w.-]+)")),
    ("setup.py", re.compile(r"(?m)^\s*name\s*=\s*[\"']([\w.-]+)[\"']")),
)


def find(request: ScaffoldRequest, config: pyproject.PyProject | None, root: Path) -> tuple[str, str]:
    """Return the name, which files and images are called by, and where it is from."""
    if request.name is not None:
        return request.name, "--name"
    if config is not None:
        for keys in (("project", "name"), ("tool", "poetry", "name")):
            declared = config.table(*keys[:-1]).get(keys[-1])
            if isinstance(declared, str) and (name := as_name(declared)):
                return name, f"{'.'.join(keys)} in {config.file.name}"
    for file, pattern in _OLDER:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            match = pattern.search(reading.text(root / file))
            if match and (name := as_name(match[1])):
                return name, f"name in {file}"
    if name := _written_name(root):
        return name, "compose.yaml"
    name = as_name(root.name)
    return (name, "the name of that folder") if name else ("app", f"nothing of `{root.name}` can be one")


def _written_name(root: Path) -> str | None:
    """Return the name in a compose file that was written here: a clone may lie in a folder of another name."""
    try:
        text = reading.text(root / "compose.yaml")
    except (OSError, UnicodeDecodeError):
        return None
    match = re.search(r"(?m)^name: ([a-z0-9-]+)$", text)
    return match[1] if match and signature.is_ours(text) and is_name(match[1]) else None
