"""What is noticed of changes: as the system tells it, and by looking at all files."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import watchfiles

from asgictl.serving.reload import watching
from asgictl.serving.reload.changes import Changes
from asgictl.serving.reload.watching import Watcher
from tests.conftest import Write

Told = Iterator[set[tuple[int, str]]]


def watched(*folders: Path, files: tuple[Path, ...] = (), exclude: tuple[str, ...] = ()) -> Watcher:
    """Return what is watched of some folders."""
    return Watcher(folders, files, Changes(folders, [], exclude))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Have watchfiles tell of changes; return what it was asked."""

    def told(*batches: set[str] | Exception) -> dict[str, Any]:
        asked: dict[str, Any] = {}
        coming = iter(batches)

        def watch(*folders: Path, **options: Any) -> Told:
            asked.update(options, folders=folders)
            for batch in coming:
                if isinstance(batch, Exception):
                    raise batch
                yield {(1, path) for path in batch}

        monkeypatch.setattr(watchfiles, "watch", watch)
        return asked

    return told


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again without a pause."""
    for name in ("WATCHFILES_FORCE_POLLING", "WATCHFILES_POLL_DELAY_MS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(watching, "_LINKS", 0.0)
    monkeypatch.setattr(watching, "_CALM", 10)
    monkeypatch.setattr(watching, "_SHARE", 1e9)


class Changed:
    """Changes as they come, in a thread, from the first look on."""

    def __init__(self, batches: Iterator[set[str]]) -> None:
        self._found: list[str] = []
        self._condition = threading.Condition()
        self._is_over = False
        self._looks = 0
        self._thread = threading.Thread(target=self._read, args=(batches,), daemon=True)
        self._thread.start()

    def _read(self, batches: Iterator[set[str]]) -> None:
        for batch in batches:
            with self._condition:
                self._found += sorted(batch)
                self._looks += 1
                self._condition.notify_all()
            if self._is_over:
                break

    def begun(self) -> "Changed":
        """Wait until it is watched."""
        with self._condition:
            assert self._condition.wait_for(lambda: self._looks >= 2, timeout=30)
        return self

    def wait_for(self, *paths: Path) -> None:
        """Wait for changes of all of these, and of nothing else."""
        wanted = set(map(str, paths))
        with self._condition:
            assert self._condition.wait_for(lambda: wanted <= set(self._found), timeout=30), self._found
            assert set(self._found) == wanted
            self._found.clear()

    def end(self) -> None:
        """Look no more."""
        self._is_over = True
        self._thread.join(timeout=30)


@pytest.fixture(params=["told", "polled"])
def watch(request: pytest.FixtureRequest) -> Iterator[Callable[..., Changed]]:
    """Watch for real, in both ways."""
    started: list[Changed] = []

    def watch(*folders: Path, **more: Any) -> Changed:
        it = watched(*folders, **more)
        started.append(Changed((it.told if request.param == "told" else it.polled)(time.time())))
        return started[-1].begun()

    yield watch
    for one in started:
        one.end()


def replace(file: Path, text: str) -> None:
    """Write a file as editors do."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text)
    beside.replace(file)


def test_a_file(watch: Callable[..., Changed], write: Write) -> None:
    """A file that is written, replaced, made or removed is noticed, and one that does not count is not."""
    folder = write({"main.py": "1", "shop/a.py": "1", "notes.txt": "", ".venv/lib/x.py": "", "docs/conf.py": ""})
    changed = watch(folder, exclude=("docs/",))

    for name in ("notes.txt", ".venv/lib/x.py", "docs/conf.py"):
        replace(folder / name, "more")
    replace(folder / "shop/a.py", "22")
    changed.wait_for(folder / "shop/a.py")
    (folder / "new.py").touch()
    changed.wait_for(folder / "new.py")
    (folder / "main.py").unlink()
    changed.wait_for(folder / "main.py")


def test_what_comes_before_the_first_look(write: Write, told: Callable[..., dict[str, Any]]) -> None:
    """A file that is saved while the app starts, before it is watched, counts."""
    folder = write({"main.py": "1", "a.py": ""})
    for file in folder.iterdir():
        os.utime(file, (1, 1))
    told(set(), set())
    before = time.time() + 0.05
    while time.time() < before:
        pass
    replace(folder / "main.py", "2")

    since = before - watching._CLOCK  # the system's clock for files may be late

    for changes in (watched(folder).told(since), watched(folder).polled(since)):
        assert [next(changes), next(changes)] == [{f"{folder}/main.py"}, set()]


