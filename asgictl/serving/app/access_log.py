"""The lines of the access log: one for each HTTP request and each WebSocket connection."""

import functools
import json
import logging
import re
import string
import time
from collections.abc import Callable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from asgictl import errors, rfc9110
from asgictl.asgi import Scope
from asgictl.errors import ConfigError
from asgictl.serving.app.in_flight import CUT, InFlight

Line = Callable[[InFlight], str]

_REASONS = rfc9110.REASONS | {499: "Client Closed Request"}
_ANSWERS = {status: f"{status} {reason}" for status, reason in _REASONS.items()}
_OPTION = "access-log-format"
_FORMATS = ("text", "json", "combined")

# What cannot stand in a request line as it is: a control character could forge a line, a quote end the field.
_UNSAFE_TARGET = re.compile(rb"[^!#-\[\]-~]")
_UNSAFE = re.compile(r"[^ !#-\[\]-~]")

# Most durations, as text: formatting a float takes a third of the time that a line takes.
_SHORTS = 500
_SHORT = [f"{tenths // 10}.{tenths % 10}" for tenths in range(_SHORTS)]

_ANSWER = re.compile(r'^(.*" )(.*)( \d+ B [\d.]+ ms)$')

# For so many clients the address is kept.
_MOST_CLIENTS = 1024

_COLORS = {2: "32", 3: "36", 4: "33", 5: "31"}
_ERROR = 400
_FAILED = 500


class AccessLog(NamedTuple):
    """How the access log looks: `format` is text, json, combined or a template; `quiet_path` has no lines."""

    format: str = "text"
    quiet_path: tuple[str, ...] = ()
    colors: bool = False
    lock: str | None = None

    @property
    def reads_headers(self) -> bool:
        """Whether its lines may tell what stands in a request's headers."""
        return self.format != "text"


def check(form: str) -> None:
    """Raise `ConfigError` unless `form` is known, or a template of known fields."""
    if form in _FORMATS:
        return
    if "{" not in form:
        close = errors.closest(form, _FORMATS)
        hint = f"did you mean `{close}`?" if close else "pass text, json, combined, or a template like `{path}`"
        raise ConfigError(f"`--access-log-format {form}` is not known", hint=hint, option=_OPTION)
    try:
        for _, field, spec, conversion in string.Formatter().parse(form):
            if field is not None:
                _check_field(field, f"!{conversion}" if conversion else "", spec or "")
    except ValueError as error:
        problem = f"the template `{form}` is broken: {error}"
        raise ConfigError(problem, hint="write a brace as {{ or }}", option=_OPTION) from error


def _check_field(field: str, conversion: str, spec: str) -> None:
    if re.fullmatch(r"(request|response)_header\[[!#-Z^-~]+\]", field):
        example: object = "-"
    elif field in _FIELDS:
        example = _EXAMPLES.get(field, "-")
    else:
        close = errors.closest(field, _FIELDS)
        hint = f"did you mean `{{{close}}}`?" if close else f"there are {', '.join(_FIELDS)}"
        raise ConfigError(f"there is no `{{{field}}}` for `--access-log-format`", hint=hint, option=_OPTION)
    if "{" in spec or spec.endswith("c"):
        raise ValueError(f"`{spec}` is no format for it")
    f"{{0{conversion}:{spec}}}".format(example)


def line(log: AccessLog) -> Line:
    """Return what makes the line of an exchange, newline included; a quiet one has an empty line."""
    made: dict[str, Line] = {"text": _colored if log.colors else _text, "json": _json, "combined": _combined}
    make = made.get(log.format) or functools.partial(_template, log.format)
    if not log.quiet_path:
        return make
    exact = frozenset(path for path in log.quiet_path if "*" not in path)
    patterns = tuple(path for path in log.quiet_path if "*" in path)

    def unless_quiet(exchange: InFlight) -> str:
        path = exchange.scope["path"]
        if _shown_status(exchange) < _ERROR and (path in exact or any(fnmatchcase(path, one) for one in patterns)):
            return ""
        return make(exchange)

    return unless_quiet


def _shown_status(exchange: InFlight) -> int:
    """Return the status that tells best how it went, where nothing else does: an answer that is cut off has failed."""
    return _FAILED if exchange.incomplete == CUT else exchange.status


@functools.lru_cache(256)
def _request(method: str, path: bytes, query: bytes, version: str) -> str:
    """Return the request line, which a client has chosen; `-` where it is not known."""
    if not method:
        return "-"
    return f"{_word(method)} {_target(path, query)} HTTP/{_word(version)}"


@functools.lru_cache(256)
def _target(path: bytes, query: bytes) -> str:
    """Return the path and query as they were asked for, with everything else than visible ASCII percent-encoded."""
    target = b"%b?%b" % (path, query) if query else path
    if _UNSAFE_TARGET.search(target):
        target = _UNSAFE_TARGET.sub(lambda match: b"%%%02X" % ord(match[0]), target)
    return target.decode()


def _client(client: tuple[str, int] | None) -> str:
    """Return the client's address; it may come from a header that a proxy has passed on."""
    if not client:
        return "-"
    host, port = _word(client[0]), client[1]
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port else host


class _Clients(dict[tuple[str, int] | None, str]):
    """The addresses of clients, each made once; in a request this is faster than a cache of functools."""

    def __missing__(self, client: tuple[str, int] | None) -> str:
        if len(self) >= _MOST_CLIENTS:
            self.clear()
        self[client] = text = _client(client)
        return text


_CLIENTS = _Clients()


def _word(text: str) -> str:
    return _escaped(text).replace(" ", "\\x20")


