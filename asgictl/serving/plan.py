"""From a request to a plan: which app, which arguments for uvicorn. Nothing is bound, imported or started."""

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
from asgictl.serving import logs, tls, websocket
from asgictl.serving.instructions import Instructions
from asgictl.serving.lifespan import Mode

# Uvicorn's arguments that have an option of the same name and are handed on as they are.
PASSED = (
    "access_log",
    "backlog",
    "date_header",
    "forwarded_allow_ips",
    "http",
    "limit_concurrency",
    "log_config",
    "log_level",
    "loop",
    "proxy_headers",
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
    **{name: f"pass --{name}" for name in ("factory", "host", "interface", "lifespan", "port", "workers")},
    **{f"reload{end}": "asgictl does not reload yet" for end in ("", "_delay", "_dirs", "_excludes", "_includes")},
    "app": "name the app as the argument",
    "app_dir": "run asgictl in the app's folder",
    "env_file": "set the variables before asgictl starts",
    "fd": "pass --host and --port",
    "headers": "pass --header",
    "ssl_context_factory": "pass --ssl-certfile and --ssl-keyfile",
    "timeout_graceful_shutdown": "pass --graceful-timeout",
    "uds": "pass --host and --port",
    "use_colors": "set NO_COLOR or FORCE_COLOR",
}

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
    """What the user asks for. `uvicorn` holds what uvicorn takes under the same name."""

    app: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    next_port: bool = False
    workers: int = 1
    production: bool = False
    factory: bool = False
    interface: adapt.Interface = "auto"
    lifespan: Mode = "auto"
    static: bool = True
    wsgi_threads: int = 10
    graceful_timeout: float = 8.0
    startup_timeout: float | None = None
    headers: Sequence[str] = ()
    extra: Sequence[str] = ()
    verbose: bool = False
    colors: bool = False
    uvicorn: Mapping[str, Any] = MappingProxyType({})


class ServePlan(NamedTuple):
    """What `launch` carries out: where to listen, what to run there, and `uvicorn.run`'s arguments."""

    host: str
    port: int
    next_port: bool
    backlog: int
    workers: int
    scheme: str
    instructions: Instructions
    uvicorn: Mapping[str, Any]


def plan(request: ServeRequest, folder: Path, environ: Mapping[str, str], tell: target.Tell) -> ServePlan:
    """Return the plan for `request` in `folder`; `tell` receives every step of the search for the app.

    Raises `ConfigError` for values that cannot be used, `FileProblemError` for bad TLS files, and
    `StartError` when there is no app to serve.
    """
    arguments = {name: value for name, value in request.uvicorn.items() if value is not None}
    arguments |= _extra(request.extra)
    _check(arguments, folder)
    if not request.host:
        raise ConfigError("`--host` is empty", hint="pass --host 0.0.0.0 to listen on every address")
    try:
        ref = target.find(request.app, folder, environ, tell)
    except (OSError, RuntimeError) as error:  # permissions, names that are too long, links that lead nowhere
        problem = f"cannot look for the app in `{folder}`: {error}"
        raise StartError(problem, hint="name it as `module:app`, or see that its folder can be read") from error
    if ref.looked and request.production:
        problem = f"there is no app in `{folder}`"
        raise StartError(problem, hint=f"name it: `asgictl serve module:app` (looked in {', '.join(ref.looked)})")
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
    )
    arguments = {
        "log_config": logs.config(verbose=request.verbose),
        "use_colors": request.colors,
        "timeout_graceful_shutdown": request.graceful_timeout,
        **arguments,
        "headers": [_header(text) for text in request.headers],
    }
    return ServePlan(
        host=request.host,
        port=request.port,
        next_port=request.next_port,
        backlog=arguments.get("backlog", 2048),
        workers=request.workers,
        scheme="https" if "ssl_certfile" in arguments else "http",
        instructions=instructions,
        uvicorn=arguments,
    )


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


def _extra(items: Sequence[str]) -> dict[str, Any]:
    """Return the arguments for uvicorn in `-X key=value` items, checked against the installed uvicorn."""
    if not items:
        return {}
    import inspect

    import uvicorn

    known = inspect.signature(uvicorn.run).parameters
    checked: dict[str, Any] = {}
    for item in items:
        key, equals, text = item.partition("=")
        name = key.strip().replace("-", "_")
        if not equals:
            raise ConfigError(f"`-X {item}` has no value", hint=f"write it as `-X {key}=value`")
        if name in _OWNED:
            raise ConfigError(f"`-X {key}` is asgictl's to decide", hint=_OWNED[name])
        if name not in known:
            close = get_close_matches(name, known.keys() - _OWNED.keys(), n=1)
            hint = f"did you mean `-X {close[0]}={text}`?" if close else "see `uvicorn.run` for what there is"
            raise ConfigError(f"uvicorn {uvicorn.__version__} has no argument `{name}`", hint=hint)
        checked[name] = _typed(key, text, str(known[name].annotation))
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
