"""What happens to the files that are there: made, kept, brought up to date, never lost."""

import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from asgictl import signature
from asgictl.cli import app
from asgictl.errors import FileProblemError
from asgictl.scaffold import plan
from asgictl.scaffold.detect import detect
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.write import compare, write_changes
from tests import answers
from tests.conftest import finish, linux, mortal, start
from tests.scaffold.conftest import run

FILES = ("Dockerfile", ".dockerignore", "compose.yaml", "compose.dev.yaml")


@pytest.fixture
def root(project: Path) -> Path:
    """Be in a project."""
    return project


def contents(root: Path) -> dict[str, bytes]:
    """Return all files below `root`."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def states(result: Any) -> dict[str, str]:
    """Return the state of each file, of `--json`."""
    return {file["path"]: file["state"] for file in answers.result(result.stdout)["files"]}


def test_create_and_same(root: Path) -> None:
    """The first run makes the files, the second one finds them the same and touches nothing."""
    first = run()
    before = {name: ((root / name).read_bytes(), (root / name).stat().st_mtime_ns) for name in FILES}
    second = run("--json")

    assert first.exit_code == 0
    assert first.stdout.splitlines() == [f"create    {name}" for name in FILES]
    assert first.stderr.splitlines() == [
        "hint: try it: `asgictl scaffold --verify`",
        "hint: start it: `docker compose up --build --wait`",
    ]
    assert states(second) == dict.fromkeys(FILES, "same")
    assert before == {name: ((root / name).read_bytes(), (root / name).stat().st_mtime_ns) for name in FILES}
    assert stat.S_IMODE((root / "Dockerfile").stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("targets", "hints"),
    [
        ("docker", ["hint: try it: `asgictl scaffold --verify`"]),
        ("compose", ["hint: start it: `docker compose up --build --wait`"]),
        ("dev", []),
    ],
)
@pytest.mark.usefixtures("root")
def test_what_to_do_next(targets: str, hints: list[str]) -> None:
    """What can be done with the files that were named is told, and no more."""
    run()

    assert run("--for", targets).stderr.splitlines() == hints


@pytest.fixture
def edited(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project on a terminal, of whose files two were edited."""
    run()
    for name in ("Dockerfile", "compose.yaml"):
        (root / name).write_text(f"{(root / name).read_text()}# mine\n")
    terminal = SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr("asgictl.cli.scaffold.sys", SimpleNamespace(stdin=terminal, stderr=terminal))
    return root


QUESTIONS = [
    f"{name} (edited since it was written): replace it, and keep a copy? [y/N]:"
    for name in ("Dockerfile", "compose.yaml")
]


def test_asked_on_a_terminal(edited: Path) -> None:
    """On a terminal each file that is in the way is shown and asked about; the answers count."""
    result = CliRunner().invoke(app, ["scaffold"], prog_name="asgictl", input="y\nn\n", catch_exceptions=False)

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        *(" y", " n"),  # what is typed, and seen
        "replace   Dockerfile",
        "same      .dockerignore",
        "keep      compose.yaml  (edited since it was written)",
        "same      compose.dev.yaml",
    ]
    assert re.findall(r"(?m)^.*: replace it, [^:]*:", result.stderr) == QUESTIONS
    assert result.stderr.count("\n-# mine\n") == 2
    assert "note: your file is kept as `Dockerfile.before-scaffold`\n" in result.stderr
    mine = {name: (edited / name).read_text().endswith("# mine\n") for name in (*FILES, "Dockerfile.before-scaffold")}
    assert [name for name, is_mine in mine.items() if is_mine] == ["compose.yaml", "Dockerfile.before-scaffold"]


def test_no_answer_on_a_terminal(edited: Path) -> None:
    """Where the terminal is closed at the question, nothing is written, not even what was agreed to."""
    before = contents(edited)

    result = CliRunner().invoke(app, ["scaffold"], prog_name="asgictl", input="y\n", catch_exceptions=False)

    assert (result.exit_code, result.stdout.split()) == (4, ["y"])
    assert result.stderr.splitlines()[-2:] == [
        "error: no answer: nothing was written",
        "hint: run it again, or pass --force",
    ]
    assert contents(edited) == before


