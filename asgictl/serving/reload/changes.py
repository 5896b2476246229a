"""Which changes of files restart the app."""

import functools
import os
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec

from asgictl.errors import ConfigError

_INCLUDED = ("*.py",)

_MANY = 100_000

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
        # Of the name alone, whatever it is in; asked of each file again and again.
        self.counts = functools.lru_cache(_MANY)(self._counts)

    def __call__(self, _change: object, path: str) -> bool:
        """Tell whether a change of `path` counts."""
        folder = self._folder(path)
        if folder is None or not self.counts(path):
            return False
        place = folder
        for name in Path(os.path.relpath(path, folder)).parts[:-1]:
            place = os.path.join(place, name)  # noqa: PTH118  # one of many
            if self._is_of_a_tool(place):
                return False
        return True

    def enters(self, place: str) -> bool:
        """Tell whether anything in a folder can count, one in a folder that is entered itself."""
        folder = self._folder(place)
        if folder is None or self._is_of_a_tool(place):
            return False
        return not self._specs[folder][2].match_file(f"{os.path.relpath(place, folder)}/")

    def pattern(self, path: str) -> str:
        """Return what leaves out the file at `path`, and little else."""
        return os.path.relpath(path, self._folder(path))

    def _counts(self, path: str) -> bool:
        folder = self._folder(path)
        if folder is None or (self._own is not None and path.startswith(self._own)):
            return False
        relative = os.path.relpath(path, folder)
        included, named, excluded = self._specs[folder]
        if not included.match_file(relative) or excluded.match_file(relative):
            return False
        return named.match_file(relative) or not self._unwanted.match_file(os.path.basename(relative))  # noqa: PTH119  # one of many

    def _folder(self, path: str) -> str | None:
        """Return the innermost of the watched folders that `path` is in."""
        return next((folder for folder in self._folders if path.startswith(folder.rstrip(os.sep) + os.sep)), None)

    def _is_of_a_tool(self, place: str) -> bool:
        name = os.path.basename(place)  # noqa: PTH119  # one of many
        if name.startswith(".") or name in _FOLDERS or place == self._python:
            return True
        return os.path.exists(os.path.join(place, _ENVIRONMENT))  # noqa: PTH110, PTH118  # one of many


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


def is_installed(folder: Path) -> bool:
    """Tell whether what is imported from `folder` is of Python itself, or was installed."""
    standard = Path(sysconfig.get_path("stdlib"))
    return folder.name in {"site-packages", "dist-packages"} or folder.is_relative_to(standard)


def _spec(patterns: Iterable[str], folder: str) -> GitIgnoreSpec:
    return GitIgnoreSpec.from_lines(_relative(pattern, folder) for pattern in patterns)


def _relative(pattern: str, folder: str) -> str:
    """Return a pattern as gitignore has it, relative to `folder`."""
    if os.path.isabs(pattern):  # noqa: PTH117  # a pattern may end with a separator, which counts
        base = folder.rstrip(os.sep) + os.sep
        real = os.path.realpath(pattern)
        return f"/{real.removeprefix(base)}" if real.startswith(base) else pattern
    return f"/{pattern.removeprefix('./')}" if pattern.startswith("./") else pattern
