"""`asgictl serve`."""

import time
from typing import ClassVar

import typer

from asgictl.cli.command import Command, alone
from asgictl.cli.serve import options, request
from asgictl.console import Console
from asgictl.errors import ConfigError
from asgictl.settings import Rank, Rules

# What does nothing for some kinds of apps.
_FOR_SOME = ("wsgi_threads", "static")


class Serve(Command):
    """The command, with what its options mean for each other."""

    rules: ClassVar = Rules(
        bundles={"dev": {"reload": True, "next_port": True, "graceful_timeout": 1.0}, "prod": {}},
        exclusive=(
            ("dev", "prod"),
            ("reload", "workers"),
            ("check", "dry_run"),
            *(("uds", other) for other in ("fd", "host", "port", "redirect_http")),
            *(("fd", other) for other in ("host", "port")),
        ),
        harmless={"workers": "1", "ws": "none"},
        needs={
            **dict.fromkeys(("reload_dir", "reload_include", "reload_exclude", "show_errors"), "reload"),
            **dict.fromkeys(("access_log_format", "quiet_path"), "access_log"),
            **dict.fromkeys(("ws_max_size", "ws_ping_interval", "ws_ping_timeout"), "ws"),
            "uds_mode": "uds",
            "forwarded_allow_ips": "proxy_headers",
        },
    )
    meant: ClassVar = {
        **dict.fromkeys(("--app", "-a", "-A"), "name the app as the argument: `asgictl serve main:app`"),
        **dict.fromkeys(("--bind", "-b", "--listen"), "pass --host ADDR and --port N, or --uds FILE"),
        **dict.fromkeys(("--ssl", "--tls", "--cert"), "pass --https, or --ssl-certfile with a certificate"),
        **dict.fromkeys(("--key", "--keyfile"), "pass --ssl-keyfile"),
        **dict.fromkeys(("--app-dir", "--chdir", "--pythonpath"), "change into the app's folder, or name its file"),
        **dict.fromkeys(("--debug", "-d"), "pass --dev"),
        **dict.fromkeys(("--call",), "pass --factory, or name a call: `asgictl serve 'main:create_app()'`"),
        **dict.fromkeys(("--worker-class", "-k"), "drop it: asgictl tells ASGI and WSGI apart, or pass --interface"),
        **dict.fromkeys(("--timeout", "-t", "--timeout-graceful-shutdown"), "pass --graceful-timeout"),
        **dict.fromkeys(("--limit-max-requests",), "pass --max-requests"),
        **dict.fromkeys(("--threads",), "pass --wsgi-threads"),
        **dict.fromkeys(("--ssl-ca-certs",), "pass --client-ca"),
        **dict.fromkeys(("--settings",), "set DJANGO_SETTINGS_MODULE"),
        **dict.fromkeys(("--version",), "run `asgictl --version`"),
    }