def test_update(root: Path) -> None:
    """What nobody has edited is brought up to date; a mode that was changed stays."""
    run()
    (root / "Dockerfile").chmod(0o600)
    result = run("--port", "9000", "--json")

    assert states(result) == {name: "same" if "ignore" in name or "dev" in name else "update" for name in FILES}
    assert "EXPOSE 9000" in (root / "Dockerfile").read_text()
    assert stat.S_IMODE((root / "Dockerfile").stat().st_mode) == 0o600


@pytest.mark.parametrize("foreign", [True, False])
def test_conflict(root: Path, foreign: bool) -> None:
    """A file of the user's is in the way: nothing at all is written, and the difference is shown."""
    run("--for", "docker")
    text = "FROM python\n" if foreign else (root / "Dockerfile").read_text().replace("8000", "8001")
    (root / "Dockerfile").write_text(text)
    before = contents(root)

    result = run()

    reason = "not written by asgictl" if foreign else "edited since it was written"
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr.splitlines()[0] == "--- a/Dockerfile"
    assert result.stderr.splitlines()[-2:] == [
        f"error: in the way: `Dockerfile` ({reason}); nothing was written",
        "hint: pass --force to replace them and keep copies, or leave them out with --for",
    ]
    assert contents(root) == before


def test_conflict_as_json(root: Path) -> None:
    """`--json` answers with one object, also then."""
    (root / "Dockerfile").write_text("FROM python\n")

    result = run("--json")

    assert (result.exit_code, result.stderr) == (4, "")
    assert answers.error(result.stdout) == {
        "message": "in the way: `Dockerfile` (not written by asgictl); nothing was written",
        "hint": "pass --force to replace them and keep copies, or leave them out with --for",
        "exit_status": 4,
    }
    assert sorted(contents(root)) == ["Dockerfile", "main.py", "requirements.txt"]


def test_force_keeps_copies(root: Path) -> None:
    """`--force` replaces a file, and no copy replaces another."""
    for number in (1, 2, 3):
        (root / "Dockerfile").write_text(f"FROM python:{number}\n")
        result = run("--force")
        assert result.exit_code == 0

    copies = {path.name: path.read_text() for path in root.glob("*.before-scaffold*")}
    assert copies == {
        "Dockerfile.before-scaffold": "FROM python:1\n",
        "Dockerfile.before-scaffold-2": "FROM python:2\n",
        "Dockerfile.before-scaffold-3": "FROM python:3\n",
    }
    assert "note: your file is kept as `Dockerfile.before-scaffold-3`" in result.stderr


LOST = [
    (
        "compose.yaml",
        "services:\n  web: {build: .}\n  db: {image: postgres, ports: !reset []}\n  redis: {image: redis}\n",
        "the service db, the service redis",
    ),
    ("stack.yaml", "\ufeffversion: '3'\r\nservices: {web: {}, proxy: {}, worker: {}}\r\n", "the service worker"),
    ("Caddyfile", "old.example, :8080\nreverse_proxy x\n", "the site old.example, the site :8080"),
    (
        "Caddyfile",
        "# mine\n{\n\temail a@b.c\n}\n(log) {\n\tlog\n}\n{$DOMAIN} {\n\tx {\n\t}\n}\nold.example { # 2\n\tlog\n}\n",
        "the site old.example",
    ),
    (
        "k8s.yaml",
        "kind: Service\nmetadata: {name: shop}\n---\nkind: StatefulSet\nmetadata: {name: db}\n---\n[]\n",
        "StatefulSet db",
    ),
    ("k8s.yaml", "\t{", None),
    ("compose.yaml", "services: {web: {}}\n", None),
    ("deploy.sh", "echo db\n", None),
]


