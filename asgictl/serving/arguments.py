"""The arguments of uvicorn that users give: which there are, and what it would stumble over only after the start."""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from asgictl import discovery, environment, errors, rfc9110
from asgictl.errors import ConfigError, FileProblemError
from asgictl.serving.request import ServeRequest

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
    "timeout_keep_alive",
    "ws",
    "ws_max_size",
    "ws_ping_interval",
    "ws_ping_timeout",
)

# Uvicorn's arguments that `-X` does not take, each with what to do instead.
OWNED = {
    **{name: f"pass --{name.replace('_', '-')}" for name in PASSED},
    **{name: f"pass --{name}" for name in ("factory", "fd", "host", "interface", "lifespan", "port")},
    **{name: f"pass --{name}" for name in ("reload", "uds", "workers")},
    **{f"reload_{end}s": f"pass --reload-{end}" for end in ("dir", "exclude", "include")},
    **{f"ssl_{name}": f"pass --ssl-{name.replace('_', '-')}" for name in ("certfile", "keyfile", "keyfile_password")},
    "ssl_ca_certs": "pass --client-ca",
    "ssl_cert_reqs": "pass --client-cert",
    "ssl_context_factory": "pass --https",
    "ssl_version": "pass --tls-min",
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
    "timeout_graceful_shutdown": "pass --graceful-timeout",
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

# The only limit of uvicorn's for a head.
H11_SIZE = "h11_max_incomplete_event_size"

# Segments of RFC 3986, section 3.3, but for what is written with a %: uvicorn hands the text on as both the path and
# the raw one, which are not the same then.
_ROOT_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[\w.~!$&'()*+,;=:@-]+)*", re.ASCII)


def checked(request: ServeRequest, folder: Path) -> dict[str, Any]:
    """Return the arguments for uvicorn that `request` holds, those that have an option and the others.

    Raises `ConfigError` for values that cannot be used, `FileProblemError` for files.
    """
    given = {name: getattr(request, name) for name in PASSED}
    arguments = {name: value for name, value in given.items() if value is not None} | _extra(request.uvicorn)
    arguments["root_path"] = _root_path(request.root_path)
    if arguments.pop("http2", False):
        arguments |= _http2(arguments["http"])
    _check(arguments, folder)
    return arguments | _for_h11(arguments, request.max_header_size)


def for_heads(request: ServeRequest) -> dict[str, Any]:
    """Return the limits for the head of a request, and the protocol for HTTP; no limits where that can have none."""
    if not _can_limit_heads(request):
        return {"http": request.http}
    return {
        "http": request.http,
        "header_timeout": request.header_timeout,
        "max_header_size": request.max_header_size,
    }


def _can_limit_heads(request: ServeRequest) -> bool:
    return request.http in _CHOICES["http"] and not request.http2


def unlimited(request: ServeRequest) -> str | None:
    """Return a note on limits for the head of a request that do nothing."""
    if _can_limit_heads(request) or not (request.header_timeout or request.max_header_size):
        return None
    chosen = "--http2" if request.http2 else f"--http {request.http}"
    return (
        f"--header-timeout and --max-header-size do nothing with `{chosen}`: have a proxy in front limit the heads of "
        "requests, and pass 0 for both"
    )


def _for_h11(arguments: Mapping[str, Any], size: int) -> dict[str, Any]:
    """Return what h11 is to take of a head of `size` bytes; raise `ConfigError` where another parser is told."""
    http = arguments["http"]
    if http == "auto":
        http = "httptools" if find_spec("httptools") else "h11"
    if arguments.get(H11_SIZE) is not None and http in ("httptools", "zttp"):
        hint = "pass --max-header-size, or --http h11"
        raise ConfigError(f"`-X {H11_SIZE}` means nothing to {http}", hint=hint, option=f"uvicorn.{H11_SIZE}")
    return {H11_SIZE: size} if http == "h11" and size and H11_SIZE not in arguments else {}


def _root_path(text: str) -> str:
    """Return a prefix as ASGI has it, without a slash at its end; raise `ConfigError` for what is not one."""
    path = text.removesuffix("/")
    if _ROOT_PATH.fullmatch(path):
        return path
    hint = "pass a path alone, like /api, of ASCII letters, digits and punctuation without `%`, `?` and `#`"
    if _ROOT_PATH.fullmatch(f"/{path}"):
        hint = f"pass --root-path /{path}"
    raise ConfigError(f"`--root-path {text}` is not the beginning of a path", hint=hint, option="root-path")


def _http2(http: str) -> dict[str, Any]:
    if http not in ("auto", "zttp"):
        problem = f"`--http2` does not go with `--http {http}`"
        raise ConfigError(problem, hint="drop --http: HTTP/2 needs zttp", option="http2")
    if find_spec("zttp") is None:
        hint = environment.installing("zttp")
        raise ConfigError("`--http2` needs the package `zttp`", hint=hint, option="http2")
    check_uvicorn("http2", "http2", "http2")
    return {"http2": True, "http": "zttp"}


def _check(arguments: Mapping[str, Any], folder: Path) -> None:
    """Raise for arguments that uvicorn would stumble over only after the start."""
    for name, choices in _CHOICES.items():
        choice = arguments.get(name, "auto")
        module = choice.partition(":")[0] if ":" in choice else None
        if module and discovery.locate(module, folder) is None:
            problem = f"there is no module `{module}` for `--{name} {choice}`"
            raise ConfigError(problem, hint="see that it is installed", option=name)
        if choice not in choices and module is None:
            close = errors.closest(choice, choices)
            hint = f"did you mean `--{name} {close}`?" if close else f"pass {', '.join(choices)} or module:attribute"
            raise ConfigError(f"`--{name} {choice}` is not known", hint=hint, option=name)
        package = choices.get(choice)
        if package and find_spec(package) is None:
            hint = environment.installing(package)
            raise ConfigError(f"`--{name} {choice}` needs the package `{package}`", hint=hint, option=name)
        if choice == "zttp":
            check_uvicorn(name, "http2", "http2")
    if "log_config" in arguments and not Path(arguments["log_config"]).is_file():
        problem = f"there is no file `{arguments['log_config']}`"
        raise FileProblemError(problem, hint="pass --log-config with a file", option="log-config")


def header(text: str) -> tuple[str, str]:
    """Return the name and the value in `Name: value`; raise `ConfigError` for what is not a header."""
    pair = rfc9110.header(text)
    if pair is None:
        raise ConfigError(f"`{text}` is not a header", hint="write it as `Name: value`", option="header")
    return pair


def check_uvicorn(option: str, argument: str, extra: str) -> None:
    """Raise `ConfigError` where uvicorn is older than the one in `extra`, with an `argument` that `option` needs."""
    import inspect

    import uvicorn

    if argument not in inspect.signature(uvicorn.run).parameters:
        problem = f"`--{option}` needs a newer uvicorn than {uvicorn.__version__}"
        raise ConfigError(problem, hint=environment.adding(extra), option=option)


def _extra(items: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments for uvicorn in `items`, text or typed, checked against the installed uvicorn."""
    if not items:
        return {}
    import inspect

    import uvicorn

    known = inspect.signature(uvicorn.run).parameters
    checked: dict[str, Any] = {}
    for name, value in items.items():
        if name in OWNED:
            raise ConfigError(f"`-X {name}` is decided by asgictl itself", hint=OWNED[name], option=f"uvicorn.{name}")
        if name not in known:
            close = errors.closest(name, known.keys() - OWNED.keys())
            hint = f"did you mean `-X {close}={value}`?" if close else "see `uvicorn.run` for what there is"
            problem = f"uvicorn {uvicorn.__version__} has no argument `{name}`"
            raise ConfigError(problem, hint=hint, option=f"uvicorn.{name}")
        if not isinstance(value, (str, int, float)):
            problem = f"`-X {name}` is neither text nor a number nor a boolean"
            raise ConfigError(problem, hint="write it as one value", option=f"uvicorn.{name}")
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
        raise ConfigError(f"`-X {key}={text}` is not a boolean", hint="write true or false", option=f"uvicorn.{key}")
    for kind in (int, float):
        if kind.__name__ in words and "str" not in words:
            try:
                return kind(text)
            except ValueError:
                continue
    if words & {"int", "float"} and "str" not in words:
        raise ConfigError(f"`-X {key}={text}` is not a number", option=f"uvicorn.{key}")
    return text
