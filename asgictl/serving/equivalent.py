"""The uvicorn command line that serves as a plan says, as far as uvicorn can."""

import math
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asgictl import discovery
from asgictl.discovery import Candidate
from asgictl.serving import arguments
from asgictl.serving.plan import PROXIES, ServePlan
from asgictl.serving.sockets.listen import UNIX


def command(plan: ServePlan) -> str:
    """Return the command line, quoted for a shell, with only what differs from uvicorn's defaults."""
    import uvicorn

    ref = plan.instructions.ref
    words = ["uvicorn", f"{ref.module}:{ref.attribute}"]
    arguments = _arguments(plan)
    for option in uvicorn.main.params:
        name = str(option.name)
        if name in arguments and arguments[name] not in (None, option.default):
            words += _words(option, arguments[name])
    variables = {"PYTHONPATH": ":".join(ref.path[1:]), "DJANGO_SETTINGS_MODULE": ref.settings}
    return " ".join(
        [*(f"{name}={shlex.quote(value)}" for name, value in variables.items() if value), shlex.join(words)]
    )


def _arguments(plan: ServePlan) -> dict[str, Any]:
    instructions, bind = plan.instructions, plan.bind
    passed = {name: value for name, value in plan.uvicorn.items() if isinstance(value, (str, int, float))}
    tcp = bind.uds is None and bind.fd is None
    known, chosen = _known(plan), instructions.how.interface
    more: dict[str, Any] = {
        "app_dir": next((place for place in instructions.ref.path if place != str(Path.cwd())), None),
        "factory": instructions.how.factory or bool(instructions.ref.factory) or bool(known and known.factory),
        "interface": "wsgi" if chosen == "auto" and known and known.interface == "wsgi" else chosen,
        "lifespan": instructions.lifespan,
        "loop": instructions.loop,
        "host": bind.host if tcp else None,
        "port": bind.port if tcp else None,
        "uds": bind.uds,
        "fd": bind.fd,
        "workers": plan.workers if plan.workers > 1 else None,
        "limit_max_requests": instructions.max_requests,
        "access_log": instructions.access_log is not None,
        "headers": [f"{name}:{value}" for name, value in plan.uvicorn["headers"]],
        "timeout_graceful_shutdown": math.ceil(instructions.graceful_timeout),
        "ssl_keyfile_password": "***" if plan.uvicorn.get("ssl_keyfile_password") else None,
        "proxy_headers": instructions.proxies is not None,
        "forwarded_allow_ips": _believed(instructions.proxies),
        "use_colors": None,
    }
    if plan.watch:
        more |= {
            "reload": True,
            "reload_dirs": [str(folder) for folder in plan.watch.folders],
            "reload_includes": list(plan.watch.include),
            "reload_excludes": list(plan.watch.exclude),
        }
    return {**passed, **more}


def _believed(proxies: str | None) -> str | None:
    """Return the proxies for uvicorn, which believes those over a UNIX socket only where it believes all."""
    if proxies == PROXIES:
        return None
    return "*" if proxies and UNIX in proxies else proxies


def _known(plan: ServePlan) -> Candidate | None:
    """Return what the source of the app says of it."""
    return discovery.entry(plan.instructions.ref, Path.cwd())


def is_unsure(plan: ServePlan) -> bool:
    """Tell whether the source does not say if the app is a WSGI app, which uvicorn has to be told."""
    if plan.instructions.how.interface != "auto" or plan.instructions.ref.module in {
        discovery.BUNDLED,
        "django.core.asgi",
    }:
        return False
    known = _known(plan)
    return known is None or (known.interface is None and not known.certain)


def missing(plan: ServePlan) -> list[str]:
    """Return the options in use that uvicorn has nothing for."""
    instructions = plan.instructions
    log = instructions.access_log
    in_use = {
        "--https": plan.tls is not None and plan.tls.ssl_certfile is None,
        "--redirect-http": plan.tls is not None and plan.tls.redirect_http is not None,
        "--tls-min": plan.tls is not None and plan.tls.tls_min != "1.2",
        "--uds-mode": plan.bind.uds is not None,
        "--next-port": plan.bind.next_port,
        "--access-log-format": log is not None and log.format != "text",
        "--quiet-path": log is not None and bool(log.quiet_path),
        "--header-timeout": bool(instructions.header_timeout),
        "--max-header-size": bool(instructions.max_header_size and arguments.H11_SIZE not in plan.uvicorn),
        "--startup-timeout": instructions.startup_timeout is not None,
        "--show-errors": instructions.reload,
        "the factory's arguments": bool(instructions.ref.arguments),
        "--static": instructions.ref.settings is not None and instructions.how.static,
    }
    return [name for name, used in in_use.items() if used]


def _words(option: Any, value: Any) -> Iterator[str]:
    """Yield the words for one option."""
    name = option.opts[0]
    if isinstance(value, bool):
        if option.is_flag:
            yield name if value or not option.secondary_opts else option.secondary_opts[0]
        else:
            yield from (name, str(value).lower())
    elif isinstance(value, list):
        for item in value:
            yield from (name, item)
    else:
        yield from (name, str(value))
