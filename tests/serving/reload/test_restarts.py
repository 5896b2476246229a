"""The app under `--reload`: when it restarts, and what becomes of it when that is not possible."""

import errno
import os
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asgictl.errors import AppLoadError, AsgictlError, StartError
from asgictl.failure import Failure
from asgictl.serving.events import Hooks
from asgictl.serving.processes import exits, pool, sighup, stopping
from asgictl.serving.reload import restarts, watching
from asgictl.serving.reload.changes import Changes
from asgictl.serving.reload.restarts import Reload
from asgictl.serving.reload.watching import Watcher
from tests.conftest import Write
from tests.serving.processes import doubles


def test_compiled_code_is_forgotten(tmp_path: Path) -> None:
    """What Python has compiled of a changed file is removed, and other files are left alone."""
    import importlib.util

    source = tmp_path / "main.py"
    compiled = Path(importlib.util.cache_from_source(source))
    compiled.parent.mkdir(parents=True)
    compiled.touch()

    restarts._forget_compiled([str(source), str(tmp_path / "other.py"), str(tmp_path / "page.html")])

    assert not compiled.exists()


class Said(list[str]):
    """What users hear."""

    def ready(self, kind: str | None, docs: str | None) -> None:
        """The app answers."""
        self.append(f"ready: {kind} {docs}")

    def changed(self, files: Sequence[str]) -> None:
        """The app is restarted."""
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

    def time(self) -> float:
        """Return the time of day."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


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
    monkeypatch.setattr(restarts, "time", made)
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
    (tmp_path / "changed.py").touch()
    os.utime(tmp_path / "changed.py", (99.5, 99.5))
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
    """A change is told, and the process is ended and restarted with the app; never while everything stops."""
    team.restart(["main.py", "page.html"])

    assert team.said == ["changed: ['main.py', 'page.html']", "prepare: None", "stop 7"]
    assert (tmp_path / "changed.py").stat().st_mtime == 100.5  # another second, which is what a poller sees
    team.restart(["main.py"])
    assert (tmp_path / "changed.py").stat().st_mtime == 101.5
    del team.said[:]
    team.error = StartError("no")
    team.restart(["main.py"])
    assert team.said == []
    assert (team.size, team.excuses_failures) == (1, False)


def test_edits_that_do_not_count_for_now(team: Team) -> None:
    """That changes are not seen is said in the terminal, and to each process until a restart, for its page says it."""
    told = (7, {"event": "unwatched", "text": "no luck"})
    team.tell_unwatched("no luck")

    assert team.said == ["note: no luck"]
    assert team.workers.told == [told]
    team._heed_ready(None, None)
    assert team.workers.told == [told, told]
    team.restart()
    team._heed_ready(None, None)
    assert team.workers.told[2:] == []


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
    """A process that has lived for more than five seconds is restarted when it dies."""
    team._heed_ready("ASGI", None)
    team._ready.add(7)
    clock.now += 5.001
    del team.said[:]

    team._heed_death(7, " with status 3")

    assert team.said == [
        "terminal",
        "note: the app's process ended with status 3, restarting it",
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
    team._heed_death(8, " (killed by SIGKILL)")
    assert "changed: []" not in team.said
    assert team.error is not None
    assert team.error.message == "the app's process ended (killed by SIGKILL)"


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


def test_a_trigger_that_is_gone(team: Team, tmp_path: Path) -> None:
    """Where somebody has removed the folder of what restarts the app, the server ends and says so."""
    (tmp_path / "changed.py").unlink()
    team.restart(["main.py"])
    assert (team.error, (tmp_path / "changed.py").exists()) == (None, True)
    team._trigger = tmp_path / "gone/changed.py"

    team.restart(["main.py"])

    assert team.error is not None
    assert (team.error.message, team.error.hint, team.error.exit_status) == (
        f"cannot restart the app: `{tmp_path}/gone/changed.py`: No such file or directory",
        "start asgictl again, and set TMPDIR to a folder that nobody cleans",
        3,
    )


def test_no_restart_without_a_folder(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the folder of all is gone the app is left as it is; in a new one of its name it restarts."""
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    team._folder = folder
    folder.rmdir()

    team.restart(["main.py"])
    assert (team.is_late, team.said) == (True, [])
    folder.mkdir()
    team.restart(["main.py"])

    assert (team.is_late, team.said[0], Path.cwd()) == (False, "changed: ['main.py']", folder)


def test_when_it_is_new(team: Team, clock: Clock) -> None:
    """An app is new until it has been ready for a second."""
    assert team.is_new
    team._heed_ready("ASGI", None)
    clock.now += 0.999
    assert team.is_new
    clock.now += 0.001
    assert not team.is_new
    team.restart()
    clock.now += 100
    assert team.is_new


class Restarts:
    """What restarts the app, and who is told, in the place of the pool."""

    def __init__(self, clock: Clock, *, stays_new: bool = False) -> None:
        self.clock = clock
        self.is_new = stays_new
        self.is_late = False
        self.reporter = self
        self.said: list[object] = []

    def restart(self, files: Sequence[str] = ()) -> None:
        """Keep the time and the files."""
        self.said.append((round(self.clock.now - 100, 3), *files))

    def note(self, text: str) -> None:
        """Keep what is said."""
        self.said.append(text)

    tell_unwatched = note


