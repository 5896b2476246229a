"""From a request to a plan: which app, which arguments for uvicorn. Nothing is bound, imported or started."""

import os
import re
import shlex
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from asgictl import adapt, discovery
from asgictl.errors import ConfigError, StartError
from asgictl.serving import arguments, cpus, logs, protocols, tls
from asgictl.serving.app import access_log
from asgictl.serving.app.access_log import AccessLog
from asgictl.serving.instructions import Instructions
from asgictl.serving.request import ServeRequest
from asgictl.serving.sockets import listen, systemd, unix_socket
from asgictl.serving.sockets.listen import Bind
from asgictl.serving.tls import TlsRequest

# The proxies that are believed: uvicorn's own default has no IPv4 client of a dual-stack socket.
PROXIES = "127.0.0.1,::1,::ffff:127.0.0.1"

# Where clients wait in a socket for a successor, one that was let in already has so long to say what it wants; in s.
_DRAIN = 0.5

# In the place of an app that a change of files may bring.
NOT_FOUND = discovery.AppRef(module="", attribute="", found="not found")


class Watch(NamedTuple):
    """What restarts the app: changes below the folders, of files that the patterns say, and of `env_files`."""

    folders: tuple[Path, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    env_files: tuple[Path, ...] = ()


class ServePlan(NamedTuple):
    """What `launch` carries out: where to listen, what to run there, and `uvicorn.run`'s arguments.

    `search` is there only where a plan with `watch` has no app of the user's yet: it returns one, or the bundled one
    again, or raises an `AsgictlError`.
    """

    bind: Bind
    workers: int
    instructions: Instructions
    uvicorn: Mapping[str, Any]
    watch: Watch | None = None
    tls: TlsRequest | None = None
    search: Callable[[], discovery.AppRef] | None = None

    @property
    def scheme(self) -> str:
        """What URLs begin with."""
        return "https" if self.tls else "http"


class Colors(NamedTuple):
    """Which of the two streams shows colours."""

    stdout: bool = False
    stderr: bool = False


PLAIN = Colors()


def plan(
    request: ServeRequest,
    folder: Path,
    environ: Mapping[str, str],
    tell: discovery.Tell = lambda _: None,
    colors: Colors = PLAIN,
) -> ServePlan:
    """Return the plan for `request` in `folder`; `tell` receives every step of the search for the app.

    Raises `ConfigError` for values that cannot be used, `FileProblemError` for bad TLS files, and
    `StartError` when there is no app to serve; not with reload, where a change may bring one that was not named.
    """
    secured = tls.wanted(request)
    given = arguments.checked(request, folder)
    workers = _workers(request)
    if secured:
        tls.check(secured)
        given |= secured.arguments()
    if request.access_log:
        access_log.check(request.access_log_format)
    search = partial(_app, request, folder, environ, tell)
    watch, ref = _watch(request, _found(request, search), folder)
    later = protocols.postponed(given)
    bind = _bind(request, environ)
    return ServePlan(
        bind=bind,
        workers=1 if request.check else workers,
        instructions=Instructions(
            ref=ref,
            how=adapt.Adaptation(request.interface, request.factory, request.static, request.wsgi_threads),
            lifespan=request.lifespan,
            graceful_timeout=request.graceful_timeout,
            startup_timeout=request.startup_timeout,
            needed=protocols.needed(given["loop"], given["http"], given["ws"]),
            loop=given.pop("loop"),
            later=later,
            access_log=_access_log(request, colors),
            reload=request.reload and not request.check,
            show_errors=request.show_errors,
            max_requests=None if request.check else request.max_requests,
            proxies=_proxies(request, environ, bind),
            tls_min=secured.tls_min if secured else None,
            drain=_DRAIN if bind.fd is not None and not request.reload else 0,
            **arguments.for_heads(request),
        ),
        uvicorn=_passed(request, given, colors),
        watch=None if request.check else watch,
        tls=secured,
        search=search if watch and (ref is NOT_FOUND or ref.looked) else None,
    )


def _workers(request: ServeRequest) -> int:
    # At least two, so that they can be replaced one by one.
    workers = max(2, cpus.available()) if request.workers == "auto" else int(request.workers)
    if request.max_requests and workers == 1:
        hint = "pass --workers 2, or drop it: one process that has ended is not started again"
        raise ConfigError("`--max-requests` needs more than one worker", hint=hint, option="max-requests")
    return workers


def _passed(request: ServeRequest, given: Mapping[str, Any], colors: Colors) -> dict[str, Any]:
    """Return what `uvicorn.run` gets of the request: `given`, unless it is asgictl's to decide."""
    return {
        "log_config": logs.config(verbose=request.verbose, log_format=request.log_format, whole=request.traceback),
        "use_colors": colors.stderr if request.log_format == "text" else None,
        "timeout_graceful_shutdown": request.graceful_timeout,
        **given,
        "proxy_headers": False,
        "headers": [arguments.header(text) for text in request.header],
    }


def _found(request: ServeRequest, search: Callable[[], discovery.AppRef]) -> discovery.AppRef:
    """Return the app; with reload `NOT_FOUND` for none, unless it was named: a change may bring one, or mend it."""
    try:
        return search()
    except StartError:
        if request.app is not None or not request.reload or request.check:
            raise
        return NOT_FOUND


def _app(request: ServeRequest, folder: Path, environ: Mapping[str, str], tell: discovery.Tell) -> discovery.AppRef:
    ref = discovery.find(request.app, folder, environ, tell)
    if ref.looked and (request.prod or request.check):
        problem = f"there is no app in `{folder}`"
        raise StartError(problem, hint=f"name it: `asgictl serve module:app` (looked in {', '.join(ref.looked)})")
    return ref


def _bind(request: ServeRequest, environ: Mapping[str, str]) -> Bind:
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
        backlog=request.backlog,
    )


def _watch(request: ServeRequest, ref: discovery.AppRef, folder: Path) -> tuple[Watch | None, discovery.AppRef]:
    """Return what to watch with reload, and `ref`, which notes where its own module is not."""
    if not request.reload:
        return None, ref
    from asgictl.serving.reload import changes

    path = list(ref.path) if ref.file else []
    if ref.file is not None and not request.reload_dir and not ref.file.is_relative_to(folder):
        root = ref.file.parents[ref.module.count(".") + (ref.file.name == "__init__.py")]
        package = ref.module.partition(".")[0]
        if changes.is_installed(root):
            place = shlex.quote(str(root / package if (root / package).is_dir() else root))
            note = f"`{package}` is installed in `{root}`, which is not watched; --reload-dir {place} watches it"
            ref = ref._replace(notes=(*ref.notes, note))
        else:
            path.append(str(root))
    folders = changes.folders(request.reload_dir, folder, path)
    return Watch(tuple(folders), request.reload_include, request.reload_exclude), ref


def _access_log(request: ServeRequest, colors: Colors) -> AccessLog | None:
    if not request.access_log:
        return None
    colored = colors.stdout and request.access_log_format == "text"
    return AccessLog(format=request.access_log_format, quiet_path=request.quiet_path, colors=colored)


def _proxies(request: ServeRequest, environ: Mapping[str, str], bind: Bind) -> str | None:
    if not request.proxy_headers:
        return None
    named = request.forwarded_allow_ips or environ.get("FORWARDED_ALLOW_IPS") or PROXIES
    return f"{named},{listen.UNIX}" if named != "*" and listen.is_unix(bind) else named
