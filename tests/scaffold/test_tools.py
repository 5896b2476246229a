"""The programs that `scaffold --check` asks: what each is called with, what it says, and when it is not asked."""

import json
import sys
from pathlib import Path

import pytest

from asgictl.scaffold.lint import tools
from asgictl.scaffold.lint.tools import Run

PYTHON = sys.executable  # the fixture sets another
PROGRAM = f"""#!{sys.executable}
import json, os, pathlib, sys
here = pathlib.Path(__file__)
with here.with_name("calls").open("a") as calls:
    print(json.dumps([here.name, *sys.argv[1:], os.getcwd(), os.environ.get("DOMAIN")]), file=calls)
answer = json.loads(here.with_name("answers").read_text()).get(here.name, {{}})
print(answer.get("out", ""))
print(answer.get("err", ""), file=sys.stderr)
sys.exit(answer.get(sys.argv[-1], answer.get("status", 0)))
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder for programs, which is all of the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "answers").write_text("{}")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.delenv("DOMAIN", raising=False)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the folder of a project."""
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder


def install(folder: Path, *names: str) -> None:
    """Have programs that note how they are called."""
    for name in names:
        (folder / name).write_text(PROGRAM)
        (folder / name).chmod(0o755)


def answer(programs: Path, **answers: dict[str, object]) -> None:
    """Have programs answer otherwise than with silence and 0."""
    (programs / "answers").write_text(json.dumps({name.replace("_", "-"): it for name, it in answers.items()}))


def calls(programs: Path) -> list[list[str | None]]:
    """Return how the programs were called: the words, the folder and DOMAIN."""
    file = programs / "calls"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


FILES = [
    ("Dockerfile", "hadolint", ["hadolint", "--failure-threshold", "style", "--no-color", "Dockerfile"], None),
    ("Caddyfile", "caddy", ["caddy", "validate", "--adapter", "caddyfile", "--config", "Caddyfile"], "localhost"),
    ("deploy.sh", "shellcheck", ["shellcheck", "deploy.sh"], None),
    ("deploy.sh", "sh", ["sh", "-n", "deploy.sh"], None),
    ("k8s.yaml", "kubernetes-validate", ["kubernetes-validate", "--strict", "--quiet", "k8s.yaml"], None),
    ("kustomization.yaml", "kubectl kustomize", ["kubectl", "kustomize", "."], None),
    ("kustomization.yaml", "kubectl kustomize", ["kustomize", "build", "."], None),
]


@pytest.mark.parametrize(("name", "tool", "words", "domain"), FILES)
def test_what_is_asked(root: Path, programs: Path, name: str, tool: str, words: list[str], domain: str | None) -> None:
    """Each file is shown to the program that knows it, in the project's folder."""
    install(programs, words[0])
    (root / name).touch()

    assert list(tools.runs(root, [name, "other.yaml", "x.socket"])) == [Run(tool, name, passed=True, said=())]
    assert calls(programs) == [[*words, str(root), domain]]


