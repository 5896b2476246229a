"""The options of `asgictl serve`, and what they mean for each other."""

from typing import Annotated, NamedTuple

from asgictl.cli.option import Form, argument, flag, option, panel
from asgictl.option_types import Trait
from asgictl.settings import Rules


class ServeFlags(NamedTuple):
    """What the command does beside serving, and where the values of its options come from."""

    open: bool = False
    qr: bool = False
    dev: bool = False
    profile: str | None = None
    env_file: Annotated[tuple[str, ...], Trait.PATH] = ()
    print_config: Annotated[bool, Trait.ACTION] = False
    json: Annotated[bool, Trait.ACTION] = False
    dry_run: Annotated[bool, Trait.ACTION] = False


ROWS = {
    "app": argument(
        "APP", "module:attr, module, path/to/file.py[:attr], path/to/package, or demo for the bundled app."
    ),
    **panel(
        "Address",
        host=option("--host", metavar="ADDR", about="0.0.0.0 is everywhere."),
        port=option("--port", "-p", metavar="N", about="0 is any free one."),
        next_port=flag("--next-port", about="Take the next free port if this one is in use."),
        uds=option("--uds", metavar="FILE", about="A UNIX socket instead."),
        uds_mode=option("--uds-mode", metavar="MODE", about="Its permissions."),
        fd=option("--fd", metavar="N", about="An open socket, by its number."),
        open=flag("--open", about="Open the browser when the app is ready."),
        qr=flag("--qr", about="Print the URL as a QR code for a phone."),
    ),
    **panel(
        "App",
        factory=flag("--factory", about="Call APP to get the app."),
        interface=option("--interface", metavar="KIND", about="asgi3, asgi2 or wsgi."),
        lifespan=option("--lifespan", metavar="MODE", about="auto, on (it must support it) or off."),
        wsgi_threads=option("--wsgi-threads", metavar="N", about="Threads for a WSGI app."),
        static=flag("--static/--no-static", about="Serve Django's files under DEBUG (on)."),
    ),
    **panel(
        "Running",
        dev=flag("--dev", about="--reload, --next-port, --graceful-timeout 1."),
        prod=flag("--prod", about="An app must be there; plain output; --header-timeout 30, --max-header-size 65536."),
        workers=option("--workers", "-w", metavar="N", about="Processes; auto is one for each CPU, two at least."),
        max_requests=option("--max-requests", metavar="N", about="Replace a worker after this many (never)."),
        uvicorn=option("--uvicorn", "-X", metavar="KEY=VALUE", about="Any other argument of uvicorn.run."),
    ),
    **panel(
        "Reload",
        reload=flag("--reload/--no-reload", about="Restart the app when it changes."),
        reload_dir=option("--reload-dir", metavar="DIR", about="Watch this folder instead of the current one."),
        reload_include=option("--reload-include", metavar="PATTERN", about="Watch these too, like *.html or conf/."),
        reload_exclude=option("--reload-exclude", metavar="PATTERN", about="Leave these out, like docs/ or test_*.py."),
        show_errors=option("--show-errors", metavar="TO", about="Who sees why it is broken: loopback, always, never."),
    ),
    **panel(
        "Configuration",
        profile=option("--profile", metavar="NAME", about="One of those in pyproject.toml."),
        env_file=option("--env-file", metavar="FILE", about="Variables for asgictl and for the app."),
        print_config=flag("--print-config", about="Print each value and its source, then exit."),
        json=flag("--json", about="Print the result as JSON."),
        dry_run=flag("--dry-run", about="The same server as a uvicorn command line."),
        check=flag("--check", about="Start, stop, and exit as the start would."),
    ),
    **panel(
        "HTTPS",
        https=flag("--https", about="With ssl/cert.pem and ssl/cert.key, created if missing."),
        redirect_http=option("--redirect-http", metavar="PORT", about="Redirect HTTP on this port to HTTPS."),
        ssl_certfile=option("--ssl-certfile", metavar="FILE", about="Another certificate, with its chain."),
        ssl_keyfile=option("--ssl-keyfile", metavar="FILE", about="Its private key."),
        ssl_keyfile_password=option("--ssl-keyfile-password", metavar="TEXT", about="The key's passphrase."),
        client_ca=option("--client-ca", "--ssl-ca-certs", metavar="FILE", about="The CA that verifies clients (mTLS)."),
        client_cert=option("--client-cert", metavar="MODE", about="required (with --client-ca) or optional."),
        tls_min=option("--tls-min", metavar="VERSION", about="The oldest TLS, 1.2 or 1.3 (1.2)."),
    ),
    **panel(
        "Behind a proxy",
        proxy_headers=flag("--proxy-headers/--no-proxy-headers", about="Trust them (on)."),
        forwarded_allow_ips=option("--forwarded-allow-ips", metavar="IPS", about="Proxies to trust, or *."),
        root_path=option("--root-path", metavar="PATH", about="The prefix that it strips."),
    ),
    **panel(
        "Limits and timeouts, in seconds",
        graceful_timeout=option("--graceful-timeout", metavar="S", about="For open requests when it stops."),
        startup_timeout=option("--startup-timeout", metavar="S", about="For the app to start (none)."),
        header_timeout=option("--header-timeout", metavar="S", about="For the head of a request; 0 is none."),
        max_header_size=option("--max-header-size", metavar="BYTES", about="Of that head; 0 is the parser's limit."),
        timeout_keep_alive=option("--timeout-keep-alive", metavar="S", about="For idle connections."),
        limit_concurrency=option("--limit-concurrency", metavar="N", about="Connections before a 503 (none)."),
        backlog=option("--backlog", metavar="N", about="Connections that may wait."),
    ),
    **panel(
        "Protocols",
        loop=option("--loop", metavar="NAME", about="asyncio, uvloop, module:factory."),
        http=option("--http", metavar="NAME", about="h11, httptools or zttp."),
        http2=flag("--http2", about="HTTP/2 too, with zttp."),
        ws=option("--ws", metavar="NAME", about="none, websockets-sansio or wsproto."),
        ws_max_size=option("--ws-max-size", metavar="BYTES", about="The largest message."),
        ws_ping_interval=option("--ws-ping-interval", metavar="S", about="Between two pings."),
        ws_ping_timeout=option("--ws-ping-timeout", metavar="S", about="For the answer to a ping."),
    ),
    **panel(
        "Headers",
        header=option("--header", metavar="TEXT", about="Add `Name: value`."),
        server_header=flag("--server-header/--no-server-header", about="Send Server (on)."),
        date_header=flag("--date-header/--no-date-header", about="Send Date (on)."),
    ),
    **panel(
        "Logging",
        log_level=option("--log-level", metavar="LEVEL", about="From critical to trace (info)."),
        log_format=option("--log-format", metavar="FORM", about="Of the server's log: text or json."),
        log_config=option("--log-config", metavar="FILE", about="As .ini, .json or .yaml."),
        access_log=flag("--access-log/--no-access-log", about="A line a request (on)."),
        access_log_format=option("--access-log-format", metavar="FORM", about="text, json, combined, or a template."),
        quiet_path=option("--quiet-path", metavar="PATH", about="No line for it unless it fails, like /healthz."),
        verbose=flag("--verbose", "-v", about="Show every step."),
        traceback=flag("--traceback", about="Show the whole stack of errors."),
    ),
}

_RULES = Rules(
    bundles={
        "dev": {"reload": True, "next_port": True, "graceful_timeout": 1.0},
        "prod": {"header_timeout": 30.0, "max_header_size": 64 * 1024},
    },
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

# Options of other launchers.
_MEANT = {
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

FORM = Form(ROWS, _RULES, meant=_MEANT)