def _escaped(text: str) -> str:
    return _UNSAFE.sub(
        lambda match: (
            match[0].encode("unicode_escape").decode() if match[0] not in '"\\' else f"\\x{ord(match[0]):02x}"
        ),
        text,
    )


def _text(exchange: InFlight) -> str:
    # Written for speed: it takes a third of what the log costs (bench/access_log.py).
    scope, status = exchange.scope, exchange.status
    tenths = int(exchange.duration * 10_000)
    duration = _SHORT[tenths] if tenths < _SHORTS else f"{exchange.duration * 1000:.1f}"
    answer = _ANSWERS[status] if status in _ANSWERS else str(status)
    size = exchange.size
    if scope["type"] == "websocket":
        method = "WebSocket"
        answer = f"closed {exchange.close_code}," if exchange.close_code else answer
    elif (method := scope["method"]) == "HEAD":
        size = 0
    if exchange.incomplete:
        answer = f"{answer}, {exchange.incomplete},"
    request = _request(method, scope["raw_path"], scope["query_string"], scope["http_version"])
    return f'{_CLIENTS[scope["client"]]} - "{request}" {answer} {size} B {duration} ms\n'


def record(exchange: InFlight) -> logging.LogRecord:
    """Return the record that uvicorn would make of a request, for the filters of `uvicorn.access`."""
    scope = exchange.scope
    target = _target(scope["raw_path"], scope["query_string"])
    arguments = (_client(scope["client"]), scope["method"], target, scope["http_version"], exchange.status)
    text = '%s - "%s %s HTTP/%s" %d'
    return logging.LogRecord("uvicorn.access", logging.INFO, __file__, 0, text, arguments, exc_info=None)


def _colored(exchange: InFlight) -> str:
    color = _COLORS.get(_shown_status(exchange) // 100, "0")
    return _ANSWER.sub(lambda match: f"{match[1]}\x1b[{color}m{match[2]}\x1b[0m{match[3]}", _text(exchange))


def _request_headers(scope: Scope) -> dict[bytes, str]:
    return {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _fields(exchange: InFlight) -> dict[str, Any]:
    """Return all that templates and JSON can show."""
    scope = exchange.scope
    path, _, query = _target(scope["raw_path"], scope["query_string"]).partition("?")
    client = scope["client"]
    headers = _request_headers(scope)
    is_http = scope["type"] == "http"
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "client": client[0] if client else None,
        "client_port": client[1] if client else None,
        "method": scope["method"] if is_http else "WebSocket",
        "scheme": scope.get("scheme"),
        "host": headers.get(b"host"),
        "path": path,
        "query": query,
        "http_version": scope["http_version"],
        "status": exchange.status,
        "reason": _REASONS.get(exchange.status, ""),
        "close_code": exchange.close_code or None,
        "incomplete": exchange.incomplete or None,
        "bytes": exchange.size if not is_http or scope["method"] != "HEAD" else 0,
        "duration_ms": round(exchange.duration * 1000, 3),
        "referer": headers.get(b"referer"),
        "user_agent": headers.get(b"user-agent"),
        "request_id": headers.get(b"x-request-id"),
    }


_FIELDS = (
    *("time", "client", "client_port", "method", "scheme", "host", "path", "query", "http_version"),
    *("status", "reason", "close_code", "incomplete", "bytes", "duration_ms", "referer", "user_agent", "request_id"),
)
_EXAMPLES: dict[str, object] = {"client_port": 0, "status": 0, "close_code": 0, "bytes": 0, "duration_ms": 0.0}


def _json(exchange: InFlight) -> str:
    fields = _fields(exchange)
    return json.dumps({key: value for key, value in fields.items() if value not in (None, "")}) + "\n"


def _combined(exchange: InFlight) -> str:
    """Return a line of Apache's combined log format (https://httpd.apache.org/docs/current/logs.html).

    It has no field for an answer that is cut off but the status.
    """
    scope = exchange.scope
    headers = _request_headers(scope)
    referer, agent = (_escaped(headers.get(name, "-")) for name in (b"referer", b"user-agent"))
    method = scope["method"] if scope["type"] == "http" else "GET"
    host = _client((scope["client"][0], 0)).strip("[]") if scope["client"] else "-"
    size = exchange.size if method != "HEAD" and exchange.size else "-"
    moment = time.strftime("%d/%b/%Y:%H:%M:%S %z")
    request = _request(method, scope["raw_path"], scope["query_string"], scope["http_version"])
    return f'{host} - - [{moment}] "{request}" {_shown_status(exchange)} {size} "{referer}" "{agent}"\n'


def _template(form: str, exchange: InFlight) -> str:
    fields = {key: _printable(value, key) for key, value in _fields(exchange).items()}
    headers = {
        "request_header": _Headers(exchange.scope["headers"]),
        "response_header": _Headers(exchange.headers or ()),
    }
    return f"{form.format_map({**fields, **headers})}\n"


def _printable(value: Any, key: str) -> Any:
    if isinstance(value, str):
        return _escaped(value)
    return value if value is not None else _EXAMPLES.get(key, "-")


def _decoded(text: Any) -> str:
    """Return one side of a header; h11 takes text, too."""
    return text if isinstance(text, str) else bytes(text).decode("latin-1")


class _Headers(dict[str, str]):
    """The headers of one side by their lower-case names; `-` for what is not there."""

    def __init__(self, headers: Any) -> None:
        super().__init__((_decoded(name).lower(), _escaped(_decoded(value))) for name, value in headers)

    def __missing__(self, name: str) -> str:
        return self.get(name.lower(), "-")
