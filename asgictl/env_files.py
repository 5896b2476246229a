"""The files of `--env-file`: the variables that they set, now and after a change."""

import contextlib
import os
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path

from asgictl import errors
from asgictl.errors import FileProblemError


def read(file: Path) -> dict[str, str]:
    """Return the variables of `file`; raise `FileProblemError` when it cannot be read, or is nothing of the kind."""
    import io

    import dotenv
    from dotenv.parser import parse_stream

    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise FileProblemError(f"there is no file `{file}`", hint="pass --env-file with a file") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = errors.reason(error)
        raise FileProblemError(f"cannot read `{file}`: {reason}") from error
    for part in parse_stream(io.StringIO(text)):
        if part.error or "\0" in part.original.string:
            problem = f"line {part.original.line} of `{file}` is not `NAME=value`"
            raise FileProblemError(problem, hint="put it right, or make it a comment with #")
    values = dotenv.dotenv_values(stream=io.StringIO(text))
    return {key: value for key, value in values.items() if value is not None}


@contextlib.contextmanager
def without(own: Mapping[str, str] | None) -> Iterator[None]:
    """Have this process's environment be the user's `own` in the block, if it is another."""
    if own is None:
        yield
        return
    now = dict(os.environ)
    try:
        _become(own)
        yield
    finally:
        _become(now)


def _become(wanted: Mapping[str, str]) -> None:
    for name in os.environ.keys() - wanted.keys():
        del os.environ[name]
    os.environ.update(wanted)


class EnvFiles:
    """The variables that some files have set in an environment, where they follow the files."""

    def __init__(self, files: Sequence[Path], environ: MutableMapping[str, str]) -> None:
        """Take the variables that are as in `files` for theirs; a later file counts more."""
        self._files = files
        self._environ = environ
        self._theirs = {name: value for name, value in self._values().items() if environ.get(name) == value}

    def read_again(self) -> list[str]:
        """Set the variables as the files say by now, but none that somebody else has set; return what has changed.

        Raises `FileProblemError`, and changes nothing then.
        """
        values = self._values() if self._files else {}
        mine = {name: it for name, it in values.items() if name in self._theirs or not self._environ.get(name)}
        changed = [name for name in {**self._theirs, **mine} if self._theirs.get(name) != mine.get(name)]
        for name in self._theirs.keys() - mine.keys():
            self._environ.pop(name, None)
        self._environ.update(mine)
        self._theirs = mine
        return changed

    def _values(self) -> dict[str, str]:
        values: dict[str, str] = {}
        for file in self._files:
            values |= read(file)
        return values
