"""A project for a Swarm: an app that says who answers, its images, and requests while something happens to it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.conftest import ASGICTL
from tests.containers import lab, projects
from tests.containers.load import Answers

IMAGE = "registry.test/shop"
_APP = """
    import asyncio
    import os
    import socket

    from fastapi import FastAPI, Request

    app = FastAPI()


    @app.get("/who")
    async def who(request: Request):
        return {
            "host": socket.gethostname(),
            "scheme": request.url.scheme,
            "said": os.environ["GREETING"],
            "version": os.environ.get("VERSION"),
        }


    @app.post("/echo")
    async def echo(request: Request):
        body = await request.body()
        await asyncio.sleep(0.05)
        return {"bytes": len(body)}


    @app.get("/healthz")
    async def healthz():
        return "ok"
"""


def write(folder: Path) -> Path:
    """Lay it out, with the files for one machine and for a Swarm; a value of `.env` is quoted, as compose takes it."""
    files = {"main.py": _APP, "requirements.txt": "fastapi\n", ".python-version": "3.11\n"}
    projects.write(folder, projects.Kind({**files, ".env": 'GREETING="hello there" # for /who\n'}))
    options = ("--for", "docker,swarm", "--domain", "localhost", "--image", IMAGE, "--runner", "asgictl")
    lab.call(str(ASGICTL), "scaffold", *options, folder=folder)
    return folder


def build(folder: Path) -> None:
    """Make three versions of its image, `:1`, `:2` and `:3`, and `:broken`, which cannot start."""
    lab.call("docker", "build", "--tag", f"{IMAGE}:1", ".", folder=folder)
    for version in ("2", "3"):
        lab.build(folder.parent / version, f"{IMAGE}:{version}", f"FROM {IMAGE}:1\nENV VERSION={version}\n")
    lab.build(folder.parent / "broken", f"{IMAGE}:broken", f"FROM {IMAGE}:1\nWORKDIR /gone\n")


def deploy(folder: Path, version: str, *docker: str) -> None:
    """Deploy a version of it; `docker` is the command that speaks with the engine, if not the usual one."""
    command = ("env", f"TAG={version}", *(docker or ("docker",)), "stack", "deploy", "-c", "stack.yaml", "shop")
    lab.call(*command, folder=folder)


def serves(version: str, replicas: int, *docker: str) -> bool:
    """Tell whether so many replicas of a version run, and no others."""
    form = "{{.Image}} {{.CurrentState}}"
    command = (*(docker or ("docker",)), "service", "ps", "shop_web", "--filter", "desired-state=running")
    tasks = [line.split()[:2] for line in lab.call(*command, "--format", form).splitlines()]
    return tasks == [[f"{IMAGE}:{version}", "Running"]] * replicas


def state(*docker: str) -> str:
    """Return how far the engine is with the last update."""
    form = "{{.UpdateStatus.State}}"
    return lab.call(*(docker or ("docker",)), "service", "inspect", "shop_web", "--format", form)


def asked_during(happens: Callable[[], object], *within: str, host: str = "127.0.0.1") -> Answers:
    """Return what came of requests while something happened; `within` is a command that starts the clients."""
    command = [*within, sys.executable, "-m", "tests.containers.load", host, "localhost"]
    with subprocess.Popen(command, cwd=lab.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as clients:
        try:
            happens()
        finally:
            said, _ = clients.communicate(timeout=60)
    return Answers(*json.loads(said))
