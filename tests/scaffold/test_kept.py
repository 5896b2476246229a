"""What becomes of the files that are there, by values: marks and blocks, changes, and options that are kept."""

import os
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from asgictl import signature
from asgictl.errors import AsgictlError, FileProblemError
from asgictl.scaffold import ignore_files
from asgictl.scaffold.plan import PlannedFile
from asgictl.scaffold.write import compare, pyproject_edit, write_changes
from asgictl.scaffold.write.compare import Change

BLOCK = "# >>> asgictl scaffold 73cb3858a687a849\nx\n# <<< asgictl scaffold\n"  # of SHA-256
SIGNED = (
    "# asgictl scaffold 73cb3858a687a849: run it again to update this file; once you have edited it, it is yours\nx\n"
)


def failure(error: AsgictlError) -> tuple[str, str | None, str | None]:
    """Return what an error says, and the option that it is about."""
    return error.message, error.hint, getattr(error, "option", None)


@pytest.mark.parametrize(
    ("text", "ours", "untouched"),
    [
        (SIGNED, True, True),
        (f"{SIGNED}y\n", True, False),
        (SIGNED.replace("73cb", "beef"), True, False),
        (SIGNED.replace("73cb", ""), False, False),
        (SIGNED.replace(":", ""), False, False),
        (f"\n{SIGNED}", False, False),
        ("x\n", False, False),
        ("", False, False),
    ],
)
def test_marks(text: str, ours: bool, untouched: bool) -> None:
    """A file of ours is known by its first line, and so is whether it was edited since."""
    assert signature.signed("x\n") == SIGNED
    assert (signature.is_ours(text), signature.is_untouched(text)) == (ours, untouched)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("x\n# asgictl scaffold\n", None),
        (BLOCK, ("", "x\n", "", True)),
        (f"a\n\n{BLOCK}b\nc", ("a\n\n", "x\n", "b\nc", True)),
        (f"a\r\n{BLOCK}b".replace("\n", "\r\n").replace("\r\r", "\r"), ("a\r\n", "x\n", "b", True)),
        (BLOCK.replace("x\n", "x\u2028y\x0c\n"), ("", "x\u2028y\x0c\n", "", False)),
        (BLOCK.replace("x\n", ""), ("", "", "", False)),
        (BLOCK.replace("73cb", "beef"), ("", "x\n", "", False)),
    ],
)
def test_blocks(text: str, expected: tuple[str, str, str, bool] | None) -> None:
    """The block in a shared file is told from what is around it, whatever its line ends."""
    assert signature.block(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("# <<< asgictl scaffold\n", "# >>> asgictl scaffold 73cb3858a687a849\n", BLOCK * 2),
        "# <<< asgictl scaffold\n# >>> asgictl scaffold 73cb3858a687a849\n",
        f"{BLOCK}# <<< asgictl scaffold\n",
        f"{BLOCK}# >>> asgictl scaffold 73cb3858a687a849\n",
    ],
)
def test_a_block_without_bounds(tmp_path: Path, text: str) -> None:
    """A block that has lost an end, or is there twice, is an error that says what to remove."""
    (tmp_path / "x").write_text(text)

    with pytest.raises(FileProblemError) as error:
        compare.compare(tmp_path, [PlannedFile("x", "y\n", merged=True)])

    assert failure(error.value) == (
        f"the block of asgictl in `{tmp_path / 'x'}` has no clear beginning and end",
        "remove its lines `# >>> asgictl scaffold …` and `# <<< …`",
        None,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", BLOCK),
        ("a\n", f"{BLOCK}a\n"),
        ("a\r\nb", BLOCK.replace("\n", "\r\n") + "a\r\nb"),
        (f"a\n{BLOCK.replace('x', 'old')}b\n", f"a\n{BLOCK}b\n"),
    ],
)
def test_merged(text: str, expected: str) -> None:
    """The block stands before everything, or where it was, in the line ends of the file."""
    assert signature.merged(text, "x\n") == expected


