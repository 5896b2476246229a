"""The project around a folder: where its `pyproject.toml` is, and what it says."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from asgictl import errors, reading
from asgictl.errors import ConfigError, StartError

FILE = "pyproject.toml"


class PyProject(NamedTuple):
    """A folder and the content of its `pyproject.toml`."""

    root: Path
    data: dict[str, Any]

    @property
    def file(self) -> Path:
        """The file that was read."""
        return self.root / FILE

    @property
    def package(self) -> str | None:
        """The import name that the project's name suggests."""
        name = self.table("project").get("name")
        return name.replace("-", "_").replace(".", "_").lower() if isinstance(name, str) else None

    def table(self, *keys: str) -> dict[str, Any]:
        """Return the table at `keys`, empty where the file has none; raise `ConfigError` for anything else."""
        table = self.data
        for depth, key in enumerate(keys, start=1):
            table = table.get(key, {})
            if not isinstance(table, dict):
                problem = f"`{'.'.join(keys[:depth])}` in `{self.file}` is not a table"
                raise ConfigError(problem, hint=f"write it as `[{'.'.join(keys[:depth])}]`")
        return table

    def text(self, *keys: str) -> str | None:
        """Return the string at `keys`, or None; raise `ConfigError` when it is something else."""
        value = self.table(*keys[:-1]).get(keys[-1])
        if value is None or isinstance(value, str):
            return value
        problem = f"`{'.'.join(keys)}` in `{self.file}` is not a string"
        raise ConfigError(problem, hint=f'write it as `{keys[-1]} = "..."` under `[{".".join(keys[:-1])}]`')


def find(folder: Path, note: Callable[[str], object] | None = None) -> PyProject | None:
    """Return the nearest project at or above `folder`; raise `ConfigError` when its file is broken.

    A file that belongs to somebody else is passed over, which `note` hears of, and none above the repository's root
    or the home folder is looked for.
    """
    for root in reading.upwards(folder):
        file = root / FILE
        if not os.path.lexists(file):
            continue
        if owner := reading.stranger(file):
            if note is not None:
                note(f"`{file}` is passed over: it belongs to {owner}, neither to you nor to root")
            continue
        return PyProject(root=root, data=_parse(_text(file), file))
    return None


def _text(file: Path) -> str:
    try:
        return reading.content(file).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = errors.reason(error)
        raise ConfigError(f"cannot read `{file}`: {reason}", hint="check that it is a TOML file") from error


def current_folder() -> Path:
    """Return the current folder; raise `StartError` when it was deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise StartError("the current folder does not exist any more", hint="change into the app's folder") from error


def _parse(text: str, file: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of numbers with more digits than Python converts, too
        reason = "it nests too deeply" if isinstance(error, RecursionError) else str(error).partition(";")[0]
        problem = f"cannot read `{file}`: {reason}"
        raise ConfigError(problem, hint="put the TOML syntax right") from error
