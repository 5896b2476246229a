"""What a stack of Docker Swarm needs beside what the other files do."""

import hashlib
import shlex
from typing import Any

from asgictl.scaffold.project import Project
from asgictl.scaffold.request import ScaffoldRequest

# https://docs.docker.com/reference/compose-file/deploy/#restart_policy
_CONDITIONS = {"no": "none", "always": "any", "unless-stopped": "any", "on-failure": "on-failure"}
_ENV_FILE = {"asgictl": "ASGICTL_SERVE_ENV_FILE", "uvicorn": "UVICORN_ENV_FILE"}

_WITH_VARIABLES = "import dotenv,os,sys;dotenv.load_dotenv('/run/secrets/env');os.execvp(sys.argv[1],sys.argv[1:])"


def values(project: Project, request: ScaffoldRequest) -> dict[str, Any]:
    """Return what only `stack.yaml` names."""
    condition, _, attempts = (request.restart or "always").partition(":")
    secret = request.runner == "asgictl" or "python-dotenv" in project.deps.pinned
    return {
        "stack_name": project.stem,
        "env_secret": secret,
        "env_variable": _ENV_FILE[request.runner],
        "swarm_restart": (_CONDITIONS[condition], attempts),
        "swarm_migrate": _migrating(project, request, secret=secret) if project.migrations else (),
    }


def _migrating(project: Project, request: ScaffoldRequest, *, secret: bool) -> tuple[str, ...]:
    """Return the lines of a command that migrates in a job: `docker stack deploy` knows none."""
    name, command = project.stem, project.migrations.command if project.migrations else ()
    owner = f"uid={request.uid},gid={request.uid},mode=0400"
    if secret:
        command = ("python", "-c", _WITH_VARIABLES, *command)
    given = f"--secret source={name}-env-${{ENV_VERSION:-1}},target=env,{owner}" if secret else "--env-file .env"
    mounts = [f"--mount type=volume,source={name}_{it.name},target={it.path}" for it in request.volumes]
    return (
        f"docker service rm {name}-migrate",
        f"timeout 600 docker service create --name {name}-migrate --with-registry-auth",
        "--mode replicated-job --restart-condition none",
        f"--network {name}_default {given}",
        *mounts,
        *(["--constraint node.hostname==$NODE"] if mounts else []),
        f"{request.image or project.name}:$TAG {shlex.join(command)}",
    )


def hashed(text: str) -> str:
    """Return what tells a text from every other in the name of a config."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