UNTOUCHED, EDITED = signature.signed("old\n"), signature.signed("old\n") + "more\n"
CHANGES: list[tuple[str | None, bool, tuple[Any, ...]]] = [
    (None, False, ("create", SIGNED, "", True)),
    (None, True, ("create", BLOCK, "", True)),
    (SIGNED, False, ("same", SIGNED, "", True)),
    (SIGNED.replace("\n", "\r\n"), False, ("same", SIGNED.replace("\n", "\r\n"), "", True)),
    (f"\ufeff{SIGNED}", False, ("same", f"\ufeff{SIGNED}", "", True)),
    (UNTOUCHED, False, ("update", SIGNED, "", True)),
    (UNTOUCHED.replace("\n", "\r\n"), False, ("update", SIGNED.replace("\n", "\r\n"), "", True)),
    (f"\ufeff{UNTOUCHED}", False, ("update", f"\ufeff{SIGNED}", "", True)),
    (EDITED, False, ("conflict", SIGNED, "edited since it was written", True)),
    ("x\r\n", False, ("conflict", SIGNED.replace("\n", "\r\n"), "not written by asgictl", False)),
    ("a\n", True, ("update", f"{BLOCK}a\n", "", False)),
    (f"a\n{BLOCK}", True, ("same", f"a\n{BLOCK}", "", True)),
    (signature.merged("a\n", "old\n"), True, ("update", f"{BLOCK}a\n", "", True)),
    (BLOCK.replace("x\n", "old\n"), True, ("conflict", BLOCK, "the block of asgictl was edited", True)),
]


@pytest.mark.parametrize(("old", "merged", "expected"), CHANGES)
def test_changes(tmp_path: Path, old: str | None, merged: bool, expected: tuple[Any, ...]) -> None:
    """Each file is made, left, brought up to date or in the way, with the reason."""
    file = tmp_path / "x"
    if old is not None:
        file.write_bytes(old.encode())
    state, content, reason, ours = expected

    planned = PlannedFile("x", "x\n" if merged else SIGNED, merged)
    assert compare.compare(tmp_path, [planned]) == (
        Change("x", file, state, old.encode() if old is not None else None, content.encode(), reason, ours),
    )


def test_no_text(tmp_path: Path) -> None:
    """A file that is no text is in the way; one that is shared with others cannot be added to."""
    (tmp_path / "x").write_bytes(b"\xff")

    (change,) = compare.compare(tmp_path, [PlannedFile("x", SIGNED, merged=False)])
    with pytest.raises(FileProblemError) as error:
        compare.compare(tmp_path, [PlannedFile("x", "x\n", merged=True)])

    assert (change.state, change.reason, change.old) == ("conflict", "not written by asgictl", b"\xff")
    assert failure(error.value) == (f"`{tmp_path / 'x'}` is not UTF-8", "put its encoding right", None)


def test_differences(tmp_path: Path) -> None:
    """A difference is a patch of lines, whatever the line ends, and of bytes that are no text."""

    def diff(old: bytes | None, new: str) -> list[str]:
        return Change("d/x", tmp_path, "update", old, new.encode()).diff().splitlines()

    assert diff(b"a\r\n\xff\r\n", "a\nb\r\n") == ["--- a/d/x", "+++ b/d/x", "@@ -1,2 +1,2 @@", " a", "-\ufffd", "+b"]
    assert diff(None, "a\n") == ["--- /dev/null", "+++ b/d/x", "@@ -0,0 +1 @@", "+a"]
    assert diff(b"", "a\n")[0] == "--- a/d/x"
    assert diff(b"a\r\n", "a\n") == []


