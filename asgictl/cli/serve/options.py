"""The options of the commands that serve an app, each written once."""

from typing import Annotated, Literal

import typer

from asgictl.cli.option import flag, option
from asgictl.option_types import Range, Trait

_DAY = 24 * 60 * 60

_ADDRESS = "Address"
_APP = "App"
_RUN = "Running"
_RELOAD = "Reload"
_CONFIG = "Configuration"
_TLS = "HTTPS"
_PROXY = "Behind a proxy"
_LIMITS = "Limits and timeouts, in seconds"
_PROTOCOLS = "Protocols"
_HEADERS = "Headers"
_LOGGING = "Logging"

App = Annotated[
    str | None,
    Trait.ACTION,
    typer.Argument(
        metavar="APP",
        show_default=False,
        help="module:attr, module, path/to/file.py[:attr], path/to/package, or demo for the bundled app.",
    ),
]

Host = Annotated[str, option("--host", panel=_ADDRESS, metavar="ADDR", about="0.0.0.0 is everywhere.")]
Port = Annotated[int, Range(0, 65535), option("--port", "-p", panel=_ADDRESS, metavar="N", about="0 is any free one.")]
NextPort = Annotated[bool, flag("--next-port", panel=_ADDRESS, about="Take the next free port if this one is in use.")]
Uds = Annotated[str | None, Trait.PATH, option("--uds", panel=_ADDRESS, metavar="FILE", about="A UNIX socket instead.")]
UdsMode = Annotated[str, option("--uds-mode", panel=_ADDRESS, metavar="MODE", about="Its permissions.")]
Fd = Annotated[
    int | None, Range(0), option("--fd", panel=_ADDRESS, metavar="N", about="A socket that is open already.")
]
Open = Annotated[bool, flag("--open", panel=_ADDRESS, about="Open the browser when the app is ready.")]
Qr = Annotated[bool, flag("--qr", panel=_ADDRESS, about="Print the URL as a QR code for a phone.")]

Factory = Annotated[bool, flag("--factory", panel=_APP, about="Call APP to get the app.")]
Interface = Annotated[
    Literal["auto", "asgi3", "asgi2", "wsgi"],
    option("--interface", panel=_APP, metavar="KIND", about="asgi3, asgi2 or wsgi."),
]
Lifespan = Annotated[
    Literal["auto", "on", "off"],
    option("--lifespan", panel=_APP, metavar="MODE", about="auto, on (it must support it) or off."),
]
WsgiThreads = Annotated[
    int, Range(1), option("--wsgi-threads", panel=_APP, metavar="N", about="Threads for a WSGI app.")
]
Static = Annotated[bool, flag("--static/--no-static", panel=_APP, about="Django's, under DEBUG (on).")]

Dev = Annotated[bool, flag("--dev", panel=_RUN, about="--reload, --next-port, --graceful-timeout 1.")]
Prod = Annotated[bool, flag("--prod", panel=_RUN, about="An app must be there; plain output.")]
Workers = Annotated[
    str,
    Range(1, words=("auto",)),
    option("--workers", "-w", panel=_RUN, metavar="N", about="Processes; auto is one for each CPU, two at least."),
]
MaxRequests = Annotated[
    int | None,
    Range(1),
    option("--max-requests", panel=_RUN, metavar="N", about="Replace a worker after so many (never)."),
]
Uvicorn = Annotated[
    list[str] | None,
    option("--uvicorn", "-X", panel=_RUN, metavar="KEY=VALUE", about="Any other argument of uvicorn.run."),
]

Reload = Annotated[bool, flag("--reload/--no-reload", panel=_RELOAD, about="Start the app anew when it changes.")]
ReloadDir = Annotated[
    list[str] | None,
    Trait.PATH,
    option("--reload-dir", panel=_RELOAD, metavar="DIR", about="Watch this folder instead of the current one."),
]
ReloadInclude = Annotated[
    list[str] | None,
    option("--reload-include", panel=_RELOAD, metavar="PATTERN", about="Watch these too, like *.html or conf/."),
]
ReloadExclude = Annotated[
    list[str] | None,
    option("--reload-exclude", panel=_RELOAD, metavar="PATTERN", about="Leave these out, like docs/ or test_*.py."),
]
ShowErrors = Annotated[
    Literal["loopback", "always", "never"],
    option("--show-errors", panel=_RELOAD, metavar="TO", about="Who sees why it is broken: loopback, always, never."),
]

Profile = Annotated[
    str | None,
    option("--profile", panel=_CONFIG, metavar="NAME", about="Of those in pyproject.toml."),
]
EnvFile = Annotated[
    list[str] | None,
    Trait.PATH,
    option("--env-file", panel=_CONFIG, metavar="FILE", about="Variables, of ours and of the app."),
]
PrintConfig = Annotated[
    bool, Trait.ACTION, flag("--print-config", panel=_CONFIG, about="Each value and its source, and no more.")
]
Json = Annotated[bool, Trait.ACTION, flag("--json", panel=_CONFIG, about="The same as JSON.")]
DryRun = Annotated[
    bool, Trait.ACTION, flag("--dry-run", panel=_CONFIG, about="The same server as a uvicorn command line.")
]
Check = Annotated[bool, Trait.ACTION, flag("--check", panel=_CONFIG, about="Start, stop, and exit as the start would.")]

