"""Plan the files: from a project and a request to texts; reads and writes nothing of the user's."""

import math
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from asgictl import __version__, signature
from asgictl.scaffold import accepted, ignore_files, rendering, server_command, swarm_stack, versions
from asgictl.scaffold.django import stand_ins
from asgictl.scaffold.project import DependencyKind, Project
from asgictl.scaffold.request import FILES, ScaffoldRequest

PRESTOP = 10
STARTUP_PERIOD = 2
_CADDY_MEMORY = "512M"
# `kubectl wait` waits for one condition, and a Job ends with one of two: each is asked for in turn, for a quarter of an
# hour.
_K8S_MIGRATE = (
    "(job=$(kubectl apply -k . -l app.kubernetes.io/component!=web -o name | grep ^job) && for _ in $(seq 180); do "
    "kubectl wait --for=condition=complete --timeout=5s $job 2>/dev/null && exit; "
    "kubectl wait --for=condition=failed --timeout=0 $job 2>/dev/null && break; done; "
    "kubectl logs --tail=20 $job; exit 1)"
)
# What is no address of a public network: RFC 1918, RFC 6598 (Amazon's and Google's pods), RFC 4193.
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")

_MERGED = {
    ".dockerignore": "dockerignore",
    "Dockerfile.dockerignore": "dockerignore",
    ".gitignore": "gitignore",
}
_TOOLS = {"uv": "uv", "pylock": "uv", "pyproject": "uv", "poetry": "poetry", "pdm": "pdm", "pipenv": "pipenv"}


class PlannedFile(NamedTuple):
    """A file below the root, and what is to stand in it; of a `merged` one that is only a block of lines."""

    path: str
    text: str
    merged: bool


def plan(project: Project, request: ScaffoldRequest) -> tuple[PlannedFile, ...]:
    """Return the files that the request asks for, always the same for the same project and request.

    Raises `ConfigError` for what the project says and no file can hold.
    """
    accepted.check_project(project)
    accepted.check_workers(project, request)
    request = resolved(project, request)
    values = _values(project, request)
    if "swarm" in request.wanted:
        values["caddyfile_hash"] = swarm_stack.hashed(signature.signed(rendering.render("Caddyfile.j2", values)))
    wanted = dict.fromkeys(name for target in request.wanted for name in FILES.get(target, ()))
    names = [(name, _MERGED.get(name, name)) for name in wanted]
    if project.deps.home:  # https://docs.docker.com/build/concepts/context/#filename-and-location
        names = [(f"Dockerfile{name}" if name == ".dockerignore" else name, source) for name, source in names]
    if "systemd" in request.wanted:
        names += [(f"{project.name}.{kind}", f"unit.{kind}") for kind in ("service", "socket")]
        names += [(f"{project.name}-migrate@.service", "unit.migrate")] if project.migrations else []
    if "docker" in request.wanted and project.in_git:
        names.append((".gitignore", "gitignore"))
    return tuple(
        PlannedFile(name, text if name in _MERGED else signature.signed(text), name in _MERGED)
        for name, template in names
        for text in [rendering.render(f"{template}.j2", values)]
    )


def resolved(project: Project, request: ScaffoldRequest) -> ScaffoldRequest:
    """Return the request with the runner that was found for it."""
    return request._replace(runner=project.runner) if request.runner == "auto" else request


def budgets(graceful: int) -> dict[str, int]:
    """Return how many seconds each level leaves the one below to stop, the server's own `graceful` being the least.

    asgictl takes up to a second and a half more than that for the lifespan's shutdown.
    """
    compose = graceful + 7
    return {"compose": compose, "k8s": max(30, PRESTOP + compose), "unit": compose + 5}


def trial_variables(project: Project, request: ScaffoldRequest) -> Mapping[str, str]:
    """Return the variables without which the settings do not load, each with a value that will do for a trial."""
    return stand_ins.of(project.statics, request.build_env) if project.statics else {}


def tmp_size(memory: str) -> str:
    """Return how much `/tmp` holds, in MiB with its letter: half of `memory`, for it lies in there."""
    size = int(memory[:-1]) * (1 if memory.endswith("M") else 1024)
    return f"{max(1, size // 2)}M"


