"""The watcher under `--reload`: what it does when watching does not work."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import watchfiles

from asgictl.serving import reload
from asgictl.serving.changes import Changes


class Crew:
    """Who is told, in the place of the crew."""

    def __init__(self) -> None:
        self.audience = self
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Keep what is said."""
        self.notes.append(text)


def test_polls_where_it_cannot_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system cannot watch so many files they are looked at again and again, with a line that says so."""

    def watch(*_folders: Path, force_polling: bool | None, **_options: Any) -> Iterator[set[tuple[int, str]]]:
        if not force_polling:
            raise OSError("OS file watch limit reached")
        yield {(1, "main.py")}

    monkeypatch.setattr(watchfiles, "watch", watch)
    crew: Any = Crew()

    assert next(reload._batches([tmp_path], Changes([tmp_path], [], []), crew)) == {"main.py"}
    assert crew.notes == [
        "cannot watch for changes (OS file watch limit reached), looking at all files again and again instead"
    ]


def test_waits_for_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A watched folder that is gone is waited for, and its return counts as a change."""
    folder = tmp_path / "src"

    def watch(*_folders: Path, **_options: Any) -> Iterator[set[tuple[int, str]]]:
        raise FileNotFoundError
        yield set()

    monkeypatch.setattr(watchfiles, "watch", watch)
    monkeypatch.setattr("asgictl.serving.reload.time.sleep", lambda _: folder.mkdir())
    crew: Any = Crew()

    assert next(reload._batches([folder], Changes([folder], [], []), crew)) == {str(folder)}


def test_compiled_code_is_forgotten(tmp_path: Path) -> None:
    """What Python has compiled of a changed file is removed, and other files are left alone."""
    import importlib.util

    source = tmp_path / "main.py"
    compiled = Path(importlib.util.cache_from_source(source))
    compiled.parent.mkdir(parents=True)
    compiled.touch()

    reload._forget_compiled([str(source), str(tmp_path / "other.py"), str(tmp_path / "page.html")])

    assert not compiled.exists()
