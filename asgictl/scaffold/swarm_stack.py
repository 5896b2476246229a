"""What a stack of Docker Swarm needs beside what the other files do."""

import hashlib
import shlex
from collections.abc import Sequence
from typing import Any

from asgictl.scaffold import server_command
from asgictl.scaffold.project import Project
from asgictl.scaffold.request import ScaffoldRequest

# https://docs.docker.com/reference/compose-file/deploy/#restart_policy
_CONDITIONS = {"no": "none", "always": "any", "unless-stopped": "any", "on-failure": "on-failure"}

# As compose has it, the variables of `.env` count more than the image's.
_WITH_VARIABLES = (
    "python",
    "-c",
    'import dotenv,os,sys;dotenv.load_dotenv("/run/secrets/env",override=True);os.execvp(sys.argv[1],sys.argv[1:])',
)


def values(project: Project, request: ScaffoldRequest) -> dict[str, Any]:
    """Return what only `stack.yaml` names."""
    condition, _, attempts = (request.restart or "always").partition(":")
    secret = request.runner == "asgictl" or "python-dotenv" in project.deps.pinned
    fixed = {"FORWARDED_ALLOW_IPS": "*", server_command.port_variable(request): str(request.port)}
    return {
        "stack_name": project.stem,
        "env_secret": secret,
        "swarm_variables": fixed,
        "swarm_command": (
            *_WITH_VARIABLES,
            "env",
            *(f"{name}={value}" for name, value in fixed.items()),
            *server_command.production(project, request),
        ),
        "swarm_restart": (_CONDITIONS[condition], attempts),
        "swarm_set": _set(request),
        "swarm_migrate": _migrating(project, request, secret=secret) if project.migrations else None,
    }


def _set(request: ScaffoldRequest) -> tuple[str, ...]:
    """Return the variables of the shell that the commands and the stack name, each with an example."""
    return (
        "TAG=1.0.0",
        *(() if request.domain else ("DOMAIN=app.example.com",)),
        *(("NODE=$(hostname)",) if request.volumes else ()),
    )


def _migrating(project: Project, request: ScaffoldRequest, *, secret: bool) -> str:
    """Return a command that migrates in a job: `docker stack deploy` knows none."""
    name, command = project.stem, project.migrations.command if project.migrations else ()
    owner = f"uid={request.uid},gid={request.uid},mode=0400"
    if secret:
        command = (*_WITH_VARIABLES, *command)
    given = f"--secret source={name}-env-${{ENV_VERSION:-1}},target=env,{owner}" if secret else "--env-file .env"
    mounts = [f"--mount type=volume,source={name}_{it.name},target={it.path}" for it in request.volumes]
    words = (
        f"timeout 600 docker service create --name {name}-migrate --with-registry-auth",
        "--mode replicated-job --restart-condition none",
        f"--network {name}_default {given}",
        *mounts,
        *(["--constraint node.hostname==${NODE:?set NODE}"] if mounts else []),
        f"{request.image or project.name}:${{TAG:?set TAG}} {shlex.join(command)}",
    )
    return " ".join(words)


def has_variables(command: Sequence[str]) -> bool:
    """Tell whether a command of a stack, as it is written here, reads the variables of `.env` for another one."""
    return tuple(command[: len(_WITH_VARIABLES)]) == _WITH_VARIABLES


def hashed(text: str) -> str:
    """Return what tells a text from every other in the name of a config."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
