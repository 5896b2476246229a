"""The stack that scaffold writes, on a Swarm of three nodes: requests that fail while it changes, or a node vanishes.

As root on Linux, with docker.io, mmdebstrap and iproute2: `python -m bench.swarm`. Each node is an engine in a network
namespace of its own, with a cable to a switch; the clients are beside the switch. It takes seven minutes.
"""

import contextlib
import functools
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.containers import lab, swarm_project, test_compose

NETWORK = "198.18.100"
CLIENTS = f"asgictl-swarm-{os.getpid()}"
IMAGES = [*(f"{swarm_project.IMAGE}:{tag}" for tag in ("1", "2", "3", "broken")), "caddy:2-alpine"]


class Node(NamedTuple):
    """An engine on a machine of its own, as far as the network goes."""

    number: int
    home: Path

    @property
    def network(self) -> str:
        """The name of its namespace."""
        return f"{CLIENTS}-{self.number}"

    @property
    def address(self) -> str:
        """Where the others find it."""
        return f"{NETWORK}.{self.number}"

    @property
    def docker(self) -> tuple[str, ...]:
        """The beginning of a command for its engine."""
        return ("docker", "--host", f"unix://{self.home}/socket")

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Join it to the switch, and run its engine."""
        name, cable = self.network, f"node{self.number}"
        lab.call("ip", "netns", "add", name)
        lab.call("ip", "link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", cable, "netns", CLIENTS)
        inside(CLIENTS, f"ip link set {cable} master switch up")
        inside(name, f"ip link set lo up; ip addr add {self.address}/24 dev eth0; ip link set eth0 up")
        self.home.mkdir()
        options = f"--data-root {self.home}/data --exec-root {self.home}/exec --pidfile {self.home}/pid "
        options += f"--host unix://{self.home}/socket --bip 198.18.{self.number}.1/24 --storage-driver overlay2 "
        options += f"--default-address-pool base=198.18.{128 + 16 * self.number}.0/20,size=24"
        start = ["nsenter", f"--net=/run/netns/{name}", "unshare", "--uts", "sh", "-c"]
        with (self.home / "log").open("w") as log:
            engine = subprocess.Popen([*start, f"hostname {cable}; exec dockerd {options}"], stdout=log, stderr=log)
        try:
            lab.until(lambda: "Server Version" in lab.call(*self.docker, "info", check=False))
            yield
        finally:
            self.vanish()
            engine.wait(60)
            mounts = [line.split()[1] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
            for place in sorted((it for it in mounts if it.startswith(f"{self.home}/")), reverse=True):
                lab.call("umount", "--lazy", place)
            lab.call("ip", "netns", "delete", name)

    def vanish(self) -> None:
        """Cut its cable, and kill its engine with all that runs there."""
        inside(CLIENTS, f"ip link set node{self.number} down")
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if str(self.home).encode() in (process / "cmdline").read_bytes():
                    children = (process / f"task/{process.name}/children").read_text().split()
                    for pid in (process.name, *children):
                        os.kill(int(pid), signal.SIGKILL)


def inside(network: str, script: str) -> str:
    """Return what a script in a namespace says."""
    return lab.call("nsenter", f"--net=/run/netns/{network}", "sh", "-ec", script)


@contextlib.contextmanager
def three(home: Path) -> Iterator[list[Node]]:
    """Make a Swarm of three nodes, which have all images; the first one is the manager."""
    lab.call("ip", "netns", "add", CLIENTS)
    try:
        inside(CLIENTS, f"ip link add switch type bridge; ip addr add {NETWORK}.254/24 dev switch")
        inside(CLIENTS, "ip link set lo up; ip link set switch up")
        lab.call("docker", "save", "--output", str(home / "images.tar"), *IMAGES)
        nodes = [Node(number, home / f"node{number}") for number in (1, 2, 3)]
        with contextlib.ExitStack() as stack:
            for node in nodes:
                stack.enter_context(node.running())
                lab.call(*node.docker, "load", "--input", str(home / "images.tar"))
            first, *others = nodes
            pools = ("--default-addr-pool", "198.19.0.0/16")
            lab.call(*first.docker, "swarm", "init", "--advertise-addr", first.address, *pools)
            token = lab.call(*first.docker, "swarm", "join-token", "--quiet", "worker")
            for node in others:
                lab.call(*node.docker, "swarm", "join", "--token", token, f"{first.address}:2377")
            yield nodes
    finally:
        lab.call("ip", "netns", "delete", CLIENTS)


def measured(name: str, happens: Callable[[], object], address: str) -> None:
    """Print what came of requests while something happened."""
    within = ("nsenter", f"--net=/run/netns/{CLIENTS}")
    found = swarm_project.asked_during(happens, *within, host=address)
    print(f"| {name} | {found.total} | {found.failed} | {found.slowest} s |", flush=True)
    if found.failed:
        print(f"  {found.counts}", flush=True)


def changes(folder: Path, nodes: list[Node]) -> None:
    """Print what comes of requests at each change."""
    docker, address = nodes[0].docker, nodes[0].address

    def update(version: str) -> None:
        swarm_project.deploy(folder, version, *docker)
        lab.until(lambda: swarm_project.serves(version, 2, *docker), lambda: swarm_project.state(*docker))

    def fail() -> None:
        swarm_project.deploy(folder, "broken", *docker)
        lab.until(lambda: swarm_project.state(*docker) == "rollback_completed")

    def roll_back() -> None:
        lab.call(*docker, "service", "rollback", "--detach", "shop_web")
        lab.until(lambda: swarm_project.serves("1", 2, *docker), lambda: swarm_project.state(*docker))

    def scale(replicas: int) -> None:
        lab.call(*docker, "service", "scale", "--detach", f"shop_web={replicas}")
        lab.until(lambda: lab.call(*docker, "service", "ls").count(f"{replicas}/{replicas}") > 0)

    def lose_one() -> None:
        nodes[2].vanish()
        lab.until(lambda: "Down" in lab.call(*docker, "node", "ls"))
        lab.until(lambda: swarm_project.serves("1", 6, *docker))

    update("1")
    url = f"--resolve localhost:443:{address} https://localhost/who"
    lab.until(lambda: "hello there" in inside(CLIENTS, f"curl --insecure --silent --max-time 5 {url} || true"))
    print("| | requests | failed | slowest |\n|---|---|---|---|")
    for version in ("2", "3", "1"):
        measured(f"a new version, {version}", functools.partial(update, version), address)
    measured("a version that cannot start, taken back", fail, address)
    update("2")
    measured("docker service rollback", roll_back, address)
    measured("2 replicas become 6", lambda: scale(6), address)
    measured("a node vanishes", lose_one, address)


def main() -> None:
    """Build the images on an engine of its own, then change the stack on three others."""
    with lab.running(), tempfile.TemporaryDirectory(prefix="asgictl-swarm-", ignore_cleanup_errors=True) as parent:
        home = Path(parent)
        folder = swarm_project.write(home / "shop")
        swarm_project.build(folder)
        test_compose.caddy_image(home / "caddy")
        with three(home) as nodes:
            changes(folder, nodes)


if __name__ == "__main__":
    main()