@pytest.mark.parametrize(("name", "text", "lost"), LOST)
def test_what_a_file_takes_with_it(root: Path, name: str, text: str, lost: str | None) -> None:
    """Who has a file replaced hears which services, sites and objects only the old one has, and where that is."""
    (root / name).write_text(text, newline="")

    result = run("--for", "compose,prod,swarm,k8s", "--force")

    told = f"note: your file is kept as `{name}.before-scaffold`"
    assert (f"{told}; the new one is without {lost}" if lost else told) in result.stderr.splitlines()


MISSING = [
    ("prod", [], "docker (there is no `Dockerfile`), compose (there is no `compose.yaml`)"),
    ("dev,watch", ["Dockerfile"], "compose (there is no `compose.yaml`)"),
    ("compose", [], "docker (there is no `Dockerfile`)"),
    ("k8s", [], "docker (there is no `Dockerfile`)"),
    ("swarm", ["compose.yaml"], "docker (there is no `Dockerfile`)"),
    ("dev", ["compose.yaml"], None),
    ("k8s,prod", ["Dockerfile", "compose.yaml"], None),
    ("systemd", [], None),
]


@pytest.mark.parametrize(("targets", "there", "added"), MISSING)
def test_what_files_build_on(root: Path, targets: str, there: list[str], added: str | None) -> None:
    """What a target's files cannot run without is written with them, and told; what is there stays as it is."""
    for name in there:
        (root / name).write_text("FROM x\n" if name == "Dockerfile" else "services: {web: {image: x}}\n")

    result = run("--for", targets)

    assert result.exit_code == 0
    told = [line for line in result.stderr.splitlines() if "added" in line]
    assert told == ([f"note: added to --for: {added}"] if added else [])
    assert ((root / "Dockerfile").exists(), (root / "compose.yaml").exists()) == (
        "Dockerfile" in there or "docker (" in (added or ""),
        "compose.yaml" in there or "compose (" in (added or "") or targets == "compose",
    )


def test_one_of_ours_that_another_file_builds_on(root: Path) -> None:
    """A compose file that was written here builds the image from the Dockerfile, so that comes again if it is gone."""
    run()
    (root / "Dockerfile").unlink()

    assert "note: added to --for: docker (there is no `Dockerfile`)" in run("--for", "watch").stderr.splitlines()
    assert (root / "Dockerfile").exists()


def test_crlf(root: Path) -> None:
    """Line ends of Windows are no edit, and they stay."""
    run()
    for name in FILES:
        (root / name).write_bytes((root / name).read_bytes().replace(b"\n", b"\r\n"))

    assert states(run("--json")) == dict.fromkeys(FILES, "same")
    run("--port", "9000")
    text = (root / "Dockerfile").read_bytes()
    assert b"EXPOSE 9000\r\n" in text
    assert text.count(b"\n") == text.count(b"\r\n")


def test_blocks(root: Path) -> None:
    """In a shared file only the marked block is ours: the lines around it stay, and the block is kept up to date."""
    (root / ".git").mkdir()
    (root / ".gitignore").write_text("mine\n")
    (root / ".dockerignore").write_text("# mine\n!ssl/public.pem")

    run()
    lines = (root / ".dockerignore").read_text().splitlines()
    (root / ".dockerignore").write_text("\n".join(["before", *lines, "after"]) + "\n")
    run("--index-secret", "the-netrc")

    text = (root / ".dockerignore").read_text()
    assert text.startswith("before\n# >>> asgictl scaffold ")
    assert text.endswith("# <<< asgictl scaffold\n# mine\n!ssl/public.pem\nafter\n")
    assert "\nthe-netrc\n" in text
    assert text.count(">>>") == 1
    assert (root / ".gitignore").read_text().endswith("# <<< asgictl scaffold\nmine\n")