@pytest.fixture
def come(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Callable[..., None]:
    """Have changes come: the seconds before, and the paths; or an error."""

    def come(*batches: tuple[float, set[str]] | BaseException) -> None:
        coming = iter(batches)

        def changes(*_: object) -> Iterator[set[str]]:
            for batch in coming:
                if isinstance(batch, BaseException):
                    raise batch
                clock.now += batch[0]
                yield batch[1]

        monkeypatch.setattr(watching, "batches", changes)

    return come


@pytest.fixture
def files(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the files that the changes are of."""
    monkeypatch.chdir(write(dict.fromkeys(("a.py", "b.py", "c.py", "d.py", "e.py", "shop/the models.py"), "")))


@pytest.mark.usefixtures("files")
def test_changes_are_collected(come: Callable[..., None], clock: Clock) -> None:
    """A change restarts the app at once; what follows soon waits for a pause; what comes together is one change."""
    pool: Any = Restarts(clock)
    changes = Changes([], [], [])
    come(
        (0, {"b.py", "a.py"}),
        (0.5, {"c.py"}),
        (0.5, {"d.py", "c.py"}),
        (0.4, set()),
        (0.3, set()),
        (1.5, {"e.py"}),
    )

    restarts._restart_at_changes(Watcher([], [], changes), changes, pool)

    assert pool.said == [(0, "a.py", "b.py"), (1.4, "c.py", "d.py"), (3.2, "e.py")]


@pytest.mark.usefixtures("files")
def test_a_removal_waits_for_more(come: Callable[..., None], clock: Clock) -> None:
    """A file that is removed restarts the app when nothing else changes: all of the project may be on its way."""
    pool: Any = Restarts(clock)
    changes = Changes([], [], [])
    come((9, {"gone.py"}), (0.1, {"too.py"}), (0.3, set()), (9, {"a.py"}))

    restarts._restart_at_changes(Watcher([], [], changes), changes, pool)

    assert pool.said == [(9.4, "gone.py", "too.py"), (18.4, "a.py")]


@pytest.mark.usefixtures("files")
def test_a_late_restart(come: Callable[..., None], clock: Clock) -> None:
    """What could not restart the app does so as soon as that is possible."""
    pool: Any = Restarts(clock)
    changes = Changes([], [], [])
    pool.is_late = True
    come((9, {"a.py"}), (0.3, set()), KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        restarts._restart_at_changes(Watcher([], [], changes), changes, pool)
    assert pool.said == [(9, "a.py"), (9.3, "a.py")]


@pytest.mark.parametrize(("stays_new", "hints"), [(True, 1), (False, 0)])
def test_an_app_that_restarts_itself(
    come: Callable[..., None], files: None, clock: Clock, tmp_path: Path, *, stays_new: bool, hints: int
) -> None:
    """A file that changes whenever the app has just started is named, once, with the option that leaves it out."""
    assert files is None
    pool: Any = Restarts(clock, stays_new=stays_new)
    changes = Changes([tmp_path], [], [])
    come(*[(2, {f"{tmp_path}/shop/the models.py"})] * 9)

    restarts._restart_at_changes(Watcher([], [], changes), changes, pool)

    hint = "4 restarts in a row: if the app itself writes the file, pass --reload-exclude 'shop/the models.py'"
    assert [said for said in pool.said if isinstance(said, str)] == [hint] * hints
    assert len(pool.said) == 9 + hints


@pytest.mark.usefixtures("files")
def test_a_watcher_that_fails(come: Callable[..., None], clock: Clock) -> None:
    """A watcher that fails is told of and starts again, later each time, and what it has missed is not lost."""
    pool: Any = Restarts(clock)
    changes = Changes([], [], [])
    come(ValueError("no"), OSError("luck"), (1, {"a.py"}), (70, set()), OSError("again"), KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        restarts._watch(Watcher([], [], changes), changes, pool)

    assert pool.said == [
        "changes are not seen for 0.5 s, and the app restarts then (ValueError: no)",
        (0.5,),
        "changes are not seen for 1 s, and the app restarts then (OSError: luck)",
        (1.5,),
        (2.5, "a.py"),
        "changes are not seen for 0.5 s, and the app restarts then (OSError: again)",
        (73.0,),
    ]


def test_watching_ends_with_the_launch(tmp_path: Path) -> None:
    """The thread that watches is over when the launch is: with some versions of watchfiles it would end in an abort."""
    changes = Changes([tmp_path], [], [])
    watcher = Watcher([tmp_path], [], changes)
    silent: Any = SimpleNamespace(reporter=SimpleNamespace(note=lambda _: None), is_late=False)

    with restarts.watched(watcher, changes, silent):
        watching_now = [it for it in threading.enumerate() if it.name == "asgictl-reload"]
        assert watching_now

    for thread in watching_now:
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def acts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return what is done before the process ends at once."""
    done: list[Any] = []
    monkeypatch.setattr(exits, "_actions", done)
    return done


def test_the_trigger(acts: list[Any]) -> None:
    """The file for uvicorn's reloader lies alone in a folder of its own, which goes however the process ends."""
    with restarts.trigger() as file:
        assert [path.name for path in file.parent.iterdir()] == ["changed.py"]
        assert file.parent.name.startswith("asgictl-")
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        (act,) = acts
        act()
        assert not file.parent.exists()
        act()
    assert not os.path.lexists(file.parent)


def test_another_place_for_the_trigger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a temporary folder the user's own for the session is taken."""
    monkeypatch.setattr(tempfile, "gettempdir", _no_folder)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    with restarts.trigger() as file:
        assert file.parent.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_no_place_for_the_trigger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be written it is said, with the variable that names another folder."""
    reasons = iter([OSError(errno.ENOSPC, "No space left on device"), PermissionError(), PermissionError()])

    def mkdtemp(**_: object) -> str:
        raise next(reasons)

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)

    with pytest.raises(StartError) as caught, restarts.trigger():
        pass

    assert (caught.value.message, caught.value.hint) == (
        "`--reload` needs a temporary folder: No space left on device",
        "set TMPDIR to a folder that can be written to, or drop --reload",
    )


def _no_folder() -> str:
    raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")
