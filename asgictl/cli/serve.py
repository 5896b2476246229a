"""`asgictl serve`."""

import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from asgictl import options
from asgictl.console import Console, plain
from asgictl.errors import AsgictlError, ConfigError, StartError

if TYPE_CHECKING:
    from asgictl.serving.launch import Ready
    from asgictl.serving.plan import ServePlan


def serve(  # noqa: PLR0913  # a command has as many arguments as options
    ctx: typer.Context,
    app: options.App = None,
    *,
    host: options.Host = "127.0.0.1",
    port: options.Port = 8000,
    next_port: options.NextPort = False,
    open_browser: options.Open = False,
    qr: options.Qr = False,
    factory: options.Factory = False,
    interface: options.Interface = "auto",
    lifespan: options.Lifespan = "auto",
    wsgi_threads: options.WsgiThreads = 10,
    static: options.Static = True,
    workers: options.Workers = 1,
    production: options.Production = False,
    extra: options.Extra = None,
    ssl_certfile: options.Certfile = None,
    ssl_keyfile: options.Keyfile = None,
    ssl_keyfile_password: options.KeyfilePassword = None,
    ssl_ca_certs: options.CaCerts = None,
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
    ws: options.Ws = "auto",
    ws_max_size: options.WsMaxSize = 16 * 1024 * 1024,
    ws_ping_interval: options.WsPingInterval = 20,
    ws_ping_timeout: options.WsPingTimeout = 20,
    header: options.Header = None,
    server_header: options.ServerHeader = True,
    date_header: options.DateHeader = True,
    log_level: options.LogLevel = None,
    access_log: options.AccessLog = True,
    log_config: options.LogConfig = None,
    verbose: options.Verbose = False,
    traceback: options.Traceback = False,
) -> None:
    """Serve an app: the one named, the one found here, or the bundled one.

    \b
    asgictl serve                        the app found in this folder
    asgictl serve main:app --port 9000   the object `app` of the module `main`
    asgictl serve src/shop/web.py        a file
    asgictl serve shop.web:create_app    a factory, of any framework
    asgictl serve --prod -w 4            four processes, as in production
    asgictl serve demo --open            the bundled app, in the browser
    """  # noqa: D301  # \b is click's mark for a paragraph that keeps its lines
    started = time.perf_counter()
    console = Console(traceback=traceback)
    try:
        from asgictl.serving import launch, plan

        if qr and find_spec("segno") is None:
            hint = f"install it: `{sys.executable} -m pip install 'asgictl[qr]'`"
            raise ConfigError("`--qr` needs the package `segno`", hint=hint)
        given = dict(ctx.params)
        request = plan.ServeRequest(
            app=app,
            host=host,
            port=port,
            next_port=next_port,
            workers=workers,
            production=production,
            factory=factory,
            interface=interface,
            lifespan=lifespan,
            static=static,
            wsgi_threads=wsgi_threads,
            graceful_timeout=graceful_timeout,
            startup_timeout=startup_timeout,
            headers=header or (),
            extra=extra or (),
            verbose=verbose,
            colors=console.colors,
            uvicorn={name: given[name] for name in plan.PASSED},
        )
        tell = console.step if verbose else lambda _: None
        made = plan.plan(request, _current_folder(), os.environ, tell)
        audience = _Audience(console, made, started=started, terse=production, browser=open_browser, qr=qr)
        status = launch.launch(made, audience)
    except AsgictlError as error:
        console.error(error)
        status = error.exit_status
    raise typer.Exit(status)


class _Audience:
    """Tells the user how the launch goes."""

    def __init__(  # noqa: PLR0913  # what the options say about the banner
        self, console: Console, plan: "ServePlan", *, started: float, terse: bool, browser: bool, qr: bool
    ) -> None:
        self._console = console
        self._plan = plan
        self._started = started
        self._terse = terse
        self._browser = browser
        self._qr = qr
        self.note = console.note
        self.problem = console.error

    def ready(self, ready: "Ready") -> None:
        """Print the banner, open the browser."""
        milliseconds = round((time.perf_counter() - self._started) * 1000)
        ref = self._plan.instructions.ref
        workers = f" with {self._plan.workers} workers" if self._plan.workers > 1 else ""
        if ref.looked:
            self._console.note(f"no app found, looked in {', '.join(ref.looked)}; serving the bundled one")
            self._console.hint("name yours: `asgictl serve module:app`")
        if self._terse:
            place = ready.network_url or ready.url
            self._console.line(f"asgictl serves {ref} ({ready.kind}) at {place}{workers}, ready in {milliseconds} ms")
        else:
            self._print_table(ready, f"in {milliseconds} ms{workers}, Ctrl-C stops it")
        if self._browser:
            _open(ready.url)
        if self._qr:
            self._console.line(_qr_code(ready.network_url or ready.url))

    def _print_table(self, ready: "Ready", when: str) -> None:
        ref = self._plan.instructions.ref
        rows = [
            ("App", f"{self._console.styled(str(ref), 'bold')} ({ready.kind}), {plain(ref.found)}"),
            *(("Also", plain(other)) for other in ref.also),
            ("Local", self._console.styled(ready.url, "bold", "cyan")),
            ("Network", self._network(ready)),
            ("Ready", when),
        ]
        self._console.table(rows)

    def _network(self, ready: "Ready") -> str:
        if ready.network_url:
            return self._console.styled(ready.network_url, "bold", "cyan")
        return self._console.styled("this machine only, --host 0.0.0.0 for others", "dim")


def _current_folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise StartError("the current folder does not exist any more", hint="change into the app's folder") from error


def _open(url: str) -> None:
    """Open the browser, in a thread: some platforms wait until it is up."""
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def _qr_code(url: str) -> str:
    import io

    import segno

    out = io.StringIO()
    segno.make(url, micro=False).terminal(out, compact=True)
    return out.getvalue()