def test_what_is_in_the_way(tmp_path: Path) -> None:
    """A link, a folder and what is too big are errors that name them; a file of just that size is compared."""
    (tmp_path / "link").symlink_to(tmp_path / "no where")
    (tmp_path / "folder").mkdir()
    (tmp_path / "big").write_bytes(b"x" * 1_000_001)
    (tmp_path / "fits").write_bytes(b"x" * 1_000_000)
    hints = {
        "link": f"remove the link: scaffold writes through none (it leads to `{tmp_path / 'no where'}`)",
        "folder": "move it elsewhere",
        "big": "move it elsewhere",
    }
    said = {
        "link": "is a symbolic link",
        "folder": "is in the way: it is not a file",
        "big": "is too big to be compared",
    }

    for name, hint in hints.items():
        with pytest.raises(FileProblemError) as error:
            compare.current(tmp_path / name)
        assert failure(error.value) == (f"`{tmp_path / name}` {said[name]}", hint, None)
    assert compare.current(tmp_path / "fits") == b"x" * 1_000_000
    assert compare.current(tmp_path / "missing") is None


def test_what_the_system_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read or written is an error with the file, and the system's reason."""
    file = tmp_path / "x"
    file.write_text("a")
    change = Change("x", file, "update", b"a", b"b")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr("asgictl.reading.content", refuse)
    with pytest.raises(FileProblemError) as reading:
        compare.current(file)
    monkeypatch.undo()
    monkeypatch.setattr("asgictl.atomic.create", refuse)
    with pytest.raises(FileProblemError) as writing:
        write_changes.write([change])
    monkeypatch.undo()
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (tmp_path, os.W_OK))
    with pytest.raises(FileProblemError) as folder:
        write_changes.refuse_unwritable(tmp_path, [change])
    write_changes.refuse_unwritable(tmp_path, [change._replace(state="same"), change._replace(state="keep")])

    hint = "see to the permissions and the disk, or choose another place"
    assert failure(reading.value) == (f"cannot read `{file}`: Permission denied", hint, None)
    assert failure(writing.value) == (f"cannot write `{file}`: Permission denied", hint, None)
    assert failure(folder.value) == (f"cannot write to `{tmp_path}`: Permission denied", hint, None)
    assert file.read_text() == "a"


def test_written(tmp_path: Path) -> None:
    """What was written is told, with the copy of a user's file, which has the mode of that file."""
    for name in ("a", "b", "b.before-scaffold"):
        (tmp_path / name).write_text(name)
        (tmp_path / name).chmod(0o640)
    (tmp_path / "b.before-scaffold-2").symlink_to("nowhere")
    changes = [
        Change("a", tmp_path / "a", "update", b"a", b"1"),
        Change("b", tmp_path / "b", "conflict", b"b", b"2"),
        Change("c", tmp_path / "c", "create", None, b"3"),
        Change("d", tmp_path / "d", "same", b"d", b"d"),
        Change("e", tmp_path / "e", "keep", b"e", b"4"),
    ]

    assert write_changes.write(changes) == (
        ("a", None),
        ("b", tmp_path / "b.before-scaffold-3"),
        ("c", None),
    )
    there = {path.name: path for path in tmp_path.iterdir() if path.is_file()}
    assert {name: (path.read_text(), stat.S_IMODE(path.stat().st_mode)) for name, path in there.items()} == {
        "a": ("1", 0o640),
        "b": ("2", 0o640),
        "b.before-scaffold": ("b.before-scaffold", 0o640),
        "b.before-scaffold-3": ("b", 0o640),
        "c": ("3", 0o644),
    }
    with pytest.raises(FileProblemError) as error:
        write_changes.write(changes[:1])
    assert failure(error.value) == (
        f"`{tmp_path / 'a'}` has changed meanwhile",
        "run it again, to see what is there now",
        None,
    )


