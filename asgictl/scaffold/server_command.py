"""How the server is started: in the image, while developing, and by systemd."""

import shlex
from collections.abc import Mapping, Sequence

from asgictl.scaffold.project import Health, Project
from asgictl.scaffold.request import ScaffoldRequest

# What the servers read themselves, so that `docker run -e` can change it though CMD has no shell.
HOST = {"asgictl": "ASGICTL_SERVE_HOST", "uvicorn": "UVICORN_HOST"}
PORT = {"asgictl": "ASGICTL_SERVE_PORT", "uvicorn": "UVICORN_PORT"}
CERTIFICATE = {
    "asgictl": ("ASGICTL_SERVE_SSL_CERTFILE", "ASGICTL_SERVE_SSL_KEYFILE"),
    "uvicorn": ("UVICORN_SSL_CERTFILE", "UVICORN_SSL_KEYFILE"),
}
_USUAL_GRACE = ScaffoldRequest().graceful


def port_variable(request: ScaffoldRequest) -> str:
    """Return the variable that the port is read from in the container."""
    return request.port_env or PORT[request.runner]


def production(project: Project, request: ScaffoldRequest) -> tuple[str, ...]:
    """Return the command of the image, which is process 1 and so hears the signal to stop."""
    command = server(project, request)
    native = {"asgictl": ("PORT", PORT["asgictl"]), "uvicorn": (PORT["uvicorn"],)}[request.runner]
    if request.port_env is None or request.port_env in native:
        return command
    return ("sh", "-c", f'exec {shlex.join(command)} --port "${{{request.port_env}:-{request.port}}}"')


def server(project: Project, request: ScaffoldRequest) -> tuple[str, ...]:
    """Return the command without an address: variables, or a socket that is passed, have that."""
    if request.runner == "uvicorn":
        return (*_uvicorn(project), "--timeout-graceful-shutdown", str(request.graceful))
    grace = ("--graceful-timeout", str(request.graceful)) if request.graceful != _USUAL_GRACE else ()
    paths = filter(None, (project.health.path, project.asking.live, project.asking.ready))
    quiet = tuple(word for path in paths if path != "/" for word in ("--quiet-path", path))
    return (*_asgictl(project), "--prod", *grace, *quiet)


def development(project: Project, request: ScaffoldRequest) -> tuple[str, ...]:
    """Return the command that follows edits, and shows errors where the runner can do that."""
    outside = [sibling(it, request) for it in project.siblings if it.startswith("../")]
    follow = ["--reload", *(word for folder in (".", *outside) if outside for word in ("--reload-dir", folder))]
    if request.runner == "uvicorn":
        return (*_uvicorn(project), *follow)
    return (*_asgictl(project), *follow, "--graceful-timeout", "1", "--show-errors", "always")


def sibling(path: str, request: ScaffoldRequest) -> str:
    """Return where a library of the same repository lies in a container while developing."""
    return f"/siblings/{path.replace('../', '')}" if path.startswith("../") else f"{request.workdir}/{path}"


def health(
    asked: Health, variable: str, port: int, headers: Mapping[str, str] | None = None, *, https: bool = False
) -> list[str]:
    """Return the command that asks the server in the container how it is: a slim image has neither curl nor wget."""
    made = "HTTPSConnection" if https else "HTTPConnection"
    sent = f",headers={dict(headers)}" if headers else ""
    context = ",context=s._create_unverified_context()" if https else ""
    code = (
        f"import http.client as h,os,{'ssl as s,' if https else ''}sys;"
        f"c=h.{made}('127.0.0.1',int(os.environ.get('{variable}') or {port}),timeout=4{context});"
        f"c.request('GET',{asked.path!r}{sent});sys.exit(c.getresponse().status>={400 if asked.strict else 500})"
    )
    return ["python", "-c", code]


def _asgictl(project: Project) -> Sequence[str]:
    return ("asgictl", "serve", project.app.name, *(("--factory",) if project.app.factory else ()))


def _uvicorn(project: Project) -> Sequence[str]:
    app = project.app
    return (
        "uvicorn",
        app.name,
        *(("--factory",) if app.factory else ()),
        *(("--interface", app.interface) if app.interface != "asgi3" else ()),
    )
