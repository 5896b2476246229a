"""What a command that serves can be asked for: each field is one of its options."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple

from asgictl.asgi import Interface
from asgictl.option_types import Range, Trait

LifespanMode = Literal["auto", "on", "off"]
LogFormat = Literal["text", "json"]
ShowErrors = Literal["loopback", "always", "never"]
TlsVersion = Literal["1.2", "1.3"]

_DAY = 24 * 60 * 60

_Port = Range(0, 65535)
_File = Annotated[str | None, Trait.PATH]


class ServeRequest(NamedTuple):
    """The options of `asgictl serve` that decide what is served, and how; times are in seconds.

    `uvicorn` holds arguments for `uvicorn.run` that have no option: text, or what a file gives them.
    """

    app: Annotated[str | None, Trait.ACTION] = None
    host: str = "127.0.0.1"
    port: Annotated[int, _Port] = 8000
    next_port: bool = False
    uds: Annotated[str | None, Trait.PATH, Trait.INSIDE] = None
    uds_mode: str = "660"
    fd: Annotated[int | None, Range(0)] = None
    factory: bool = False
    interface: Interface = "auto"
    lifespan: LifespanMode = "auto"
    wsgi_threads: Annotated[int, Range(1)] = 10
    static: bool = True
    prod: bool = False
    workers: Annotated[str, Range(1, words=("auto",))] = "1"
    max_requests: Annotated[int | None, Range(1)] = None
    uvicorn: Mapping[str, Any] = MappingProxyType({})
    reload: bool = False
    reload_dir: Annotated[tuple[str, ...], Trait.PATH] = ()
    reload_include: tuple[str, ...] = ()
    reload_exclude: tuple[str, ...] = ()
    show_errors: ShowErrors = "loopback"
    check: Annotated[bool, Trait.ACTION] = False
    https: bool = False
    redirect_http: Annotated[int | None, _Port] = None
    ssl_certfile: _File = None
    ssl_keyfile: _File = None
    ssl_keyfile_password: Annotated[str | None, Trait.SECRET] = None
    client_ca: _File = None
    client_cert: Literal["required", "optional"] | None = None
    tls_min: TlsVersion | None = None
    proxy_headers: bool = True
    forwarded_allow_ips: str | None = None
    root_path: str = ""
    graceful_timeout: Annotated[float, Range(0, _DAY)] = 8
    startup_timeout: Annotated[float | None, Range(0.001, _DAY)] = None
    header_timeout: Annotated[float, Range(0, _DAY)] = 0
    max_header_size: Annotated[int, Range(0)] = 0
    timeout_keep_alive: Annotated[int, Range(0)] = 5
    limit_concurrency: Annotated[int | None, Range(1)] = None
    backlog: Annotated[int, Range(1, 2**31 - 1)] = 2048
    loop: str = "auto"
    http: str = "auto"
    http2: bool = False
    ws: str = "auto"
    ws_max_size: Annotated[int, Range(1)] = 16 * 1024 * 1024
    ws_ping_interval: Annotated[float, Range(0)] = 20
    ws_ping_timeout: Annotated[float, Range(0)] = 20
    header: tuple[str, ...] = ()
    server_header: bool = True
    date_header: bool = True
    log_level: Literal["critical", "error", "warning", "info", "debug", "trace"] | None = None
    log_format: LogFormat = "text"
    log_config: _File = None
    access_log: bool = True
    access_log_format: str = "text"
    quiet_path: tuple[str, ...] = ()
    verbose: bool = False
    traceback: bool = False