def test_a_mark_at_the_beginning(root: Path) -> None:
    """A byte order mark stays where it is, before everything."""
    (root / ".dockerignore").write_bytes(b"\xef\xbb\xbfdata\r\nmore\n")
    run()
    written = (root / ".dockerignore").read_bytes()

    assert written.startswith(b"\xef\xbb\xbf# >>> asgictl scaffold ")
    assert written.endswith(b"\ndata\r\nmore\n")
    assert states(run("--json"))[".dockerignore"] == "same"


def test_changed_meanwhile(root: Path) -> None:
    """A file that somebody edits between the look and the writing is not lost."""
    planned = plan.plan(detect(ScaffoldRequest(), root), ScaffoldRequest())
    changes = compare.compare(root, planned)
    (root / "Dockerfile").write_text("precious\n")

    with pytest.raises(FileProblemError, match="has changed meanwhile"):
        write_changes.write(changes)

    assert (root / "Dockerfile").read_text() == "precious\n"


@pytest.mark.parametrize(
    "text", ["tool = {a = {x = 1}}\n", '[tool]\nasgictl = {app = "main:app"}\n', "\ufeff[project]\r\n"]
)
def test_save_in_any_form(root: Path, text: str) -> None:
    """What cannot be added to is told before anything is written; what can keeps its form."""
    (root / "pyproject.toml").write_bytes(text.encode())

    result = run("--save", "--port", "9000", "--deps", "requirements")

    written = (root / "pyproject.toml").read_bytes().decode()
    assert (result.exit_code, written == text) == ((4, True) if "{" in text else (0, False))
    assert result.exit_code == 0 or not (root / "Dockerfile").exists()
    assert written.startswith(text[:9])


def test_save_through_a_link(root: Path) -> None:
    """A `pyproject.toml` that is a link is not replaced."""
    (root.parent / "other.toml").write_text("")
    (root / "pyproject.toml").symlink_to(root.parent / "other.toml")

    assert run("--save", "--port", "9000").exit_code == 4
    assert (root / "pyproject.toml").is_symlink()


def test_an_edited_block(root: Path) -> None:
    """A block that was edited is in the way, like a file."""
    run()
    (root / ".dockerignore").write_text((root / ".dockerignore").read_text().replace("**/.env\n", ""))

    result = run()

    assert result.exit_code == 4
    assert "`.dockerignore` (the block of asgictl was edited)" in result.stderr


@pytest.mark.parametrize("broken", ["# <<< asgictl scaffold\n", "# >>> asgictl scaffold 0123456789abcdef\n"])
def test_a_block_without_bounds(root: Path, broken: str) -> None:
    """A block that has lost an end is an error that says what to remove; nothing is written."""
    (root / ".dockerignore").write_text(f"x\n{broken}y\n")

    result = run()

    assert result.exit_code == 4
    assert "has no clear beginning and end" in result.stderr
    assert not (root / "Dockerfile").exists()


@pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore"])
@pytest.mark.parametrize("dangling", [True, False])
def test_links(root: Path, name: str, dangling: bool) -> None:
    """Nothing is written through a symbolic link, wherever it leads."""
    target = root.parent / "precious"
    if not dangling:
        target.write_text("precious")
    (root / name).symlink_to(target)

    result = run("--force")

    assert result.exit_code == 4
    assert f"`{root / name}` is a symbolic link" in result.stderr
    assert target.exists() is not dangling
    assert (root / name).is_symlink()


@pytest.mark.parametrize("kind", ["folder", "fifo", "big", "binary"])
def test_what_is_no_text(root: Path, kind: str) -> None:
    """A folder, a pipe, a huge or a binary file in the way is told, and stays."""
    file = root / "Dockerfile"
    if kind == "folder":
        file.mkdir()
    elif kind == "fifo":
        os.mkfifo(file)
    else:
        file.write_bytes(b"\xff\xfe" * (1 if kind == "binary" else 1_000_000))
    before = file.read_bytes() if file.is_file() else None

    result = run()

    assert result.exit_code == 4
    assert "Dockerfile" in result.stderr.splitlines()[-2]
    assert before == (file.read_bytes() if file.is_file() else None)
    assert not (root / "compose.yaml").exists()


