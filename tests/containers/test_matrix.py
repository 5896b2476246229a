"""Every kind of project, scaffolded by the real command: built, served, found healthy and stopped."""

import contextlib
import json
from pathlib import Path

import httpx
import pytest

from tests import answers
from tests.conftest import ASGICTL
from tests.containers import lab, projects


@pytest.fixture
def project(request: pytest.FixtureRequest, tmp_path: Path, engine: None) -> Path:
    """Lay out the kind of project that the test names."""
    kind = projects.KINDS[request.param]
    if kind.here_only and lab.SYSTEM:
        pytest.skip("needs the index that is made here")
    return projects.write(tmp_path / "shop", kind)


@pytest.mark.parametrize(("project", "name"), [(name, name) for name in projects.KINDS], indirect=["project"])
def test_builds_serves_and_stops(project: Path, name: str) -> None:
    """What is written is clean for hadolint, builds, serves as a locked-down user, is healthy, and stops well."""
    kind = projects.KINDS[name]
    lab.call(str(ASGICTL), "scaffold", *kind.options, "--save", folder=project)

    assert lab.call("hadolint", "--failure-threshold", "style", "Dockerfile", folder=project) == ""
    *_notes, line = lab.call(str(ASGICTL), "scaffold", "--verify", "--json", folder=project).splitlines()
    answer = answers.result(line)

    assert answer["passed"], json.dumps(answer, indent=2)
    seen = {step["name"]: step["seen"] for step in answer["steps"]}
    uid = "4321" if "--uid" in kind.options else "10001"
    assert seen["user"] == f"uid {uid}, no capabilities"
    assert seen["request"].split(", ")[0] == f"GET {kind.health} answers 200"
    assert list(seen) == ["build", "ready", "health", "request", "upload", "user", "stop"]


@pytest.mark.parametrize(
    ("project", "name"),
    [("uv", "uv"), ("uv package", "uv package"), ("requirements", "requirements")],
    indirect=["project"],
)
def test_the_lifespan_is_shut_down(project: Path, name: str) -> None:
    """The image on its own: the app's shutdown runs at `docker stop`, and the status is 0."""
    lab.call(str(ASGICTL), "scaffold", folder=project)
    lab.call("docker", "build", "--tag", "trial", ".", folder=project)

    container = lab.call("docker", "run", "--detach", "--read-only", "--tmpfs", "/tmp", "trial")
    lab.until(lambda: lab.inspected(container, ".State.Health.Status") == "healthy")
    lab.call("docker", "stop", container)

    logs = lab.call("docker", "logs", container)
    assert ("startup ran" in logs, "shutdown ran" in logs, lab.inspected(container, ".State.ExitCode")) == (
        True,
        True,
        0,
    ), name


@pytest.mark.parametrize("project", ["django"], indirect=True)
def test_djangos_static_files(project: Path) -> None:
    """The static files are collected at the build, without the real secret, and served by the image."""
    lab.call(str(ASGICTL), "scaffold", folder=project)
    lab.call("docker", "build", "--tag", "with-static-files", ".", folder=project)
    published = ("--publish", "127.0.0.1:18081:8000", "--env-file", ".env")

    container = lab.call("docker", "run", "--detach", "--read-only", *published, "with-static-files", folder=project)

    lab.until(lambda: _text("/static/shop.css") == "body { color: teal }\n")
    assert _text("/") == "hello world"
    assert "of-the-container" not in lab.call("docker", "history", "--no-trunc", "with-static-files")
    lab.call("docker", "rm", "--force", container)


@pytest.mark.parametrize("project", ["django"], indirect=True)
def test_djangos_migrations(project: Path) -> None:
    """They are run by a service of their own, which `up` leaves alone, with the settings that serve."""
    lab.call(str(ASGICTL), "scaffold", folder=project)
    compose = ("docker", "compose")
    try:
        assert "Applying contenttypes.0001_initial... OK" in lab.call(
            *compose, "run", "--build", "--rm", "migrate", folder=project
        )
        lab.call(*compose, "up", "--detach", "--wait", folder=project)
        assert lab.call(*compose, "ps", "--all", "--services", folder=project) == "web"
        assert "site_of_ours.settings" in lab.call(*compose, "exec", "web", "env", folder=project)
    finally:
        lab.call(*compose, "down", "--timeout", "5", folder=project)


def _text(path: str) -> str | None:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:18081{path}", headers={"host": "shop.test"}, timeout=5).text
    return None
