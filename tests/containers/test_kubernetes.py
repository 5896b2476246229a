"""The manifest, run as pods by Podman's `play kube`: there is no cluster here, but there are its pods."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from asgictl.scaffold import plan
from asgictl.scaffold.detect import detect
from asgictl.scaffold.project import Migrations
from asgictl.scaffold.request import ScaffoldRequest
from tests.containers import lab, projects

# What podman needs where there is neither systemd nor the right to raise limits.
_CONTAINERS = """
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


@pytest.fixture
def podman(tmp_path: Path, engine: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, ...]]:
    """Have podman with a storage of its own; yield the beginning of its command."""
    if shutil.which("podman") is None or lab.SYSTEM:
        if os.environ.get("CI") and not lab.SYSTEM:
            pytest.fail("no podman")
        pytest.skip("needs podman beside an engine of one's own")
    (tmp_path / "containers.conf").write_text(_CONTAINERS)
    monkeypatch.setenv("CONTAINERS_CONF", str(tmp_path / "containers.conf"))
    monkeypatch.delenv("DOCKER_CONFIG")  # podman would look for a password in it
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as run:  # podman wants a short name for it
        command = ("podman", "--root", f"{tmp_path}/root", "--runroot", run, "--storage-driver", "vfs")
        yield command
        lab.call(*command, "pod", "rm", "--all", "--force", check=False)
        lab.call(*command, "system", "reset", "--force", check=False)


_APP = """
import os
from pathlib import Path


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("shutdown ran", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "http":
        body = f"{os.environ['GREETING']} {Path('/data/migrated').read_text()}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
"""
_FILES = {
    "main.py": _APP,
    "requirements.txt": "fastapi\n",
    ".python-version": "3.11\n",
}
# What stands in for the command that migrates, in the image.
_MIGRATES = ("sh", "-c", 'test -n "$GREETING" && echo yes >/data/migrated')


def test_the_pods_migrate_serve_and_stop(tmp_path: Path, podman: tuple[str, ...]) -> None:
    """The Job's pod, and then the Deployment's, run as kustomize makes them: as their user on a read-only root.

    They have the variables of the ConfigMap and share the volume; the server stops with status 0.
    """
    folder = projects.write(tmp_path / "shop", projects.Kind(_FILES))
    request = ScaffoldRequest(
        app="main.py", targets="docker,k8s", replicas=1, volume=("data:/data",), image="localhost/team/shop"
    )
    found = detect(request, folder)._replace(migrations=Migrations(_MIGRATES, "here"))
    for file in plan.plan(found, request):
        (folder / file.path).write_text(file.text)
    image = "localhost/team/shop:1.0.0"
    lab.call("docker", "build", "--tag", image, ".", folder=folder)
    lab.call("docker", "save", "--output", str(tmp_path / "shop.tar"), image)
    lab.call(*podman, "load", "--input", str(tmp_path / "shop.tar"))
    kinds = {
        it["kind"]: it for it in yaml.safe_load_all(lab.call(lab.program("kubectl"), "kustomize", ".", folder=folder))
    }
    variables = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "shop"}, "data": {"GREETING": "hello"}}
    job = {"kind": "Pod", "apiVersion": "v1", **kinds["Job"]["spec"]["template"]}
    job["metadata"]["name"] = kinds["Job"]["metadata"]["name"]

    def play(name: str, *documents: dict[str, Any]) -> None:
        (tmp_path / name).write_text(yaml.safe_dump_all(documents))
        lab.call(*podman, "play", "kube", str(tmp_path / name))

    play("job.yaml", kinds["PersistentVolumeClaim"], variables, job)
    migrate = lab.call(*podman, "ps", "--all", "--format", "{{.Names}}", "--filter", "name=-migrate$").splitlines()[0]
    assert lab.call(*podman, "wait", migrate) == "0", lab.call(*podman, "logs", migrate)
    play("deployment.yaml", variables, kinds["Deployment"])

    lab.until(lambda: _answer() == "hello yes\n", lambda: lab.call(*podman, "ps", "--all"))
    container = lab.call(*podman, "ps", "--format", "{{.Names}}", "--filter", "name=-web").splitlines()[0]
    looked = lab.call(*podman, "inspect", "--format", "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}}", container)
    assert looked == "10001:10001 true"
    lab.call(*podman, "stop", "--time", "30", container)
    assert "shutdown ran" in lab.call(*podman, "logs", container)
    assert lab.call(*podman, "inspect", "--format", "{{.State.ExitCode}}", container) == "0"


def _answer() -> str | None:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get("http://127.0.0.1:8000/", timeout=5).text
    return None
