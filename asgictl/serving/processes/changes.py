"""Which changes of files start the app anew."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec

from asgictl.errors import ConfigError

_INCLUDED = ("*.py",)

# Folders of tools, wherever they are and whenever they appear. PEP 405 has this file in each virtual environment.
_FOLDERS = frozenset(("__pycache__", "__pypackages__", "node_modules", "site-packages", "dist-packages", "venv"))
_ENVIRONMENT = "pyvenv.cfg"

# What apps, databases and editors write while they run.
_FILES = (".*", "*~", "~*", "*.py[cod]", "*.sw?", "*.tmp", "*.log", "*.pid", "*.db", "*.db-*", "*.sqlite*", "*.lock")


class Changes:
    """The files below some folders that count: a filter for watchfiles.

    Patterns are those of gitignore (https://git-scm.com/docs/gitignore), relative to the watched folder that a file
    is in, or the absolute path of a file or folder.
    """

    def __init__(
        self, folders: Sequence[Path], include: Sequence[str], exclude: Sequence[str], *, own: Path | None = None
    ) -> None:
        """Count Python files and what `include` matches, unless a default or `exclude` leaves it out.

        A folder that is left out by default counts when it is itself one of `folders`, a file when `include` names it.
        What is in asgictl's `own` folder never does.
        """
        self._own = f"{own.resolve()}{os.sep}" if own else None
        self._folders = sorted((str(folder) for folder in folders), key=len, reverse=True)
        self._specs = {
            folder: (
                _spec((*_INCLUDED, *include), folder),
                _spec((one for one in include if not set("*?[") & set(one)), folder),
                _spec(exclude, folder),
            )
            for folder in self._folders
        }
        self._unwanted = GitIgnoreSpec.from_lines(_FILES)
        self._python = os.path.realpath(sys.prefix)

    def __call__(self, _change: object, path: str) -> bool:
        """Tell whether a change of `path` counts."""
        if self._own is not None and path.startswith(self._own):
            return False
        folder = next((folder for folder in self._folders if path.startswith(folder.rstrip(os.sep) + os.sep)), None)
        if folder is None:
            return False
        relative = os.path.relpath(path, folder)
        included, named, excluded = self._specs[folder]
        if not included.match_file(relative) or excluded.match_file(relative):
            return False
        if self._is_of_a_tool(folder, relative):
            return False
        return named.match_file(relative) or not self._unwanted.match_file(os.path.basename(relative))  # noqa: PTH119  # one of many

    def _is_of_a_tool(self, folder: str, relative: str) -> bool:
        place = folder
        for name in Path(relative).parts[:-1]:
            place = os.path.join(place, name)  # noqa: PTH118  # one of many
            if name.startswith(".") or name in _FOLDERS or place == self._python:
                return True
            if os.path.exists(os.path.join(place, _ENVIRONMENT)):  # noqa: PTH110, PTH118  # one of many
                return True
        return False


def folders(named: Sequence[str], folder: Path, path: Iterable[str]) -> list[Path]:
    """Return the folders to watch: the `named` ones, or `folder` and what of the app's import `path` is outside of it.

    Raises `ConfigError` for a name that is no folder.
    """
    for name in named:
        if not (folder / name).is_dir():
            raise ConfigError(
                f"there is no folder `{name}` to watch", hint="pass --reload-dir with a folder", option="reload-dir"
            )
    wanted = [folder / name for name in named] or [folder, *map(Path, path)]
    found = list(dict.fromkeys(place.resolve() for place in wanted))
    return [place for place in found if not any(place != other and place.is_relative_to(other) for other in found)]


def _spec(patterns: Iterable[str], folder: str) -> GitIgnoreSpec:
    return GitIgnoreSpec.from_lines(_relative(pattern, folder) for pattern in patterns)


def _relative(pattern: str, folder: str) -> str:
    """Return a pattern as gitignore has it, relative to `folder`."""
    if os.path.isabs(pattern):  # noqa: PTH117  # a pattern may end with a separator, which counts
        base = folder.rstrip(os.sep) + os.sep
        real = os.path.realpath(pattern)
        return f"/{real.removeprefix(base)}" if real.startswith(base) else pattern
    return f"/{pattern.removeprefix('./')}" if pattern.startswith("./") else pattern
