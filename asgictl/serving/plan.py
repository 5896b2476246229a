"""From a request to a plan: which app, which arguments for uvicorn. Nothing is bound, imported or started."""

import os
import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from asgictl import adapt, discovery
from asgictl.errors import ConfigError, StartError
from asgictl.serving import arguments, cpus, logs, tls
from asgictl.serving.app import access_log, error_page, websocket_protocol
from asgictl.serving.app.access_log import AccessLog
from asgictl.serving.app.lifespan import Mode
from asgictl.serving.instructions import Instructions
from asgictl.serving.sockets import systemd, unix_socket
from asgictl.serving.sockets.listen import Bind
from asgictl.serving.tls import TlsRequest

# The proxies that are believed: uvicorn's own default has no IPv4 client of a dual-stack socket.
PROXIES = "127.0.0.1,::1,::ffff:127.0.0.1"


class ServeRequest(NamedTuple):
    """What the user asks for. `uvicorn` holds what uvicorn takes under the same name, `extra` what else it takes."""

    app: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    next_port: bool = False
    uds: str | None = None
    uds_mode: str = "660"
    fd: int | None = None
    workers: str = "1"
    max_requests: int | None = None
    app_required: bool = False
    reload: bool = False
    reload_dirs: Sequence[str] = ()
    reload_include: Sequence[str] = ()
    reload_exclude: Sequence[str] = ()
    show_errors: error_page.ShowErrors = "loopback"
    factory: bool = False
    interface: adapt.Interface = "auto"
    lifespan: Mode = "auto"
    static: bool = True
    wsgi_threads: int = 10
    graceful_timeout: float = 8.0
    startup_timeout: float | None = None
    headers: Sequence[str] = ()
    extra: Mapping[str, Any] = MappingProxyType({})
    access_log: bool = True
    access_log_format: str = "text"
    quiet_paths: Sequence[str] = ()
    log_format: logs.Form = "text"
    verbose: bool = False
    proxy_headers: bool = True
    forwarded_allow_ips: str | None = None
    tls: TlsRequest | None = None
    colors: bool = False
    log_colors: bool = False
    uvicorn: Mapping[str, Any] = MappingProxyType({})


class Watch(NamedTuple):
    """What starts the app anew: changes below the folders, of files that the patterns say."""

    folders: tuple[Path, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class ServePlan(NamedTuple):
    """What `launch` carries out: where to listen, what to run there, and `uvicorn.run`'s arguments."""

    bind: Bind
    workers: int
    instructions: Instructions
    uvicorn: Mapping[str, Any]
    watch: Watch | None = None
    tls: TlsRequest | None = None

    @property
    def scheme(self) -> str:
        """What URLs begin with."""
        return "https" if self.tls else "http"


def plan(request: ServeRequest, folder: Path, environ: Mapping[str, str], tell: discovery.Tell) -> ServePlan:
    """Return the plan for `request` in `folder`; `tell` receives every step of the search for the app.

    Raises `ConfigError` for values that cannot be used, `FileProblemError` for bad TLS files, and
    `StartError` when there is no app to serve.
    """
    given = arguments.checked(request.uvicorn, request.extra, folder)
    # At least two, so that they can be replaced one by one.
    workers = max(2, cpus.available()) if request.workers == "auto" else int(request.workers)
    if request.max_requests and workers == 1:
        hint = "pass --workers 2, or drop it: one process that has ended is not started again"
        raise ConfigError("`--max-requests` needs more than one worker", hint=hint, option="max_requests")
    if request.tls:
        tls.check(request.tls)
        given |= request.tls.arguments()
    if request.access_log:
        access_log.check(request.access_log_format)
    ref = _app(request, folder, environ, tell)
    imports: tuple[str, ...] = ()
    if given.get("ws", "auto") == "auto" and find_spec("websockets"):
        given["ws"], imports = websocket_protocol.protocol, (websocket_protocol.MODULE,)
    instructions = Instructions(
        ref=ref,
        how=adapt.Adaptation(
            interface=request.interface,
            factory=request.factory,
            static=request.static,
            wsgi_threads=request.wsgi_threads,
        ),
        lifespan=request.lifespan,
        grace=request.graceful_timeout,
        startup_timeout=request.startup_timeout,
        loop=given.pop("loop", "auto"),
        imports=imports,
        access_log=_access_log(request),
        reload=request.reload,
        show_errors=request.show_errors,
        max_requests=request.max_requests,
        proxies=_proxies(request, environ) if request.proxy_headers else None,
        tls_minimum=request.tls.minimum if request.tls else None,
    )
    passed = {
        "log_config": logs.config(verbose=request.verbose, form=request.log_format),
        "use_colors": request.colors if request.log_format == "text" else None,
        "timeout_graceful_shutdown": request.graceful_timeout,
        **given,
        "access_log": False,
        "proxy_headers": False,
        "headers": [arguments.header(text) for text in request.headers],
    }
    return ServePlan(
        bind=_bind(request, environ, given.get("backlog", 2048)),
        workers=workers,
        instructions=instructions,
        uvicorn=passed,
        watch=_watch(request, ref, folder) if request.reload else None,
        tls=request.tls,
    )


def _app(request: ServeRequest, folder: Path, environ: Mapping[str, str], tell: discovery.Tell) -> discovery.AppRef:
    ref = discovery.find(request.app, folder, environ, tell)
    if ref.looked and request.app_required:
        problem = f"there is no app in `{folder}`"
        raise StartError(problem, hint=f"name it: `asgictl serve module:app` (looked in {', '.join(ref.looked)})")
    return ref


def _bind(request: ServeRequest, environ: Mapping[str, str], backlog: int) -> Bind:
    if match := re.fullmatch(r"(?:\w+://)?([^:/]*|\[[^]]+\]):(\d+)/?", request.host):
        host = f"--host {match[1].strip('[]')} " if match[1] else ""
        raise ConfigError(f"`--host {request.host}` holds a port", hint=f"pass {host}--port {match[2]}", option="host")
    if "/" in request.host:
        hint = "pass --host with a name or an address alone"
        raise ConfigError(f"`--host {request.host}` is not a host", hint=hint, option="host")
    if not request.host:
        hint = "pass --host 0.0.0.0 to listen on every address"
        raise ConfigError("`--host` is empty", hint=hint, option="host")
    fd = request.fd
    if fd is None and request.uds is None:
        fd = systemd.passed(environ, os.getpid())
    return Bind(
        host=request.host,
        port=request.port,
        next_port=request.next_port,
        uds=request.uds,
        uds_mode=unix_socket.mode_of(request.uds_mode),
        fd=fd,
        backlog=backlog,
    )


def _watch(request: ServeRequest, ref: discovery.AppRef, folder: Path) -> Watch:
    from asgictl.serving.processes import changes

    folders = changes.folders(request.reload_dirs, folder, ref.path if ref.file else ())
    return Watch(tuple(folders), tuple(request.reload_include), tuple(request.reload_exclude))


def _access_log(request: ServeRequest) -> AccessLog | None:
    if not request.access_log:
        return None
    colors = request.log_colors and request.access_log_format == "text"
    return AccessLog(form=request.access_log_format, quiet=tuple(request.quiet_paths), colors=colors)


def _proxies(request: ServeRequest, environ: Mapping[str, str]) -> str:
    return request.forwarded_allow_ips or environ.get("FORWARDED_ALLOW_IPS") or PROXIES