def test_a_linked_file(watch: Callable[..., Changed], write: Write) -> None:
    """A file that is a link counts when what it leads to changes, wherever that is, also one that is made later."""
    folder = write({"app/main.py": "", "elsewhere/settings.py": "1", "elsewhere/later.py": "1"}) / "app"
    (folder / "settings.py").symlink_to("../elsewhere/settings.py")
    changed = watch(folder)

    replace(folder / "../elsewhere/settings.py", "22")
    changed.wait_for(folder / "settings.py")
    (folder / "later.py").symlink_to("../elsewhere/later.py")
    changed.wait_for(folder / "later.py")
    replace(folder / "../elsewhere/later.py", "22")
    changed.wait_for(folder / "later.py")


def test_a_mounted_config_map(watch: Callable[..., Changed], write: Write) -> None:
    """Kubernetes changes files by one link that they all lead through, with nothing else of them changed."""
    folder = write({"..1/main.py": "1", "..1/shop/a.py": "1", "..2/main.py": "2", "..2/shop/a.py": "2"})
    for file in folder.glob("..*/**/*.py"):
        os.utime(file, (1, 1))
    (folder / "..data").symlink_to("..1")
    (folder / "main.py").symlink_to("..data/main.py")
    (folder / "shop").symlink_to("..data/shop")
    changed = watch(folder)

    (folder / "..data_tmp").symlink_to("..2")
    (folder / "..data_tmp").rename(folder / "..data")

    changed.wait_for(folder / "main.py", folder / "shop")


def test_a_linked_folder(watch: Callable[..., Changed], write: Write) -> None:
    """What is behind a link to a folder is noticed, and when the link leads elsewhere."""
    folder = write({"app/main.py": "", "one/a.py": "1", "two/a.py": "33"}) / "app"
    (folder / "shop").symlink_to("../one")
    changed = watch(folder)

    replace(folder / "../one/a.py", "22")
    changed.wait_for(folder / "shop/a.py")
    edited = (folder / "../one/a.py").stat().st_mtime_ns
    os.utime(folder / "../two/a.py", ns=(edited, edited))  # it looks the same
    (folder / "next").symlink_to("../two")
    (folder / "next").rename(folder / "shop")
    changed.wait_for(folder / "shop")


def test_links_that_lead_nowhere(watch: Callable[..., Changed], write: Write) -> None:
    """Links to a folder above, to themselves or to nothing, and names that are no text, hold nothing up."""
    folder = write({"main.py": "1", "shop/a.py": "1"})
    (folder / "shop/up").symlink_to("..")
    (folder / "loop").symlink_to("loop")
    (folder / "gone.py").symlink_to("nothing.py")
    changed = watch(folder)

    replace(folder / "main.py", "22")

    changed.wait_for(folder / "main.py")


def test_a_file_by_its_name(watch: Callable[..., Changed], write: Write) -> None:
    """A file that is named counts wherever it is and whatever it is called."""
    folder = write({"app/main.py": "", "elsewhere/.env": "A=1"})
    changed = watch(folder / "app", files=(folder / "elsewhere/.env", folder / "app/.env"))

    replace(folder / "elsewhere/.env", "A=22")
    changed.wait_for(folder / "elsewhere/.env")
    (folder / "app/.env").touch()
    changed.wait_for(folder / "app/.env")


def test_how_it_is_watched(tmp_path: Path, told: Callable[..., dict[str, Any]]) -> None:
    """The system's own means are used, and pauses are told."""
    asked = told({"a.py", "b.py"}, set(), {"c.py"})
    it = watched(tmp_path, tmp_path / "gone")

    assert list(it.told(time.time())) == [{"a.py", "b.py"}, set(), {"c.py"}]
    assert asked == {
        "folders": (tmp_path,),
        "watch_filter": it._changes,
        "step": 30,
        "rust_timeout": 10,
        "yield_on_timeout": True,
        "raise_interrupt": False,
        "ignore_permission_denied": True,
        "stop_event": it.stopped,
    }


def test_it_ends(tmp_path: Path) -> None:
    """Watching ends when it is stopped, within a moment, whatever way it goes."""
    for polling in (None, "true"):
        it = watched(tmp_path)
        ended = threading.Event()

        def watch(it: Watcher = it, ended: threading.Event = ended) -> None:
            for _ in watching.batches(it, lambda _: None):
                if it.stopped.is_set():
                    break
            ended.set()

        with pytest.MonkeyPatch.context() as patch:
            if polling:
                patch.setenv("WATCHFILES_FORCE_POLLING", polling)
            threading.Thread(target=watch, daemon=True).start()
            it.stopped.set()
            assert ended.wait(20)


