"""The uvicorn command line that serves as a plan says, as far as uvicorn can."""

import math
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asgictl.serving.plan import PROXIES, ServePlan


def command(plan: ServePlan) -> str:
    """Return the command line, quoted for a shell, with only what differs from uvicorn's defaults."""
    import uvicorn

    ref = plan.instructions.ref
    words = ["uvicorn", str(ref)]
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
    more: dict[str, Any] = {
        "app_dir": next((place for place in instructions.ref.path if place != str(Path.cwd())), None),
        "factory": instructions.how.factory or bool(instructions.ref.factory),
        "interface": instructions.how.interface,
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
        "timeout_graceful_shutdown": math.ceil(instructions.grace),
        "ssl_keyfile_password": "***" if plan.uvicorn.get("ssl_keyfile_password") else None,
        "proxy_headers": instructions.proxies is not None,
        "forwarded_allow_ips": instructions.proxies if instructions.proxies != PROXIES else None,
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