def serve(  # noqa: PLR0913  # a command has as many arguments as options
    ctx: typer.Context,
    app: options.App = None,
    *,
    host: options.Host = "127.0.0.1",
    port: options.Port = 8000,
    next_port: options.NextPort = False,
    uds: options.Uds = None,
    uds_mode: options.UdsMode = "660",
    fd: options.Fd = None,
    open_browser: options.Open = False,
    qr: options.Qr = False,
    factory: options.Factory = False,
    interface: options.Interface = "auto",
    lifespan: options.Lifespan = "auto",
    wsgi_threads: options.WsgiThreads = 10,
    static: options.Static = True,
    dev: options.Dev = False,
    prod: options.Prod = False,
    workers: options.Workers = "1",
    max_requests: options.MaxRequests = None,
    uvicorn: options.Uvicorn = None,
    reload: options.Reload = False,
    reload_dir: options.ReloadDir = None,
    reload_include: options.ReloadInclude = None,
    reload_exclude: options.ReloadExclude = None,
    show_errors: options.ShowErrors = "loopback",
    profile: options.Profile = None,
    env_file: options.EnvFile = None,
    print_config: options.PrintConfig = False,
    as_json: options.Json = False,
    dry_run: options.DryRun = False,
    check: options.Check = False,
    https: options.Https = False,
    redirect_http: options.RedirectHttp = None,
    ssl_certfile: options.Certfile = None,
    ssl_keyfile: options.Keyfile = None,
    ssl_keyfile_password: options.KeyfilePassword = None,
    client_ca: options.ClientCa = None,
    client_cert: options.ClientCert = None,
    tls_min: options.TlsMin = None,
    proxy_headers: options.ProxyHeaders = True,
    forwarded_allow_ips: options.ForwardedAllowIps = None,
    root_path: options.RootPath = "",
    graceful_timeout: options.GracefulTimeout = 8,
    startup_timeout: options.StartupTimeout = None,
    timeout_keep_alive: options.KeepAlive = 5,
    limit_concurrency: options.LimitConcurrency = None,
    backlog: options.Backlog = 2048,
    loop: options.Loop = "auto",
    http: options.Http = "auto",
    http2: options.Http2 = False,
    ws: options.Ws = "auto",
    ws_max_size: options.WsMaxSize = 16 * 1024 * 1024,
    ws_ping_interval: options.WsPingInterval = 20,
    ws_ping_timeout: options.WsPingTimeout = 20,
    header: options.Header = None,
    server_header: options.ServerHeader = True,
    date_header: options.DateHeader = True,
    log_level: options.LogLevel = None,
    log_format: options.LogFormat = "text",
    log_config: options.LogConfig = None,
    access_log: options.AccessLog = True,
    access_log_format: options.AccessLogFormat = "text",
    quiet_path: options.QuietPath = None,
    verbose: options.Verbose = False,
    traceback: options.Traceback = False,
) -> int:
    """Serve an app: the one named, the one found here, or the bundled one.

    \b
    asgictl serve                        the app found in this folder
    asgictl serve --dev                  the same, started anew when a file changes
    asgictl serve main:app --port 9000   the object `app` of the module `main`
    asgictl serve src/shop/web.py        a file
    asgictl serve shop.web:create_app    a factory, of any framework
    asgictl serve --https                with a certificate for this machine, made on the spot
    asgictl serve --prod -w 4            four processes, as in production
    asgictl serve demo --open            the bundled app, in the browser
    """  # noqa: D301  # \b is click's mark for a paragraph that keeps its lines
    started = time.perf_counter()
    console = Console.of(ctx.params)
    if as_json and not print_config:
        raise ConfigError("`--json` goes with --print-config", hint="for JSON logs pass --log-format json")
    if print_config:
        from asgictl.cli.serve import config

        config.show(ctx, console)
        return 0
    request.check_qr(qr=qr)
    if reload_dir and not reload and ctx.obj["reload_dir"].rank is Rank.VARIABLE:
        request.check_folders(reload_dir)
    plan = request.plan_of(ctx.params, console, required=prod or check)
    request.check_meant(plan, [name for name in _FOR_SOME if ctx.obj[name].rank is Rank.COMMAND_LINE])
    if plan.bind.fd is not None and fd is None and any(ctx.obj[name].rank for name in ("host", "port")):
        console.note("the socket that systemd passes is served; --host and --port do not count")
    if dry_run:
        from asgictl.serving import equivalent

        request.tell_stand_in(console, plan.instructions.ref, "serve")
        console.result(equivalent.command(plan))
        if missing := equivalent.missing(plan):
            console.note(f"uvicorn has nothing for {', '.join(missing)}")
        if equivalent.is_unsure(plan):
            console.note("only the import tells whether the app is a WSGI app: if so, add --interface wsgi")
        return 0
    from asgictl.cli.serve import banner
    from asgictl.serving import django_checks, launch

    if check:
        once = plan.instructions._replace(reload=False, max_requests=None)
        plan = plan._replace(workers=1, watch=None, instructions=once)
        return launch.launch(plan, banner.CheckReport(console, plan), django_checks.django)
    style = banner.Style(terse=prod, browser=open_browser, qr=qr)
    return launch.launch(plan, banner.Banner(console, plan, style, started=started))


app = alone("serve", Serve, serve)