@linux
def test_a_folder_that_is_read_only(root: Path) -> None:
    """Where nothing can be written the error says so, and nothing is half there."""
    root.chmod(0o500)
    try:
        command = [*mortal(), sys.executable, "-m", "asgictl", "scaffold"]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    finally:
        root.chmod(0o700)

    assert done.returncode == 4, done.stderr
    assert any(line.startswith(f"error: cannot write to `{root}`") for line in done.stderr.splitlines())
    assert sorted(path.name for path in root.iterdir()) == ["main.py", "requirements.txt"]


KILLED = """
import os, signal, sys
step, count = int(sys.argv[1]), 0
def audit(event, arguments):
    global count
    if event in {"open", "os.rename", "os.remove", "os.chmod"} and any(".asgictl-new" in str(it) for it in arguments):
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)
from asgictl.cli import app
sys.addaudithook(audit)
app(["scaffold", "--force"])
"""


def test_killed_while_writing(root: Path, tmp_path: Path) -> None:
    """Whenever it is killed, each file is the old or the new one, and the next run completes the rest."""
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    old = "FROM python\n"
    reached = 0
    for step in range(1, 40):
        for name in (*FILES, *(path.name for path in root.glob("*.before-scaffold*"))):
            (root / name).unlink(missing_ok=True)
        (root / "Dockerfile").write_text(old)
        status, _, stderr = finish(str(step), folder=root, script=script)
        if status == 0:
            break
        assert status == -signal.SIGKILL, stderr
        reached = step
        text = (root / "Dockerfile").read_text()
        assert text == old or signature.is_untouched(text)
        assert all(signature.is_untouched((root / name).read_text()) for name in FILES[2:] if (root / name).exists())
        assert old in {path.read_text() for path in (root / "Dockerfile", *root.glob("Dockerfile.before-scaffold*"))}

        assert run("--force").exit_code == 0
        assert states(run("--json")) == dict.fromkeys(FILES, "same")
        assert not list(root.glob(".*.asgictl-new"))
    assert reached > 8


def test_two_at_once(root: Path) -> None:
    """Two runs at once write what one would."""
    runs = [start("scaffold", "--runner", "asgictl", folder=root) for _ in range(4)]
    for process in runs:
        process.communicate(timeout=60)

    assert [process.returncode for process in runs] == [0] * 4
    assert states(run("--json")) == dict.fromkeys(FILES, "same")


def test_every_finding_is_in_the_json(root: Path) -> None:
    """Of two answers to one question, like two indexes, both are told."""
    (root / "requirements.txt").write_text("-i https://a.example/x\n--extra-index-url https://b.example/x\nfastapi\n")

    found = answers.result(run("--json", "--dry-run").stdout)["found"]

    assert [it["value"] for it in found if it["topic"] == "index"] == ["https://a.example/x", "https://b.example/x"]


def test_nothing_is_written(root: Path) -> None:
    """`--dry-run`, `--diff` and `--stdout` write nothing."""
    before = contents(root)

    looked = run("--dry-run")
    patch = run("--diff")
    one = run("--stdout", "compose.yaml")

    assert looked.stdout.splitlines()[0].split()[:2] == ["root", str(root)]
    assert looked.stdout.splitlines()[-4:] == [f"create    {name}" for name in FILES]
    assert patch.stdout.startswith("--- /dev/null\n+++ b/Dockerfile\n")
    assert signature.is_untouched(one.stdout)
    assert contents(root) == before


def test_a_patch_that_applies(root: Path) -> None:
    """`--diff` is a patch, with which `git apply` does what the command would."""
    run("--for", "docker")
    patch = run("--port", "9000", "--diff").stdout
    subprocess.run(["git", "apply", "-"], cwd=root, input=patch, text=True, check=True)

    assert states(run("--port", "9000", "--json")) == dict.fromkeys(FILES, "same")
    assert run("--port", "9000", "--diff").stderr == "note: nothing would change\n"


