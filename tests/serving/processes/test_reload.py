"""The app under `--reload`: when it is started anew, and what the watcher does when watching does not work."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import watchfiles

from asgictl.errors import AppLoadError, AsgictlError, StartError
from asgictl.failure import Failure
from asgictl.serving.events import Hooks
from asgictl.serving.processes import exits, pool, reload, sighup, stopping
from asgictl.serving.processes.changes import Changes
from asgictl.serving.processes.reload import Reload
from tests.serving.processes import doubles


class Listeners:
    """Who is told, in the place of the pool."""

    def __init__(self) -> None:
        self.reporter = self
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
    pool: Any = Listeners()

    assert next(reload._batches([tmp_path], Changes([tmp_path], [], []), pool)) == {"main.py"}
    assert pool.notes == [
        "cannot watch for changes (OS file watch limit reached), looking at all files again and again instead"
    ]


def test_waits_for_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A watched folder that is gone is waited for, and its return counts as a change."""
    folder = tmp_path / "src"

    def watch(*_folders: Path, **_options: Any) -> Iterator[set[tuple[int, str]]]:
        raise FileNotFoundError
        yield set()

    monkeypatch.setattr(watchfiles, "watch", watch)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            folder.mkdir()

    monkeypatch.setattr(reload, "time", SimpleNamespace(sleep=sleep))
    pool: Any = Listeners()

    assert next(reload._batches([folder], Changes([folder], [], []), pool)) == {str(folder)}
    assert (slept, pool.notes) == ([0.3, 0.3], [])


def test_compiled_code_is_forgotten(tmp_path: Path) -> None:
    """What Python has compiled of a changed file is removed, and other files are left alone."""
    import importlib.util

    source = tmp_path / "main.py"
    compiled = Path(importlib.util.cache_from_source(source))
    compiled.parent.mkdir(parents=True)
    compiled.touch()

    reload._forget_compiled([str(source), str(tmp_path / "other.py"), str(tmp_path / "page.html")])

    assert not compiled.exists()


class Said(list[str]):
    """What users hear."""

    def ready(self, kind: str | None, docs: str | None) -> None:
        """The app answers."""
        self.append(f"ready: {kind} {docs}")

    def changed(self, files: Sequence[str]) -> None:
        """The app is started anew."""
        self.append(f"changed: {list(files)}")

    def note(self, text: str) -> None:
        """Something has happened."""
        self.append(f"note: {text}")

    def problem(self, error: AppLoadError | AsgictlError) -> None:
        """The app is broken, or the server ends."""
        failure = getattr(error, "failure", None)
        self.append(f"problem: {error.message} / {error.hint} / {failure.stack if failure else ''}")


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    def monotonic_ns(self) -> int:
        """Return the time in nanoseconds."""
        return int(self.now * 1e9)


class Team(Reload):
    """An app that notes what it is told."""

    said: Said
    workers: doubles.Workers  # type: ignore[assignment]  # stands in for it

    def tell_stop(self, pid: int) -> None:
        """Have the process end."""
        self.said.append(f"stop {pid}")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time as the module sees it."""
    made = Clock()
    monkeypatch.setattr(reload, "time", made)
    return made


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Team:
    """An app that is started, as process 7."""
    assert clock.now
    said = Said()
    reporter: Any = said
    monkeypatch.setattr(sighup, "watch", lambda *_: False)
    monkeypatch.setattr(pool, "Workers", doubles.Workers)
    monkeypatch.setattr(stopping, "request", lambda: said.append("request"))
    monkeypatch.setattr(stopping, "later", lambda *_: None)
    terminal: Any = SimpleNamespace(restore=lambda: said.append("terminal"))
    hooks = Hooks(said.ready, lambda: None, lambda: None, reporter, reporter, terminal)
    made = Team(
        trigger=tmp_path / "changed.py",
        prepare=lambda broken: said.append(f"prepare: {broken}"),
        grace=8,
        hooks=hooks,
    )
    made.said = said
    made.workers.pids.append(7)
    return made


def test_a_restart(team: Team, tmp_path: Path) -> None:
    """A change is told, and the process is ended and started anew with the app; never while everything stops."""
    team.restart(["main.py", "page.html"])

    assert team.said == ["changed: ['main.py', 'page.html']", "prepare: None", "stop 7"]
    assert (tmp_path / "changed.py").read_text() == "100000000000"
    team.error = StartError("no")
    team.restart(["main.py"])
    assert len(team.said) == 3
    assert (team.size, team.excuses_failures) == (1, False)


def test_ready_again_and_again(team: Team) -> None:
    """Each time that the app is ready it is told, unless everything stops."""
    team._heed_ready("ASGI", "/docs")
    team._heed_ready(None, None)
    team.error = StartError("no")
    team._heed_ready("ASGI", None)

    assert (team.said, team.ready) == (["ready: ASGI /docs", "ready: None None"], True)


def test_a_failure_is_shown(team: Team) -> None:
    """Why the app cannot start is told with the user's own frames."""
    team._heed_failure(
        AppLoadError("no luck", hint="try again", failure=Failure("E", "no luck", "whole", "the user's"))
    )

    assert team.said == ["problem: no luck / try again / the user's"]