def test_a_domain_of_the_users(root: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The domain that is set where the check runs is the one that Caddy and compose get."""
    monkeypatch.setenv("DOMAIN", "a.b")
    install(programs, "caddy", "docker-compose")

    assert [run.passed for run in tools.runs(root, ["Caddyfile", "compose.yaml"])] == [True, True]
    assert {call[-1] for call in calls(programs)} == {"a.b"}


CONFIG = ["config", "--quiet"]


@pytest.mark.parametrize(
    ("name", "beside", "files"),
    [
        ("compose.yaml", False, ["-f", "compose.yaml"]),
        ("compose.yaml", True, ["-f", "compose.yaml"]),
        ("compose.dev.yaml", True, ["-f", "compose.yaml", "-f", "compose.dev.yaml"]),
        ("compose.dev.yaml", False, ["-f", "compose.dev.yaml"]),
    ],
)
def test_compose(root: Path, programs: Path, name: str, beside: bool, files: list[str]) -> None:
    """Compose gets a file together with the one that it builds upon, where that is there."""
    install(programs, "docker", "docker-compose")
    if beside:
        (root / "compose.yaml").write_text("")

    assert list(tools.runs(root, [name])) == [Run("docker compose", name, passed=True, said=())]
    assert calls(programs) == [
        ["docker", "compose", "version", str(Path.cwd()), None],
        ["docker", "compose", *files, *CONFIG, str(root), "localhost"],
    ]


@pytest.mark.parametrize("docker", [True, False])
def test_another_compose(root: Path, programs: Path, docker: bool) -> None:
    """The program of its own is asked where Docker is not there, or has no compose; with neither, none is."""
    if docker:
        install(programs, "docker")
        answer(programs, docker={"version": 1})
    skipped = Run("docker compose", "compose.yaml", None, ("not installed",))
    assert list(tools.runs(root, ["compose.yaml"])) == [skipped]
    install(programs, "docker-compose")

    assert list(tools.runs(root, ["compose.yaml"])) == [Run("docker compose", "compose.yaml", passed=True, said=())]
    assert calls(programs)[-1] == ["docker-compose", "-f", "compose.yaml", *CONFIG, str(root), "localhost"]
    (programs / "docker-compose").write_text("#!/nowhere/at/all\n")
    assert list(tools.runs(root, ["compose.yaml"])) == [skipped]


def test_what_is_said(root: Path, programs: Path) -> None:
    """What a program says when it finds something is kept, without blank lines; when it is content, nothing is."""
    install(programs, "hadolint", "caddy")
    answer(
        programs,
        hadolint={"out": "one\n\n  two", "err": "three", "status": 1},
        caddy={"out": "all is well", "err": "really"},
    )

    assert list(tools.runs(root, ["Dockerfile", "Caddyfile", "k8s.yaml"])) == [
        Run("hadolint", "Dockerfile", passed=False, said=("one", "  two", "three")),
        Run("caddy", "Caddyfile", passed=True, said=()),
        Run("kubernetes-validate", "k8s.yaml", None, ("not installed",)),
    ]


def test_words_in_another_encoding(root: Path, programs: Path) -> None:
    """What a program says in another encoding is told all the same."""
    (programs / "hadolint").write_text(f"#!{PYTHON}\nimport sys\nsys.stdout.buffer.write(b'a\\xff\\n')\nsys.exit(1)\n")
    (programs / "hadolint").chmod(0o755)

    assert [run.said for run in tools.runs(root, ["Dockerfile"])] == [("a\ufffd",)]


def test_a_program_beside_asgictl(root: Path, programs: Path) -> None:
    """A program that is installed beside asgictl need not be on the path; that one comes first."""
    install(programs.parent, "hadolint")
    (programs.parent / "answers").write_text('{"hadolint": {"out": "beside", "status": 1}}')
    assert [run.said for run in tools.runs(root, ["Dockerfile"])] == [("beside",)]
    install(programs, "hadolint")

    assert [run.passed for run in tools.runs(root, ["Dockerfile"])] == [True]


def test_a_program_that_does_not_work(root: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that cannot be started, or does not end, is skipped with the reason."""
    (programs / "hadolint").write_text("#!/nowhere/at/all\n")
    (programs / "hadolint").chmod(0o755)
    (programs / "caddy").write_text("#!/bin/sh\nexec /bin/sleep 600\n")
    (programs / "caddy").chmod(0o755)
    (programs / "docker").symlink_to(programs / "caddy")
    monkeypatch.setattr(tools, "_LONGEST", 0.2)

    broken, slow, compose = tools.runs(root, ["Dockerfile", "Caddyfile", "compose.yaml"])

    assert broken == Run(
        "hadolint", "Dockerfile", None, (f"[Errno 2] No such file or directory: '{programs / 'hadolint'}'",)
    )
    command = [str(programs / "caddy"), "validate", "--adapter", "caddyfile", "--config", "Caddyfile"]
    assert slow == Run("caddy", "Caddyfile", None, (f"Command '{command}' timed out after 0.2 seconds",))
    assert compose == Run("docker compose", "compose.yaml", None, ("not installed",))


SYSTEMD = f"""#!{sys.executable}
import pathlib, sys
file = pathlib.Path(sys.argv[-1])
print(*sys.argv[1:])
for name in sorted(file.parent.iterdir()):
    print(name, repr(name.read_bytes()))
sys.exit(1)
"""


def test_units(root: Path, programs: Path) -> None:
    """Systemd sees copies of all units, with programs that are there, and its words name them as they are."""
    (root / "shop.service").write_bytes(b"[Service]\nExecStartPre=/x/y a\nExecStart=/srv/z b\xff\nX=ExecStart=/q\n")
    (root / "shop.socket").write_text("[Socket]\n")
    (root / "shop.txt").write_text("")
    (programs / "systemd-analyze").write_text(SYSTEMD)
    (programs / "systemd-analyze").chmod(0o755)

    (run,) = tools.runs(root, ["shop.service"])

    unit = "[Service]\nExecStartPre=/bin/true a\nExecStart=/bin/true b\ufffd\nX=ExecStart=/q\n".encode()
    assert run == Run(
        "systemd-analyze",
        "shop.service",
        passed=False,
        said=(
            "verify --recursive-errors=yes --man=no shop.service",
            f"shop.service {unit!r}",
            "shop.socket b'[Socket]\\n'",
        ),
    )


FETCHED = {
    "a repository": "resources: [github.com/x/y]\n",
    "a URL": "resources: [k8s.yaml]\npatches: [{path: 'https://x.test/y.yaml'}]\n",
    "a folder": "resources: [base]\n",
    "a file above": "resources: [../k8s.yaml]\n",
    "another list": "components: [git@x.test:y]\n",
    "no text": "resources: [{a: b}]\n",
}


@pytest.mark.parametrize("text", FETCHED.values(), ids=list(FETCHED))
def test_what_kustomize_would_fetch(root: Path, programs: Path, text: str) -> None:
    """A kustomization that names more than files beside it is not put together: nothing is fetched to check it."""
    install(programs, "kubectl", "kustomize")
    (root / "kustomization.yaml").write_text(text)
    (root / "k8s.yaml").touch()
    (root / "base").mkdir()
    (root.parent / "k8s.yaml").touch()

    said = ("it names more than the files beside it",)
    assert list(tools.runs(root, ["kustomization.yaml"])) == [
        Run("kubectl kustomize", "kustomization.yaml", None, said)
    ]
    assert calls(programs) == []


def test_units_that_are_no_files(root: Path, programs: Path) -> None:
    """A folder, or a link to nothing, that is called like a unit is no unit."""
    install(programs, "systemd-analyze")
    (root / "shop.service").write_text("[Service]\n")
    (root / "a.service").mkdir()
    (root / "b.socket").symlink_to(root / "gone")

    assert [run.passed for run in tools.runs(root, ["shop.service"])] == [True]