def _values(project: Project, request: ScaffoldRequest) -> dict[str, Any]:
    """Return what the templates name."""
    grace = budgets(request.graceful)
    prefix = f"{request.registry_prefix.rstrip('/')}/" if request.registry_prefix else ""
    tool = _TOOLS.get(project.deps.kind)
    home = project.deps.home
    stage = "server" if request.mode == "bind" else "runtime"
    beside = {it: server_command.sibling(it, request) for it in project.siblings}
    dev_folders = tuple(dict.fromkeys((*project.app.folders, *(("",) if project.package else ()))))
    dev_path = [f"{request.workdir}/{folder}".rstrip("/") for folder in dev_folders]
    return {
        **request._asdict(),
        "name": project.name,
        "python": project.python,
        "kind": project.deps.kind,
        "tool": tool,
        "tool_version": versions.pinned(tool, project.python) if tool else None,
        "export_version": versions.pinned("poetry-plugin-export", project.python) if tool == "poetry" else None,
        **_runner(project, request),
        "image_name": request.image or project.name,
        "affinity": project.affinity,
        "image": request.base or f"{prefix}python:${{PYTHON_VERSION}}-slim",
        "caddy_image": f"{prefix}caddy:{versions.CADDY}",
        "caddy_memory": _CADDY_MEMORY,
        "files": [("./", ["."])] if project.deps.local else _copied(project.deps.files),
        "list_file": project.deps.files[-1] if project.deps.kind == "pylock" else next(iter(project.deps.files), None),
        "local": project.deps.local,
        **_context(project),
        "selected": _selected(project.deps.kind, request),
        "package": project.package,
        "statics": project.statics,
        "stand_ins": trial_variables(project, request),
        "apt": project.apt,
        "env": _environment(project, request),
        "settings": project.app.settings,
        "desk": project.app.desk,
        "asks_host": project.asking.host is not None,
        "websockets": project.websockets,
        "command": server_command.production(project, request),
        **_checks(project, request),
        "dev_command": server_command.development(project, request),
        "watch_command": server_command.development(project._replace(siblings=()), request),
        "dev_path": ":".join((*dev_path, *beside.values())) if project.package or beside else None,
        "watch_path": ":".join(dev_path) if project.package else None,
        "siblings": {path: place for path, place in beside.items() if path.startswith("../")},
        "dev_stage": "server" if not project.package else "runtime",
        "stage": stage,
        "secret": request.index_secret,
        "restart": request.restart or ("always" if request.mode == "bind" else "unless-stopped"),
        "tty": request.tty or request.mode == "bind",
        "cert_variables": server_command.CERTIFICATE[request.runner],
        "compose_grace": grace["compose"],
        "k8s_grace": grace["k8s"],
        "unit_grace": grace["unit"],
        "prestop": PRESTOP,
        "unit_command": (
            *server_command.server(project, request),
            *(("--fd", "3") if request.runner == "uvicorn" else ()),
        ),
        "migrate": project.migrations.command if project.migrations else None,
        "job": f"{project.stem}-migrate",
        "k8s_migrate": _K8S_MIGRATE,
        "autoscaled": request.replicas > 1 or not (request.volumes or project.affinity),
        "private_networks": _PRIVATE,
        "gateway": _gateway(request.gateway) if request.gateway else None,
        "probe": _probe(project, project.asking.ready),
        "live_probe": _probe(project, project.asking.live),
        "startup_failures": math.ceil(request.startup_time / STARTUP_PERIOD),
        "startup_period": STARTUP_PERIOD,
        "memory_request": _least(request.memory),
        "tmp_size": tmp_size(request.memory),
        "volumes": request.volumes,
        **swarm_stack.values(project, request),
        "swarm_tmp": int(tmp_size(request.memory)[:-1]) * 2**20,
        "swarm_reservation": _least(request.memory).removesuffix("i"),
        "outside": [it.name for it in request.volumes if it.inside(request.workdir) is None],
        "inside": {it.name: it.inside(request.workdir) for it in request.volumes},
        "volumes_inside": [path for it in request.volumes if (path := it.inside(request.workdir))],
        "unit_path": project.app.folders,
        "unit_user": project.name[:31],  # the longest that useradd(8) takes: systemd's rule for User=
        "interpreters": project.interpreters,
        "watched": ignore_files.watched(project, request.workdir),
        "secrets": ignore_files.secrets(project, request),
        "rebuilt": (
            *(f"{project.up}/{it}" if home else it for it in project.deps.files),
            *project.siblings,
            "Dockerfile",
        ),
        "secret_inside": ignore_files.secret_inside(request),
        "ignored": ignore_files.ignored(project, request),
    }


def _selected(kind: DependencyKind, request: ScaffoldRequest) -> str:
    """Return what asks the tool for extras and groups, as it is added to its command."""
    if kind == "poetry":
        return "".join((*(f",{name}" for name in request.group), *(f" --extras {name}" for name in request.extra)))
    if kind == "pdm":
        asked = "".join(f" --group {name}" for name in (*request.extra, *request.group))
        return asked if request.group else f" --prod{asked}"  # PDM takes no group of `dependency-groups` with --prod
    if kind == "pipenv":
        return f' --categories "packages {" ".join(request.group)}"' if request.group else ""
    extras = "".join(f" --extra {name}" for name in request.extra)
    return extras + "".join(f" --group {name}" for name in request.group)