def test_the_disk_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each file the folder is synchronised, so that a power cut loses no name."""
    synchronised: list[Path] = []
    monkeypatch.setattr("asgictl.atomic.sync", synchronised.append)

    write_changes.write([Change("a/x", tmp_path / "x", "create", None, b"")])

    assert synchronised == [tmp_path]


SAVED = [
    (None, {"port": 1}, None, "create", "[tool.asgictl.scaffold]\nport = 1\n"),
    (None, {}, "m:a", "create", '[tool.asgictl]\napp = "m:a"\n'),
    ("", {"port": 1, "apt": ["a"]}, "m:a", "update", None),
    ("[tool.asgictl.scaffold]\nport = 1 # why\n", {"port": 1}, None, "same", None),
    ("[tool.asgictl.scaffold]\nport = 1 # why\n", {"port": 2}, None, "update", None),
    ("[tool.asgictl]\r\nx = 1\r\n", {"port": 2}, None, "update", None),
    ("\ufeff[tool.asgictl]\n", {}, "m:a", "update", '\ufeff[tool.asgictl]\napp = "m:a"\n'),
]


@pytest.mark.parametrize(("old", "values", "app", "state", "expected"), SAVED)
def test_options_that_are_kept(  # the columns of the table
    tmp_path: Path, old: str | None, values: dict[str, Any], app: str | None, state: str, expected: str | None
) -> None:
    """Options are added to what `pyproject.toml` says, whose form stays; the reader of others finds them."""
    file = tmp_path / "pyproject.toml"
    if old is not None:
        file.write_bytes(old.encode())

    change = pyproject_edit.planned(tmp_path, values, app)

    assert (change.path, change.file, change.state) == ("pyproject.toml", file, state)
    assert change.old == (None if old is None else old.encode())
    text = change.content.decode()
    assert expected is None or text == expected
    table = tomllib.loads(text.removeprefix("\ufeff"))["tool"]["asgictl"]
    assert table.get("scaffold", {}) == values
    assert table.get("app") == app
    assert "# why" in text or "# why" not in (old or "")
    assert text.count("\r\n") == (text.count("\n") if "\r" in (old or "") else 0)


@pytest.mark.parametrize("text", [b"tool = 3\n", b"[tool\n", b"\xff", b"[tool]\nasgictl = 3\n"])
def test_options_that_cannot_be_kept(tmp_path: Path, text: bytes) -> None:
    """Where nothing can be added the error has the file and what is wrong with it."""
    (tmp_path / "pyproject.toml").write_bytes(text)

    with pytest.raises(FileProblemError) as error:
        pyproject_edit.planned(tmp_path, {"port": 1}, None)

    assert error.value.message.startswith(f"cannot add to `{tmp_path / 'pyproject.toml'}`: ")
    assert len(error.value.message.rpartition(": ")[2]) > 5
    assert error.value.hint == "put its TOML syntax right, and write `[tool.asgictl]` as a table of its own"


def test_a_line_that_is_no_pattern() -> None:
    """A line of `.dockerignore` that the engine would not take is an error."""
    with pytest.raises(FileProblemError) as error:
        ignore_files.left_out(["[z-a]"])

    assert error.value.message.startswith("`.dockerignore` has a line that is no pattern: ")
    assert error.value.hint == "put that line right"


@pytest.mark.parametrize("end", ["\r", "\x85", "\u2028"])
def test_a_version_with_a_hidden_key(end: str) -> None:
    """A version is the user's to change, and a key behind what YAML takes for the end of its line is an edit."""
    text = signature.signed('resources: []\nkind: Kustomization\nimages:\n- name: shop\n  newTag: "1.0.0"\n')

    assert signature.is_untouched(text.replace('"1.0.0"', "v2"))
    assert not signature.is_untouched(text.replace('"1.0.0"', f'"1.0.0"{end}namespace: kube-system'))


def test_a_version_elsewhere() -> None:
    """In any other file such a line is an edit like every other."""
    text = signature.signed("kind: Deployment\nmetadata:\n  name: shop\n")

    assert not signature.is_untouched(f"{text}  newTag: v2\n")
