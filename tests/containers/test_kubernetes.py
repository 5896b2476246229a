"""The manifest, run as a pod by Podman's `play kube`: there is no cluster here, but there is its pod."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import ASGICTL
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


def test_the_pod_serves_and_stops(tmp_path: Path, podman: tuple[str, ...]) -> None:
    """The Deployment's pod, as it is written, serves as its user on a read-only root, and stops with status 0."""
    folder = projects.write(tmp_path / "shop", projects.KINDS["requirements"])
    lab.call(str(ASGICTL), "scaffold", "--for", "docker,k8s", "--replicas", "1", folder=folder)
    lab.call("docker", "build", "--tag", "shop:1.0.0", ".", folder=folder)
    lab.call("docker", "save", "--output", str(tmp_path / "shop.tar"), "shop:1.0.0")
    lab.call(*podman, "load", "--input", str(tmp_path / "shop.tar"))
    deployment = (folder / "k8s.yaml").read_text().split("\n---\n")[0]
    (tmp_path / "deployment.yaml").write_text(deployment)

    lab.call(*podman, "play", "kube", str(tmp_path / "deployment.yaml"))

    lab.until(lambda: _status() == 200)
    container = lab.call(*podman, "ps", "--format", "{{.Names}}", "--filter", "name=-web").splitlines()[0]
    looked = lab.call(*podman, "inspect", "--format", "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}}", container)
    assert looked == "10001:10001 true"
    lab.call(*podman, "stop", "--time", "30", container)
    assert "shutdown ran" in lab.call(*podman, "logs", container)
    assert lab.call(*podman, "inspect", "--format", "{{.State.ExitCode}}", container) == "0"


def _status() -> int | None:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get("http://127.0.0.1:8000/healthz", timeout=5).status_code
    return None
