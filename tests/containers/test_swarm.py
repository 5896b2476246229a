"""The stack, deployed on a Swarm of one node: `bench/swarm.py` has three."""

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.containers import lab, swarm_project, test_compose


@pytest.fixture
def swarm(engine: None) -> Iterator[None]:
    """Make the engine a Swarm of one."""
    lab.call("docker", "swarm", "init", "--advertise-addr", "127.0.0.1" if lab.SYSTEM else lab.GATEWAY)
    yield
    lab.call("docker", "stack", "rm", "shop")
    lab.call("docker", "swarm", "leave", "--force")
    lab.until(lambda: not lab.call("docker", "ps", "--quiet", "--filter", "name=shop_"))


def who() -> dict[str, Any] | None:
    """Return what a replica says of itself, or None where none answers."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with contextlib.suppress(httpx.HTTPError, ValueError):
        said: dict[str, Any] = httpx.get("https://localhost/who", verify=context, timeout=5).json()
        return said
    return None


def test_rolling(tmp_path: Path, swarm: None) -> None:
    """A new version fails no request; one that cannot start is taken back by itself, and fails none either."""
    folder = swarm_project.write(tmp_path / "shop")
    swarm_project.build(folder)
    if not lab.SYSTEM:
        test_compose.caddy_image(tmp_path / "caddy")
    swarm_project.deploy(folder, "1")
    lab.until(lambda: swarm_project.serves("1", 2) and who() is not None)

    def update() -> None:
        swarm_project.deploy(folder, "2")
        lab.until(lambda: swarm_project.serves("2", 2), swarm_project.state)

    updated = swarm_project.asked_during(update)
    lab.until(lambda: (who() or {}).get("version") == "2")  # an old one may answer for a second
    said = who() or {}
    assert (said["scheme"], said["said"]) == ("https", "hello there")
    assert (updated.failed, updated.hosts > 2) == (0, True), updated  # new ones among them

    def fail() -> None:
        swarm_project.deploy(folder, "broken")
        lab.until(lambda: swarm_project.state() == "rollback_completed", swarm_project.state)

    taken_back = swarm_project.asked_during(fail)
    assert swarm_project.serves("2", 2)
    assert taken_back.failed == 0, taken_back
