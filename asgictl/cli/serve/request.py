"""From the options of the commands that serve an app to a plan."""

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from asgictl import environment, pyproject
from asgictl.console import Console
from asgictl.errors import ConfigError

if TYPE_CHECKING:
    from asgictl.discovery import AppRef
    from asgictl.serving.plan import ServePlan
    from asgictl.serving.tls import TlsRequest


def check_qr(*, qr: bool) -> None:
    """Raise `ConfigError` where a QR code is wanted and nothing can make one."""
    if qr and find_spec("segno") is None:
        raise ConfigError("`--qr` needs the package `segno`", hint=environment.installing("segno"))


def check_folders(names: Sequence[str]) -> None:
    """Raise `ConfigError` for a folder to watch that is not there, also where nothing is watched."""
    from asgictl.serving.processes import changes

    changes.folders(names, pyproject.current_folder(), ())


def check_meant(plan: "ServePlan", options: Sequence[str]) -> None:
    """Raise `ConfigError` for one of `options` that does nothing for the app, as far as its source tells what it is."""
    from asgictl import discovery

    ref = plan.instructions.ref
    known = discovery.entry(ref, pyproject.current_folder()) if options else None
    if known is None or known.interface is None:
        return
    is_djangos = ref.settings is not None or (known.framework or "").startswith("Django")
    if "wsgi_threads" in options and known.interface != "wsgi":
        problem = f"`--wsgi-threads` does nothing for an ASGI app like `{ref}`"
        raise ConfigError(problem, hint="drop it", option="wsgi_threads")
    if "static" in options and known.framework and not is_djangos:
        problem = f"`--static` does nothing for `{ref}` ({known.framework}): it is about Django's static files"
        raise ConfigError(problem, hint="drop it", option="static")


def tell_stand_in(console: Console, ref: "AppRef", command: str) -> None:
    """Say where nothing was found, if the bundled app, or another one of ours, stands in."""
    if ref.looked:
        console.note(f"no app found, looked in {', '.join(ref.looked)}; serving {ref.found}")
        console.hint(f"name yours: `asgictl {command} module:app`")


def _tls(params: Mapping[str, Any]) -> "TlsRequest | None":
    """Return how HTTPS is wanted, or None; raise `ConfigError` for options that need it."""
    from asgictl.serving.tls import TlsRequest

    wanted = params["https"] or params["ssl_certfile"] is not None
    for name in ("ssl_keyfile", "ssl_keyfile_password", "client_ca", "tls_min", "redirect_http"):
        if params[name] is not None and not wanted:
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(f"`{option}` needs HTTPS", hint="pass --https, or --ssl-certfile", option=name)
    if params["ssl_keyfile"] is not None and params["ssl_certfile"] is None:
        problem = "`--ssl-keyfile` needs its certificate"
        raise ConfigError(problem, hint="pass --ssl-certfile", option="ssl_keyfile")
    if params["client_cert"] is not None and params["client_ca"] is None:
        problem = "`--client-cert` needs somebody who vouches for clients"
        raise ConfigError(problem, hint="pass --client-ca", option="client_cert")
    if not wanted:
        return None
    return TlsRequest(
        certfile=params["ssl_certfile"],
        keyfile=params["ssl_keyfile"],
        password=params["ssl_keyfile_password"],
        client_ca=params["client_ca"],
        client_required=params["client_cert"] != "optional",
        minimum=params["tls_min"] or "1.2",
        redirect=params["redirect_http"],
    )


def plan_of(params: Mapping[str, Any], console: Console, *, required: bool = False) -> "ServePlan":
    """Return the plan that the options of a command which serves ask for; if `required`, for an app of the user's."""
    from asgictl.serving import arguments, plan

    request = plan.ServeRequest(
        app=params["app"],
        host=params["host"],
        port=params["port"],
        next_port=params["next_port"],
        uds=params["uds"],
        uds_mode=params["uds_mode"],
        fd=params["fd"],
        workers=params["workers"],
        max_requests=params["max_requests"],
        app_required=required,
        reload=params["reload"],
        reload_dirs=params["reload_dir"] or (),
        reload_include=params["reload_include"] or (),
        reload_exclude=params["reload_exclude"] or (),
        show_errors=params["show_errors"],
        factory=params["factory"],
        interface=params["interface"],
        lifespan=params["lifespan"],
        static=params["static"],
        wsgi_threads=params["wsgi_threads"],
        graceful_timeout=params["graceful_timeout"],
        startup_timeout=params["startup_timeout"],
        headers=params["header"] or (),
        extra={key: setting.value for key, setting in (params["uvicorn"] or {}).items()},
        access_log=params["access_log"],
        access_log_format=params["access_log_format"],
        quiet_paths=params["quiet_path"] or (),
        log_format=params["log_format"],
        verbose=params["verbose"],
        proxy_headers=params["proxy_headers"],
        forwarded_allow_ips=params["forwarded_allow_ips"],
        tls=_tls(params),
        colors=console.colors,
        log_colors=console.log_colors,
        uvicorn={name: params[name] for name in arguments.PASSED},
    )
    tell = console.step if params["verbose"] else lambda _: None
    folder = pyproject.current_folder()
    planned = plan.plan(request, folder, os.environ, tell)
    for note in planned.instructions.ref.notes:
        console.note(note)
    if planned.instructions.ref.file is not None and (elsewhere := environment.note(folder)):
        console.note(elsewhere)
    return planned
