"""`scaffold --verify`, with a stand-in for the engine; tests/containers does it on a real one."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import answers
from tests.conftest import ASGICTL, finish, linux
from tests.scaffold.conftest import run

ENGINE = Path(__file__).with_name("fake_engine.py")
pytestmark = linux


@pytest.fixture
def engine(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a stand-in for `docker`, whose container is a process here; return its folder."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (tmp_path / "engine").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        (tmp_path / "engine/port").write_text(str(free.getsockname()[1]))
    called(programs, "docker")
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("FAKE_ENGINE", str(tmp_path / "engine"))
    monkeypatch.setenv("ASGICTL", str(ASGICTL))
    assert run("--for", "docker").exit_code == 0
    assert project.exists()
    return tmp_path / "engine"


def called(programs: Path, name: str) -> None:
    """Have the stand-in called `name`."""
    (programs / name).write_text(f"#!{sys.executable}\n{ENGINE.read_text()}")
    (programs / name).chmod(0o755)


def verify(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as users do."""
    status, stdout, stderr = finish("scaffold", "--verify", "--runner", "asgictl", *arguments)
    return subprocess.CompletedProcess([], status, stdout, stderr)


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_passes(engine: Path, name: str) -> None:
    """Each step is told as it goes, with what was seen; Podman keeps the health check by being told to."""
    programs = engine.parent / "bin"
    (programs / "docker").unlink()
    called(programs, name)

    done = verify()

    assert (done.returncode, done.stderr) == (
        0,
        "note: not tried: other routes than /; other services, like a database\n",
    )
    assert [re.sub(r"\d+\.\d", "N", line) for line in done.stdout.splitlines()] == [
        "ok        build        N s  123 MB",
        "ok        ready        N s  answers 404 after N s",
        "ok        health       N s  its own check of / passes",
        "ok        request      N s  GET / answers 404",
        "ok        upload       N s  POST / of 5 MB answers 404",
        "ok        user         N s  uid 10001, no capabilities",
        "ok        stop         N s  status 0 after N s, 15 s allowed",
    ]
    calls = (engine / "calls").read_text().splitlines()
    assert ("--format docker" in next(line for line in calls if " build " in line)) is (name == "podman")
    locked = (
        "--read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp:size=256m --publish 127.0.0.1::8000"
    )
    assert locked in next(line for line in calls if " run " in line)
    assert [line.split()[1] for line in calls[-2:]] == ["rm", "image"]


FAULTS = {
    "build": ("build", "docker build failed", "no such base image"),
    "app": ("ready", "the container exited with status 3", ""),
    "health": ("health", "the image's own check fails", ""),
    "root": ("user", "the server runs as root", ""),
    "stop": ("stop", "the server was killed after", ""),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fails(engine: Path, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong ends the trial with status 1, and with the container's own last lines."""
    monkeypatch.setenv("FAULT", fault)
    step, problem, _ = FAULTS[fault]

    done = verify()
    answer = answers.result(verify("--json").stdout) if fault == "build" else None

    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith(f"failed    {step}")
    assert done.stderr.splitlines()[-1].startswith(f"error: {step}: {problem}")
    assert "there is no module" in done.stderr or fault != "app"
    assert answer is None or answer["steps"][-1]["lines"][-1] == "no such base image"
    assert answer is None or answer["untried"] == ["other routes than /", "other services, like a database"]
    assert (engine / "calls").read_text().splitlines()[-1].split()[1] == "image"


def test_no_engine(engine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an engine that answers there is nothing to try with: the error says of each why."""
    monkeypatch.setenv("FAULT", "info")

    done = verify()

    assert engine.exists()
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "error: there is no container engine that answers: docker: Cannot connect to the daemon; no podman here",
        "hint: install Docker or Podman, or start it",
    ]


def test_what_is_left_is_told(engine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that cannot be removed is named, with the command that would."""
    monkeypatch.setenv("FAULT", "rm")

    done = verify()

    assert engine.exists()
    assert done.returncode == 3
    assert "device is busy" in done.stderr.splitlines()[-2]
    assert re.match(r"hint: remove it with `docker rm --force --volumes shop-verify-\w+`", done.stderr.splitlines()[-1])


def test_no_dockerfile(engine: Path, project: Path) -> None:
    """Without a Dockerfile there is nothing to build."""
    (project / "Dockerfile").unlink()

    done = verify()

    assert engine.exists()
    assert (done.returncode, done.stderr.splitlines()[-1]) == (4, "hint: write it: `asgictl scaffold`")


def test_secrets_from_elsewhere(engine: Path, project: Path) -> None:
    """A repository alone has no file from outside read by its build, or its container; whoever types it has."""
    secret = project.parent / "netrc"
    secret.write_text("machine x password y\n")
    file = project / "pyproject.toml"
    file.write_text(
        f"{file.read_text() if file.exists() else ''}\n[tool.asgictl.scaffold]\nindex-secret = '../netrc'\n"
    )

    refused = verify()
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.splitlines()[-2:] == [
        f"error: `--verify` would hand `{secret}` to the build "
        "(index-secret in [tool.asgictl.scaffold] of pyproject.toml)",
        "hint: if you know the Dockerfile, pass --index-secret ../netrc too",
    ]
    assert not (engine / "calls").exists()
    assert verify("--index-secret", "../netrc").returncode == 0

    (project / ".env").symlink_to("../netrc")
    refused = verify("--index-secret", "../netrc")
    assert (refused.returncode, refused.stderr.splitlines()[-2:]) == (
        4,
        [
            f"error: `--verify` would hand `{secret}`, to which `.env` leads, to the container",
            "hint: replace the link with a file",
        ],
    )


def test_in_a_container_of_ones_own(engine: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of `.env`, the index's password and a mirror go along; with --mode bind the folder is mounted."""
    (project / ".env").write_text("X=of-dotenv\n")
    (project / "netrc").write_text("")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example.com/simple")
    run("--for", "docker", "--mode", "bind", "--index-secret", "netrc", "--save")

    assert verify().returncode == 0

    calls = (engine / "calls").read_text()
    assert "--secret id=netrc,src=netrc --build-arg PIP_INDEX_URL" in calls
    assert f'--env X --env ASGICTL_SERVE_PORT --mount type=bind,"source={project}",target=/app,readonly' in calls
    assert os.environ["PIP_INDEX_URL"] not in calls
    assert "of-dotenv" not in calls