def _context(project: Project) -> dict[str, Any]:
    """Return where the project lies in the build's context, and `below`, where its lock does if that is not on top."""
    deps = project.deps
    own = bool(deps.home) and all(PurePosixPath(file).is_relative_to(deps.home) for file in deps.files)
    return {
        "home": deps.home,
        "ssh": deps.ssh,
        "up": project.up,
        "below": deps.home if own else "",
        "shared": bool(deps.home) and not own and deps.member is None,
        "member": deps.member,
        "folders": [f"./{folder}" for folder in deps.folders],
    }


def _runner(project: Project, request: ScaffoldRequest) -> dict[str, Any]:
    """Return what has to be installed to serve the app beside what the project declares."""
    has = project.deps.pinned
    there = request.runner in has
    extras = []
    if request.runner == "uvicorn":
        if project.app.interface == "wsgi" and "a2wsgi" not in has:
            extras.append(f"a2wsgi=={versions.pinned('a2wsgi', project.python)}")
        if project.websockets and not {"websockets", "wsproto"} & has.keys():
            extras.append(f"websockets=={versions.pinned('websockets', project.python)}")
    secure = request.runner == "asgictl" and request.https
    server = "asgictl[https]" if secure else request.runner
    if there and secure and "cryptography" not in has:  # the project's own asgictl is without the extra
        extras.append(f"{server}=={has['asgictl']}" if has["asgictl"] else server)
    fixed = f"{server} @ {project.server_from}" if project.server_from else None
    version = None
    if not there and not fixed:
        version = versions.pinned("uvicorn", project.python) if request.runner == "uvicorn" else __version__
    return {
        "runner": request.runner,
        "runner_server": None if there else fixed or server,
        "runner_extras": extras,
        "runner_version": version,
    }


def _gateway(text: str) -> dict[str, str]:
    """Return the name of a Gateway, and its namespace if that is another one."""
    namespace, _, name = text.rpartition("/")
    return {"namespace": namespace, "name": name}


def _least(memory: str) -> str:
    """Return what a pod asks for: 128 MiB, or less where less is the limit."""
    return f"{min(128, int(memory[:-1]))}Mi" if memory.endswith("M") else "128Mi"


def _environment(project: Project, request: ScaffoldRequest) -> dict[str, str]:
    folders = [] if project.package and not project.from_source else project.app.folders
    path = ":".join(f"{request.workdir}/{folder}" for folder in folders)
    return {
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONFAULTHANDLER": "1",
        "HOME": "/tmp",  # noqa: S108  # what libraries keep there has to be written
        **({"PYTHONPATH": path} if path else {}),
        **({"DJANGO_SETTINGS_MODULE": project.app.settings} if project.app.settings else {}),
        **({"WEB_CONCURRENCY": str(request.workers)} if request.workers else {}),
        server_command.HOST[request.runner]: "0.0.0.0",  # noqa: S104  # in a container
        server_command.port_variable(request): str(request.port),
    }


def _copied(files: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    """Return the files by the folder that they go to."""
    folders: dict[str, list[str]] = {}
    for file in files:
        parent = PurePosixPath(file).parent.as_posix()
        folders.setdefault("./" if parent == "." else f"{parent}/", []).append(file)
    return list(folders.items())


def _checks(project: Project, request: ScaffoldRequest) -> dict[str, Any]:
    """Return the commands that ask the server in the container how it is."""
    variable = server_command.port_variable(request)
    asked = project.health._replace(path=project.asking.ready or project.health.path)
    headers = project.asking.headers
    host = {name: value for name, value in headers.items() if name == "Host"}
    return {
        "health_command": server_command.health(asked, variable, request.port, host if request.https else headers),
        "tls_health_command": server_command.health(asked, variable, request.port, host, https=True),
    }


def _probe(project: Project, path: str | None) -> str:
    """Return what the kubelet asks: the route for health, or where none is known, whether the port is open."""
    health, asking = project.health, project.asking
    if not health.strict and (health.path == "/" or asking.host is None):
        return "tcpSocket: {port: http}"
    headers = ", ".join(f"{{name: {name}, value: {rendering.quoted(value)}}}" for name, value in asking.headers.items())
    sent = f", httpHeaders: [{headers}]" if headers else ""
    return f"httpGet: {{path: {rendering.quoted(path or health.path)}, port: http{sent}}}"