def test_one_change_is_told_once(write: Write, told: Callable[..., dict[str, Any]]) -> None:
    """A link to a file that is watched too is no second change."""
    folder = write({"main.py": "1"})
    (folder / "link.py").symlink_to("main.py")
    it = watched(folder)
    told(set(), set(), {f"{folder}/main.py"}, set())
    found = it.told(time.time())

    assert [next(found), next(found)] == [set(), set()]
    replace(folder / "main.py", "22")
    assert list(found) == [{f"{folder}/main.py"}, set()]


def test_polls_where_it_cannot_watch(tmp_path: Path, told: Callable[..., dict[str, Any]]) -> None:
    """Where the system cannot watch, all files are looked at; a line says so, and no change is lost over it."""
    told({"b.py"}, OSError("OS file watch limit reached"))
    notes: list[str] = []
    found = watching.batches(watched(tmp_path), notes.append)

    assert next(found) == {"b.py"}
    (tmp_path / "main.py").touch()
    assert next(found) == {f"{tmp_path}/main.py"}
    assert notes == [
        "cannot watch for changes (OS file watch limit reached), looking at all files again and again instead"
    ]


@pytest.mark.parametrize(("value", "wanted"), [("true", True), ("1", True), ("Disabled", False), ("", False)])
def test_polling_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: Callable[..., dict[str, Any]], value: str, *, wanted: bool
) -> None:
    """The variables of watchfiles' count here too."""
    monkeypatch.setenv("WATCHFILES_FORCE_POLLING", value)
    monkeypatch.setenv("WATCHFILES_POLL_DELAY_MS", "7")
    slept: list[float] = []
    monkeypatch.setattr(watching, "time", SimpleNamespace(time=time.time, monotonic=lambda: 0.0, sleep=slept.append))
    asked = told(set(), set())
    found = watching.batches(watched(tmp_path), lambda _: None)

    assert [next(found), next(found)] == [set(), set()]
    assert (bool(asked), slept) == (not wanted, [0.007] if wanted else [])


def test_an_error_while_polling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: Callable[..., dict[str, Any]]
) -> None:
    """What goes wrong while all files are looked at is passed on, to who starts it again."""

    def states(_: object) -> dict[str, tuple[object, ...]]:
        raise MemoryError("no luck")

    told(OSError("no luck either"))
    monkeypatch.setattr(Watcher, "_states", states)
    notes: list[str] = []

    with pytest.raises(MemoryError, match="no luck"):
        next(watching.batches(watched(tmp_path), notes.append))
    assert len(notes) == 1


def test_a_folder_that_is_gone(
    write: Write, told: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is gone is told, the others are watched meanwhile, and its return is a change."""
    monkeypatch.setattr(Watcher, "_changed_after", lambda *_: set())
    folder = write({"src/main.py": "", "lib/a.py": ""})
    src, lib = folder / "src", folder / "lib"
    asked = told(set(), set(), FileNotFoundError(), {"a.py"}, set(), set())
    notes: list[str] = []
    found = watching.batches(watched(src, lib), notes.append)

    assert (next(found), asked["folders"]) == (set(), (src, lib))
    src.rename(folder / "aside")
    assert [next(found), next(found)] == [set(), {"a.py"}]
    assert (asked["folders"], notes) == ((lib,), [f"`{src}` is gone; it is watched again when it is back"])
    src.mkdir()
    told(set(), {"b.py"})
    assert [next(found), next(found)] == [set(), {str(src)}]
    assert len(notes) == 1


def test_all_folders_are_gone(tmp_path: Path) -> None:
    """With no folder left their return is waited for."""
    folder = tmp_path / "src"
    found = watching.batches(watched(folder), lambda _: None)

    assert [next(found), next(found)] == [set(), set()]
    folder.mkdir()
    while not (batch := next(found)):
        pass

    assert batch == {str(folder)}


def test_a_beginning_that_takes_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line says that a huge folder is being looked at, and which option names a smaller one."""
    monkeypatch.setattr(watching, "_LONG", 0.0)
    said = threading.Event()
    notes: list[str] = []

    def watch(*_: Path, **__: object) -> Told:
        assert said.wait(30)
        yield set()

    def note(text: str) -> None:
        notes.append(text)
        said.set()

    monkeypatch.setattr(watchfiles, "watch", watch)

    assert next(watching.batches(watched(tmp_path), note)) == set()
    text = f"looking at all that is below `{tmp_path}`, edits count when that is done; --reload-dir names less"
    assert notes == [text]


def test_folders_are_known(tmp_path: Path) -> None:
    """A folder is known by what it is, and one that is not there by that."""
    found = tmp_path.stat()

    assert watched(tmp_path, tmp_path / "no").identities() == [(found.st_dev, found.st_ino), None]
