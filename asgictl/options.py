"""The options of the commands that serve an app, each written once."""

from typing import Annotated, Literal

import typer

_BIND = "Address"
_APP = "App"
_RUN = "Running"
_TLS = "TLS files"
_PROXY = "Behind a proxy"
_LIMITS = "Limits and timeouts"
_PROTOCOLS = "Protocols"
_LOGGING = "Logging"

App = Annotated[
    str | None,
    typer.Argument(
        metavar="[APP]",
        help="module:attr, module, path/to/file.py[:attr], path/to/package or demo.",
        show_default=False,
    ),
]

Host = Annotated[str, typer.Option(metavar="ADDR", rich_help_panel=_BIND, help="Listen here; 0.0.0.0 for everyone.")]
Port = Annotated[
    int,
    typer.Option("--port", "-p", metavar="N", min=0, max=65535, rich_help_panel=_BIND, help="0 takes any free one."),
]
NextPort = Annotated[
    bool, typer.Option("--next-port", rich_help_panel=_BIND, help="Take the next free port if it is in use.")
]
Open = Annotated[bool, typer.Option("--open", rich_help_panel=_BIND, help="Open the browser when the app is ready.")]
Qr = Annotated[bool, typer.Option("--qr", rich_help_panel=_BIND, help="Print the URL as a QR code, for a phone.")]

Factory = Annotated[
    bool, typer.Option("--factory", rich_help_panel=_APP, help="Call APP to get the app (found out otherwise).")
]
Interface = Annotated[
    Literal["auto", "asgi3", "asgi2", "wsgi"],
    typer.Option(metavar="KIND", rich_help_panel=_APP, help="auto, asgi3, asgi2 or wsgi."),
]
Lifespan = Annotated[
    Literal["auto", "on", "off"],
    typer.Option(metavar="MODE", rich_help_panel=_APP, help="auto, on (must be supported) or off."),
]
WsgiThreads = Annotated[int, typer.Option(metavar="N", min=1, rich_help_panel=_APP, help="Threads for a WSGI app.")]
Static = Annotated[
    bool,
    typer.Option("--static/--no-static", rich_help_panel=_APP, help="Serve Django's static files under DEBUG."),
]

Workers = Annotated[int, typer.Option("--workers", "-w", metavar="N", min=1, rich_help_panel=_RUN, help="Processes.")]
Production = Annotated[
    bool, typer.Option("--prod", rich_help_panel=_RUN, help="For production: an app must be there, plain output.")
]
Extra = Annotated[
    list[str] | None,
    typer.Option("-X", metavar="KEY=VALUE", rich_help_panel=_RUN, help="Any other argument of uvicorn.run."),
]

Certfile = Annotated[
    str | None,
    typer.Option("--ssl-certfile", metavar="FILE", rich_help_panel=_TLS, help="Certificate, then its chain."),
]
Keyfile = Annotated[
    str | None, typer.Option("--ssl-keyfile", metavar="FILE", rich_help_panel=_TLS, help="Its private key.")
]
KeyfilePassword = Annotated[
    str | None, typer.Option("--ssl-keyfile-password", metavar="TEXT", rich_help_panel=_TLS, help="The key's password.")
]
CaCerts = Annotated[
    str | None, typer.Option("--ssl-ca-certs", metavar="FILE", rich_help_panel=_TLS, help="Authorities of clients.")
]

ProxyHeaders = Annotated[
    bool,
    typer.Option("--proxy-headers/--no-proxy-headers", rich_help_panel=_PROXY, help="Heed X-Forwarded-For/-Proto."),
]
ForwardedAllowIps = Annotated[
    str | None, typer.Option(metavar="IPS", rich_help_panel=_PROXY, help="Proxies to trust, or * [127.0.0.1,::1].")
]
RootPath = Annotated[
    str, typer.Option(metavar="PATH", rich_help_panel=_PROXY, help="The prefix that a proxy takes off.")
]

GracefulTimeout = Annotated[
    float, typer.Option(metavar="S", min=0, rich_help_panel=_LIMITS, help="For open requests when it stops.")
]
StartupTimeout = Annotated[
    float | None, typer.Option(metavar="S", min=0.001, rich_help_panel=_LIMITS, help="For the app to get ready [none].")
]
KeepAlive = Annotated[
    int, typer.Option("--timeout-keep-alive", metavar="S", min=0, rich_help_panel=_LIMITS, help="For idle connections.")
]
LimitConcurrency = Annotated[
    int | None, typer.Option(metavar="N", min=1, rich_help_panel=_LIMITS, help="Connections before a 503 [none].")
]
Backlog = Annotated[int, typer.Option(metavar="N", min=1, rich_help_panel=_LIMITS, help="Connections that may wait.")]

Loop = Annotated[
    str, typer.Option(metavar="NAME", rich_help_panel=_PROTOCOLS, help="auto, asyncio, uvloop, module:factory.")
]
Http = Annotated[str, typer.Option(metavar="NAME", rich_help_panel=_PROTOCOLS, help="auto, h11, httptools, zttp.")]
Ws = Annotated[
    str, typer.Option(metavar="NAME", rich_help_panel=_PROTOCOLS, help="auto, none, websockets-sansio, wsproto.")
]
WsMaxSize = Annotated[int, typer.Option(metavar="BYTES", min=1, rich_help_panel=_PROTOCOLS, help="Largest message.")]
WsPingInterval = Annotated[
    float, typer.Option(metavar="S", min=0, rich_help_panel=_PROTOCOLS, help="Between two pings.")
]
WsPingTimeout = Annotated[float, typer.Option(metavar="S", min=0, rich_help_panel=_PROTOCOLS, help="For a pong.")]
Header = Annotated[
    list[str] | None,
    typer.Option(metavar="'NAME: VALUE'", rich_help_panel=_PROTOCOLS, help="Add to each response; repeatable."),
]
ServerHeader = Annotated[
    bool, typer.Option("--server-header/--no-server-header", rich_help_panel=_PROTOCOLS, help="Send Server.")
]
DateHeader = Annotated[
    bool, typer.Option("--date-header/--no-date-header", rich_help_panel=_PROTOCOLS, help="Send Date.")
]

LogLevel = Annotated[
    Literal["critical", "error", "warning", "info", "debug", "trace"],
    typer.Option(metavar="LEVEL", rich_help_panel=_LOGGING, help="critical, error, warning, info, debug, trace."),
]
AccessLog = Annotated[
    bool, typer.Option("--access-log/--no-access-log", rich_help_panel=_LOGGING, help="A line for each request.")
]
LogConfig = Annotated[
    str | None, typer.Option(metavar="FILE", rich_help_panel=_LOGGING, help="Configure logging: .ini, .json, .yaml.")
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", rich_help_panel=_LOGGING, help="Say how the app is found, and more.")
]
Traceback = Annotated[
    bool, typer.Option("--traceback", rich_help_panel=_LOGGING, help="Show the whole stack when the app fails.")
]