Https = Annotated[bool, flag("--https", panel=_TLS, about="With ssl/cert.pem and ssl/cert.key, made if need be.")]
RedirectHttp = Annotated[
    int | None,
    Range(0, 65535),
    option("--redirect-http", panel=_TLS, metavar="PORT", about="Lead plain HTTP from there to HTTPS."),
]
Certfile = Annotated[
    str | None,
    Trait.PATH,
    option("--ssl-certfile", panel=_TLS, metavar="FILE", about="Another certificate, with its chain."),
]
Keyfile = Annotated[
    str | None, Trait.PATH, option("--ssl-keyfile", panel=_TLS, metavar="FILE", about="Its private key.")
]
KeyfilePassword = Annotated[
    str | None, Trait.SECRET, option("--ssl-keyfile-password", panel=_TLS, metavar="TEXT", about="What opens the key.")
]
ClientCa = Annotated[
    str | None,
    Trait.PATH,
    option("--client-ca", "--ssl-ca-certs", panel=_TLS, metavar="FILE", about="Who vouches for clients (mTLS)."),
]
ClientCert = Annotated[
    Literal["required", "optional"] | None,
    option("--client-cert", panel=_TLS, metavar="MODE", about="required (with --client-ca) or optional."),
]
TlsMin = Annotated[
    Literal["1.2", "1.3"] | None,
    option("--tls-min", panel=_TLS, metavar="VERSION", about="The oldest TLS, 1.2 or 1.3 (1.2)."),
]

ProxyHeaders = Annotated[bool, flag("--proxy-headers/--no-proxy-headers", panel=_PROXY, about="Trust them (on).")]
ForwardedAllowIps = Annotated[
    str | None,
    option("--forwarded-allow-ips", panel=_PROXY, metavar="IPS", about="Proxies to trust, or *."),
]
RootPath = Annotated[str, option("--root-path", panel=_PROXY, metavar="PATH", about="Prefix it takes off.")]

GracefulTimeout = Annotated[
    float,
    Range(0, _DAY),
    option("--graceful-timeout", panel=_LIMITS, metavar="S", about="For open requests at the stop."),
]
StartupTimeout = Annotated[
    float | None,
    Range(0.001, _DAY),
    option("--startup-timeout", panel=_LIMITS, metavar="S", about="For the app to get ready (none)."),
]
KeepAlive = Annotated[
    int, Range(0), option("--timeout-keep-alive", panel=_LIMITS, metavar="S", about="For idle connections.")
]
LimitConcurrency = Annotated[
    int | None,
    Range(1),
    option("--limit-concurrency", panel=_LIMITS, metavar="N", about="Connections before a 503 (none)."),
]
Backlog = Annotated[
    int, Range(1, 2**31 - 1), option("--backlog", panel=_LIMITS, metavar="N", about="Connections that may wait.")
]

Loop = Annotated[str, option("--loop", panel=_PROTOCOLS, metavar="NAME", about="asyncio, uvloop, module:factory.")]
Http2 = Annotated[bool, flag("--http2", panel=_PROTOCOLS, about="HTTP/2 too, with zttp.")]
Http = Annotated[str, option("--http", panel=_PROTOCOLS, metavar="NAME", about="h11, httptools or zttp.")]
Ws = Annotated[str, option("--ws", panel=_PROTOCOLS, metavar="NAME", about="none, websockets-sansio or wsproto.")]
WsMaxSize = Annotated[
    int, Range(1), option("--ws-max-size", panel=_PROTOCOLS, metavar="BYTES", about="The largest message.")
]
WsPingInterval = Annotated[
    float, Range(0), option("--ws-ping-interval", panel=_PROTOCOLS, metavar="S", about="Between two pings.")
]
WsPingTimeout = Annotated[
    float, Range(0), option("--ws-ping-timeout", panel=_PROTOCOLS, metavar="S", about="For the answer to a ping.")
]

Header = Annotated[
    list[str] | None,
    option("--header", panel=_HEADERS, metavar="TEXT", about="Add `Name: value`."),
]
ServerHeader = Annotated[bool, flag("--server-header/--no-server-header", panel=_HEADERS, about="Send Server (on).")]
DateHeader = Annotated[bool, flag("--date-header/--no-date-header", panel=_HEADERS, about="Send Date (on).")]

LogLevel = Annotated[
    Literal["critical", "error", "warning", "info", "debug", "trace"] | None,
    option("--log-level", panel=_LOGGING, metavar="LEVEL", about="From critical to trace (info)."),
]
LogFormat = Annotated[
    Literal["text", "json"],
    option("--log-format", panel=_LOGGING, metavar="FORM", about="Of what the server says, text or json."),
]
LogConfig = Annotated[
    str | None,
    Trait.PATH,
    option("--log-config", panel=_LOGGING, metavar="FILE", about="As .ini, .json or .yaml."),
]
AccessLog = Annotated[bool, flag("--access-log/--no-access-log", panel=_LOGGING, about="A line a request (on).")]
AccessLogFormat = Annotated[
    str,
    option("--access-log-format", panel=_LOGGING, metavar="FORM", about="text, json, combined, or a template."),
]
QuietPath = Annotated[
    list[str] | None,
    option("--quiet-path", panel=_LOGGING, metavar="PATH", about="No line for it unless it fails, like /healthz."),
]
Verbose = Annotated[bool, flag("--verbose", "-v", panel=_LOGGING, about="Tell every step.")]
Traceback = Annotated[bool, flag("--traceback", panel=_LOGGING, about="The whole stack of errors.")]