def test_save(root: Path) -> None:
    """`--save` keeps the options in `pyproject.toml`, whose lines and comments stay, and the next run has them."""
    (root / "pyproject.toml").write_text("# mine\n[tool.ruff]  # why\nline-length = 99\n")

    result = run("main:app", "--save", "--port", "9000", "--apt", "git", "--apt", "curl", "--for", "docker")

    assert result.exit_code == 0
    assert (root / "pyproject.toml").read_text() == (
        "# mine\n[tool.ruff]  # why\nline-length = 99\n\n"
        '[tool.asgictl]\napp = "main:app"\n\n'
        '[tool.asgictl.scaffold]\nfor = "docker"\napt = ["git", "curl"]\nport = 9000\n'
    )
    assert states(run("--json")) == {"Dockerfile": "same", ".dockerignore": "same"}


def test_save_above_the_project(root: Path) -> None:
    """Above the project `--save` keeps the options where the next run reads them, and finds the same project."""
    for name, text in {
        "api/main.py": "from fastapi import FastAPI\napp = FastAPI()\n",
        "api/requirements.txt": "fastapi\n",
        "api/pyproject.toml": '[project]\nname = "api"\n',
        "pyproject.toml": "[tool.ruff]\n",
    }.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    for name in ("main.py", "requirements.txt"):
        (root / name).unlink()

    assert run("--save", "--port", "9000", "--for", "docker").exit_code == 0

    assert (root / "pyproject.toml").read_text() == (
        '[tool.ruff]\n\n[tool.asgictl.scaffold]\nfor = "docker"\nport = 9000\n'
    )
    assert states(run("--json")) == {"Dockerfile": "same", ".dockerignore": "same"}
    assert "EXPOSE 9000" in (root / "api/Dockerfile").read_text()


def test_a_file_that_is_not_written(root: Path) -> None:
    """`--stdout` with another name lists what there is."""
    result = run("--stdout", "k8s.yaml")

    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "error: `k8s.yaml` is not among the files",
        "hint: choose from Dockerfile, .dockerignore, compose.yaml, compose.dev.yaml, or more with --for",
    ]
    assert root.exists()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--for", "docker,podman"], "there is no target `podman`"),
        (["--for", ","], "`--for` is empty"),
        (["--name", "My Shop"], "`My Shop` cannot be a name in compose and Kubernetes"),
        (["--index-url", "https://me:pw@x.example/simple"], "`--index-url` holds credentials"),
        (["--index-url", "x"], "`x` is not the URL of an index"),
        (["--https", "--for", "all"], "`--https` does not go with prod, swarm, k8s, systemd"),
        (["--port-env", "WEB_CONCURRENCY"], "`WEB_CONCURRENCY` means something else"),
        (["--mode", "bind", "--for", "k8s"], "`--mode` does not go with k8s"),
        (["--name", "null"], "`null` cannot be a name"),
        (["--for", "k8s", "--domain", "10.0.0.1"], "`10.0.0.1` is an address"),
        (["--workdir", "app"], "`--workdir app` is not a folder from `/` on"),
        (["--gateway", "x"], "`--gateway` is for k8s"),
        (["--for", "docker,dev", "--replicas", "3"], "`--replicas` is for prod, swarm and k8s"),
        (["--workdir", "/app/../etc"], "`--workdir /app/../etc` is no place for code"),
        (["--check", "--verify"], "`--check` (command line) and `--verify` (command line) exclude each other"),
    ],
)
def test_wrong_options(root: Path, arguments: list[str], error: str) -> None:
    """A wrong value is told with a hint, and nothing is written."""
    result = run(*arguments)

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-2].startswith(f"error: {error}")
    assert result.stderr.splitlines()[-1].startswith("hint: ")
    assert "me:pw" not in result.stderr
    assert not (root / "Dockerfile").exists()
