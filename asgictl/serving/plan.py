"""From a request to a plan: which app, which arguments for uvicorn. Nothing is bound, imported or started."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from asgictl import adapt, target
from asgictl.errors import ConfigError, FileProblemError, StartError
from asgictl.serving import access_log, cpus, error_page, logs, systemd, tls, unix_socket, websocket
from asgictl.serving.access_log import AccessLog
from asgictl.serving.instructions import Instructions
from asgictl.serving.lifespan import Mode
from asgictl.serving.listen import Bind

# Uvicorn's arguments that have an option of the same name and are handed on as they are.
PASSED = (
    "backlog",
    "date_header",
    "http",
    "http2",
    "limit_concurrency",
    "log_config",
    "log_level",
    "loop",
    "root_path",
    "server_header",
    "ssl_ca_certs",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_keyfile_password",
    "timeout_keep_alive",
    "ws",
    "ws_max_size",
    "ws_ping_interval",
    "ws_ping_timeout",
)

# Uvicorn's arguments that `-X` does not take, each with what to do instead.
_OWNED = {
    **{name: f"pass --{name.replace('_', '-')}" for name in PASSED},
    **{name: f"pass --{name}" for name in ("factory", "fd", "host", "interface", "lifespan", "port")},
    **{name: f"pass --{name}" for name in ("reload", "uds", "workers")},
    **{f"reload_{end}s": f"pass --reload-{end}" for end in ("dir", "exclude", "include")},
    "access_log": "pass --access-log or --no-access-log",
    "forwarded_allow_ips": "pass --forwarded-allow-ips",
    "proxy_headers": "pass --proxy-headers or --no-proxy-headers",
    "app": "name the app as the argument",
    "app_dir": "run asgictl in the app's folder",
    "env_file": "pass --env-file",
    "headers": "pass --header",
    "limit_max_requests": "pass --max-requests",
    "limit_max_requests_jitter": "pass --max-requests, which spreads by itself",
    "reload_delay": "pass --reload, which has no delay",
    "ssl_context_factory": "pass --ssl-certfile and --ssl-keyfile",
    "timeout_graceful_shutdown": "pass --graceful-timeout",
    "use_colors": "set NO_COLOR or FORCE_COLOR",
}

# The proxies that are believed: uvicorn's own default has no IPv4 client of a dual-stack socket.
PROXIES = "127.0.0.1,::1,::ffff:127.0.0.1"

# The choices that uvicorn offers by name, with the package that each needs.
_CHOICES: dict[str, dict[str, str | None]] = {
    "http": {"auto": None, "h11": "h11", "httptools": "httptools", "zttp": "zttp"},
    "loop": {"auto": None, "asyncio": None, "none": None, "uvloop": "uvloop", "zuvloop": "zuvloop"},
    "ws": {
        "auto": None,
        "none": None,
        "websockets": "websockets",
        "websockets-sansio": "websockets",
        "wsproto": "wsproto",
    },
}

# RFC 9110 section 5.1 (a token) and 5.5 (no control characters).
_HEADER = r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)"


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
    production: bool = False
    reload: bool = False
    reload_dirs: Sequence[str] = ()
    reload_include: Sequence[str] = ()
    reload_exclude: Sequence[str] = ()
    show_errors: error_page.Audience = "loopback"
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
    scheme: str
    instructions: Instructions
    uvicorn: Mapping[str, Any]
    watch: Watch | None = None


def plan(request: ServeRequest, folder: Path, environ: Mapping[str, str], tell: target.Tell) -> ServePlan:
    """Return the plan for `request` in `folder`; `tell` receives every step of the search for the app.

    Raises `ConfigError` for values that cannot be used, `FileProblemError` for bad TLS files, and
    `StartError` when there is no app to serve.
    """
    arguments = {name: value for name, value in request.uvicorn.items() if value is not None}
    arguments |= _extra(request.extra)
    if arguments.pop("http2", False):
        arguments |= _http2(arguments.get("http", "auto"))
    _check(arguments, folder)
    workers = cpus.available() if request.workers == "auto" else int(request.workers)
    if request.max_requests and workers == 1:
        hint = "pass --workers 2, or drop it: one process that has ended is not started again"
        raise ConfigError("`--max-requests` needs more than one worker", hint=hint)
    if request.access_log:
        access_log.check(request.access_log_format)
    ref = _app(request, folder, environ, tell)
    imports: tuple[str, ...] = ()
    if arguments.get("ws", "auto") == "auto" and find_spec("websockets"):
        arguments["ws"], imports = websocket.protocol, (websocket.MODULE,)
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
        loop=arguments.pop("loop", "auto"),
        imports=imports,
        access_log=_access_log(request),
        reload=request.reload,
        show_errors=request.show_errors,
        max_requests=request.max_requests,
        proxies=_proxies(request, environ) if request.proxy_headers else None,
    )
    arguments = {
        "log_config": logs.config(verbose=request.verbose, form=request.log_format),
        "use_colors": request.colors if request.log_format == "text" else None,
        "timeout_graceful_shutdown": request.graceful_timeout,
        **arguments,
        "access_log": False,
        "proxy_headers": False,
        "headers": [_header(text) for text in request.headers],
    }
    return ServePlan(
        bind=_bind(request, environ, arguments.get("backlog", 2048)),
        workers=workers,
        scheme="https" if "ssl_certfile" in arguments else "http",
        instructions=instructions,
        uvicorn=arguments,
        watch=_watch(request, ref, folder) if request.reload else None,
    )


def _app(request: ServeRequest, folder: Path, environ: Mapping[str, str], tell: target.Tell) -> target.AppRef:
    try:
        ref = target.find(request.app, folder, environ, tell)
    except (OSError, RuntimeError) as error:  # permissions, names that are too long, links that lead nowhere
        problem = f"cannot look for the app in `{folder}`: {error}"
        raise StartError(problem, hint="name it as `module:app`, or see that its folder can be read") from error
    if ref.looked and request.production:
        problem = f"there is no app in `{folder}`"
        raise StartError(problem, hint=f"name it: `asgictl serve module:app` (looked in {', '.join(ref.looked)})")
    return ref


def _bind(request: ServeRequest, environ: Mapping[str, str], backlog: int) -> Bind:
    if not request.host:
        raise ConfigError("`--host` is empty", hint="pass --host 0.0.0.0 to listen on every address")
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


def _watch(request: ServeRequest, ref: target.AppRef, folder: Path) -> Watch:
    from asgictl.serving import changes

    folders = changes.folders(request.reload_dirs, folder, ref.path if ref.file else ())
    return Watch(tuple(folders), tuple(request.reload_include), tuple(request.reload_exclude))


def _access_log(request: ServeRequest) -> AccessLog | None:
    if not request.access_log:
        return None
    colors = request.log_colors and request.access_log_format == "text"
    return AccessLog(form=request.access_log_format, quiet=tuple(request.quiet_paths), colors=colors)


def _proxies(request: ServeRequest, environ: Mapping[str, str]) -> str:
    return request.forwarded_allow_ips or environ.get("FORWARDED_ALLOW_IPS") or PROXIES


def _http2(http: str) -> dict[str, Any]:
    if http not in ("auto", "zttp"):
        raise ConfigError(f"`--http2` does not go with `--http {http}`", hint="drop --http: HTTP/2 needs zttp")
    if find_spec("zttp") is None:
        hint = f"install it: `{sys.executable} -m pip install zttp`"
        raise ConfigError("`--http2` needs the package `zttp`", hint=hint)
    return {"http2": True, "http": "zttp"}


def _check(arguments: Mapping[str, Any], folder: Path) -> None:
    """Raise for arguments that uvicorn would stumble over only after the start."""
    for name, choices in _CHOICES.items():
        choice = arguments.get(name, "auto")
        module = choice.partition(":")[0] if ":" in choice else None
        if module and target.locate(module, folder) is None:
            raise ConfigError(f"there is no module `{module}` for `--{name} {choice}`", hint="see that it is installed")
        if choice not in choices and module is None:
            close = get_close_matches(choice, choices, n=1)
            hint = f"did you mean `--{name} {close[0]}`?" if close else f"pass {', '.join(choices)} or module:attribute"
            raise ConfigError(f"`--{name} {choice}` is not known", hint=hint)
        package = choices.get(choice)
        if package and find_spec(package) is None:
            hint = f"install it: `{sys.executable} -m pip install {package}`"
            raise ConfigError(f"`--{name} {choice}` needs the package `{package}`", hint=hint)
    names = ("ssl_certfile", "ssl_keyfile", "ssl_keyfile_password", "ssl_ca_certs")
    tls.check(*(arguments.get(name) for name in names))
    if "log_config" in arguments and not Path(arguments["log_config"]).is_file():
        raise FileProblemError(f"there is no file `{arguments['log_config']}`", hint="pass --log-config with a file")


def _header(text: str) -> tuple[str, str]:
    match = re.fullmatch(_HEADER, text)
    if match is None:
        raise ConfigError(f"`{text}` is not a header", hint="write it as `Name: value`")
    return match[1], match[2].rstrip()


def _extra(items: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments for uvicorn in `items`, text or typed, checked against the installed uvicorn."""
    if not items:
        return {}
    import inspect

    import uvicorn

    known = inspect.signature(uvicorn.run).parameters
    checked: dict[str, Any] = {}
    for name, value in items.items():
        if name in _OWNED:
            raise ConfigError(f"`-X {name}` is asgictl's to decide", hint=_OWNED[name])
        if name not in known:
            close = get_close_matches(name, known.keys() - _OWNED.keys(), n=1)
            hint = f"did you mean `-X {close[0]}={value}`?" if close else "see `uvicorn.run` for what there is"
            raise ConfigError(f"uvicorn {uvicorn.__version__} has no argument `{name}`", hint=hint)
        checked[name] = _typed(name, str(value), str(known[name].annotation))
    return checked


def _typed(key: str, text: str, annotation: str) -> Any:
    """Return `text` as what the annotation of uvicorn's parameter allows."""
    words = set(re.findall(r"\w+", annotation))
    if "None" in words and text.lower() == "none":
        return None
    if "bool" in words:
        if text.lower() in ("true", "false", "1", "0", "yes", "no"):
            return text.lower() in ("true", "1", "yes")
        raise ConfigError(f"`-X {key}={text}` is not a boolean", hint="write true or false")
    for kind in (int, float):
        if kind.__name__ in words and "str" not in words:
            try:
                return kind(text)
            except ValueError:
                continue
    if words & {"int", "float"} and "str" not in words:
        raise ConfigError(f"`-X {key}={text}` is not a number")
    return text