def test_an_end_after_a_while(team: Team, clock: Clock) -> None:
    """A process that has lived for more than five seconds is started anew when it dies."""
    team._heed_ready("ASGI", None)
    team._ready.add(7)
    clock.now += 5.001
    del team.said[:]

    team._heed_death(7, " with status 3")

    assert team.said == [
        "terminal",
        "note: the app's process ended with status 3, starting it anew",
        "changed: []",
        "prepare: None",
        "stop 7",
    ]


def test_an_end_soon(team: Team, clock: Clock) -> None:
    """One that dies sooner is not: a page says so, and when not even that can be shown everything ends."""
    team._heed_ready("ASGI", None)
    team._ready.add(7)
    clock.now += 5.0
    del team.said[:]

    team._heed_death(7, " with status 3")

    message = "the app's process ended with status 3"
    assert team.said == [
        "terminal",
        f"problem: {message} / None / ",
        "changed: []",
        f"prepare: {message}",
        "stop 7",
    ]
    del team.said[:]
    team._ready.clear()
    team._heed_death(8, ", killed by SIGKILL")
    assert "changed: []" not in team.said
    assert team.error is not None
    assert team.error.message == "the app's process ended, killed by SIGKILL"


def test_an_end_whose_reason_was_told(team: Team) -> None:
    """A process that has said why it ends is shown with that reason, which is not told twice."""
    team._heed_failure(AppLoadError("too late"))
    del team.said[:]

    team._heed_death(7, " with status 1")

    assert team.said == ["terminal", "changed: []", "prepare: too late", "stop 7"]


def test_an_end_that_was_wanted(team: Team) -> None:
    """A process that ends because it was told to is no reason to do anything but put the terminal right."""
    team._excused.add(7)
    team._heed_death(7, "")

    assert team.said == ["terminal"]


def test_changes_are_collected(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """A change starts the app at once; what follows soon waits for a pause; what comes together is one change."""
    batches: list[tuple[float, set[str]]] = [
        (0, {"b.py", "a.py"}),
        (0.5, {"c.py"}),
        (0.5, {"d.py", "c.py"}),
        (0.4, set()),
        (0.3, set()),
        (1.5, {"e.py"}),
    ]
    restarts: list[tuple[float, list[str]]] = []

    def changes(*arguments: object) -> Iterator[set[str]]:
        assert arguments == (folders, filtered, pool)
        for seconds, batch in batches:
            clock.now += seconds
            yield batch

    monkeypatch.setattr(reload, "_batches", changes)
    pool: Any = SimpleNamespace(restart=lambda files: restarts.append((round(clock.now - 100, 3), files)))

    folders, filtered = [Path("src")], Changes([], [], [])

    reload._watch(folders, filtered, pool)

    assert restarts == [(0, ["a.py", "b.py"]), (1.4, ["c.py", "d.py"]), (3.2, ["e.py"])]


def test_how_it_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own means are used, pauses are told, and a folder that is another one by now is watched anew."""
    asked: dict[str, Any] = {}
    changes = Changes([tmp_path], [], [])

    def watch(*folders: Path, **options: Any) -> Iterator[set[tuple[int, str]]]:
        asked.update(options, folders=folders)
        yield {(1, "a.py"), (2, "b.py")}
        yield set()
        yield {(1, "c.py")}

    monkeypatch.setattr(watchfiles, "watch", watch)

    assert list(reload._watched([tmp_path], changes, reload._identities([tmp_path]), polling=False)) == [
        {"a.py", "b.py"},
        set(),
        {"c.py"},
    ]
    assert asked == {
        "folders": (tmp_path,),
        "watch_filter": changes,
        "step": 30,
        "rust_timeout": 300,
        "yield_on_timeout": True,
        "raise_interrupt": False,
        "ignore_permission_denied": True,
        "force_polling": None,
    }
    assert list(reload._watched([tmp_path], changes, [(0, 0)], polling=True)) == [{"a.py", "b.py"}, set()]
    assert asked["force_polling"] is True


def test_an_error_while_polling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong while files are looked at again and again is no reason to do so once more."""

    def watch(*_folders: Path, **_options: Any) -> Iterator[set[tuple[int, str]]]:
        raise OSError("no luck")
        yield set()

    monkeypatch.setattr(watchfiles, "watch", watch)
    pool: Any = Listeners()

    with pytest.raises(OSError, match="no luck"):
        next(reload._batches([tmp_path], Changes([tmp_path], [], []), pool))
    assert len(pool.notes) == 1


def test_folders_are_known(tmp_path: Path) -> None:
    """A folder is known by what it is, and one that is not there by that."""
    found = tmp_path.stat()

    assert reload._identities([tmp_path, tmp_path / "no"]) == [(found.st_dev, found.st_ino), (0, 0)]


def test_the_trigger() -> None:
    """The file for uvicorn's reloader lies alone in a folder of its own, which goes however the process ends."""
    with pytest.MonkeyPatch.context() as patch:
        acts: list[Any] = []
        patch.setattr(exits, "_actions", acts)
        with reload.trigger() as file:
            assert [path.name for path in file.parent.iterdir()] == ["changed.py"]
            assert file.parent.name.startswith("asgictl-")
            assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
            (act,) = acts
            act()
            assert not file.parent.exists()
            act()
    assert not os.path.lexists(file.parent)
