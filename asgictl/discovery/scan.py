"""Every module of a project that may hold an app, found by what its text imports, as many as can be looked at."""

import functools
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from asgictl import errors, frameworks, reading
from asgictl.discovery import places

# How much is looked at: entries of folders, modules, bytes, seconds, and modules in the folder itself that import no
# framework.
_ENTRIES, _READ, _BYTES, _SECONDS, _HERE_READ = 40_000, 8_000, 64_000_000, 2.0, 50

# A module that people write is not larger, in bytes; to understand it would take seconds.
_LARGEST = 300_000

_IMPORT = b"import "
_LINE = 200  # of a statement that imports packages
_SCOPE = (b"scope", b"receive", b"send")
_ENVIRON = b"start_response"


@functools.cache
def _telling() -> dict[bytes, tuple[bytes, ...]]:
    """Return, by the package that a module imports, the words of which one has to be in it for a closer look."""
    found: dict[str, set[str]] = {name.partition(".")[0]: {""} for name in frameworks.SCRIPTS}
    for framework in (*frameworks.FRAMEWORKS, *frameworks.WRAPPERS):
        found.setdefault(framework.module.partition(".")[0], set()).update(framework.makers)
    for package, name in frameworks.FOREIGN:
        found.setdefault(package, set()).add(name)
    return {name.encode(): tuple(word.encode() for word in words) for name, words in found.items()}


class Scan:
    """A look through the modules of a folder.

    `read` counts them, `unread` says which could not be read, `notebooks` are what was met beside them, and `cut` says
    where it was given up.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self.folder = folder
        self.read = 0
        self.notebooks: list[Path] = []
        self.unread: list[str] = []
        self.cut: str | None = None
        self._tell = tell
        self._left: dict[Path, bytes] = {}

    def modules(self, known: Iterable[Path], words: Iterable[str]) -> Iterator[Path]:
        """Yield the modules that import a framework, or hold one of `words`, but for those that are `known`."""
        telling = [word.encode() for word in words]
        done = set(known)
        size = 0
        end = time.monotonic() + _SECONDS
        for file in self._files():
            if file in done:
                continue
            if self.read == _READ or size > _BYTES or time.monotonic() > end:
                self._give_up(f"only {self.read} modules were looked at")
                return
            try:
                content = reading.content(file)
            except OSError as error:
                self.unread.append(f"`{file.relative_to(self.folder)}` cannot be read: {errors.reason(error)}")
                self._tell(self.unread[-1])
                continue
            self.read, size = self.read + 1, size + len(content)
            here = file.parent == self.folder and self.read <= _HERE_READ
            if len(content) > _LARGEST:
                self._tell(f"`{file.relative_to(self.folder)}` is passed over: it is larger than {_LARGEST} bytes")
            elif here or _is_telling(content) or any(word in content for word in telling):
                yield file
            else:
                self._left[file] = content

    def again(self, words: Iterable[str]) -> Iterator[Path]:
        """Yield the modules that were left, and hold one of `words`, which those before have brought up."""
        telling = [word.encode() for word in words]
        for file, content in list(self._left.items()):
            if any(word in content for word in telling):
                del self._left[file]
                yield file

    def _files(self) -> Iterator[Path]:
        """Yield the modules of the project, those nearer to its folder first."""
        entries = 0
        level = [str(self.folder)]
        while level:
            below: list[str] = []
            for folder in level:
                found = self._entries(folder)
                entries += len(found)
                if entries > _ENTRIES:
                    self._give_up(f"only {entries - len(found)} files were looked at")
                    return
                for entry in found:
                    if entry.name.endswith(".py") and not entry.is_dir():
                        yield Path(entry.path)
                    elif entry.name.endswith(".ipynb"):
                        self.notebooks.append(Path(entry.path))
                    elif entry.is_dir(follow_symlinks=False) and not places.is_left_out(entry.name):
                        below.append(entry.path)
            level = below

    def _entries(self, folder: str) -> list["os.DirEntry[str]"]:
        """Return what is in a folder; nothing for a virtual environment (PEP 405), or one that cannot be read."""
        try:
            found = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self._tell(f"`{folder}` is passed over: {errors.reason(error)}")
            return []
        return [] if any(entry.name == "pyvenv.cfg" for entry in found) else found

    def _give_up(self, why: str) -> None:
        self.cut = why
        self._tell(why)


def _is_telling(content: bytes) -> bool:
    """Tell whether a module imports a framework, and names what makes its apps, or holds what servers call."""
    telling = _telling()
    packages = telling.keys() & set(_imported(content))
    if _ENVIRON in content or all(word in content for word in _SCOPE):
        return True
    return any(word in content for package in packages for word in telling[package])


def _imported(content: bytes) -> Iterator[bytes]:
    """Yield the packages that a module imports; regular expressions take three times as long."""
    at = content.find(_IMPORT)
    while at >= 0:
        before = content[content.rfind(b"\n", 0, at) + 1 : at].split(None, 2)
        if not before:
            names = content[at + len(_IMPORT) : at + _LINE].partition(b"\n")[0].partition(b";")[0]
            yield from (name.strip().partition(b" ")[0].partition(b".")[0] for name in names.split(b","))
        elif before[0] == b"from" and len(before) > 1:
            yield before[1].split(b".", 1)[0]
        at = content.find(_IMPORT, at + 1)
