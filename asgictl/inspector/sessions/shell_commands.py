"""A recorded request as a command line that sends it again."""

import base64
import shlex
import string

from asgictl.errors import AsgictlError
from asgictl.inspector.address import reachable
from asgictl.inspector.exchange import Exchange, is_lost, value_of

# What the clients work out for themselves, from the URL and the body.
_OWN = (b"content-length", b"host")

# What each client adds on its own, unless it is told not to.
_CURL_ADDS = ("accept", "user-agent")
_HTTPIE_ADDS = ("accept", "accept-encoding", "connection", "user-agent")
_WITH_BODY = ("content-type", "expect")

# What means nothing to a shell between quotes, nor to printf.
_SAFE = frozenset(string.ascii_letters + string.digits + " :;,.=_-/+*()[]{}<>@#&?!~|^")

# Linux takes 128 KiB for one argument (execve(2), MAX_ARG_STRLEN).
_LONGEST = 100_000

_VERSIONS = {"1.0": "--http1.0", "1.1": "--http1.1", "2": "--http2"}


def curl(exchange: Exchange) -> str:
    """Return a curl command for a POSIX shell; raise `AsgictlError` for what cannot be sent again."""
    _check(exchange, "curl")
    url, headers = _request(exchange)
    words = ["curl", "--globoff", "--path-as-is", _VERSIONS.get(str(exchange.scope.get("http_version")), "--http1.1")]
    if exchange.target == "*":
        words += ["--request-target", "'*'"]
    if exchange.method == "HEAD" and not exchange.request_body:
        words.append("--head")
    elif exchange.method != ("POST" if exchange.request_body else "GET"):
        words += ["--request", shlex.quote(exchange.method)]
    for name, value in headers:
        words += ["--header", _word(name + b": " + value if value else name + b";")]
    for unwanted in _unwanted(exchange, _CURL_ADDS):
        words += ["--header", f"{unwanted}:"]
    if value_of(exchange.request_headers, "accept-encoding"):
        words.append("--compressed")
    before, text = _source(exchange.request_body)
    if exchange.request_body:
        words += ["--data-binary", "@-"] if before else ["--data-raw", shlex.quote(text)]
    return " ".join([*before, *words, shlex.quote(url)])


def httpie(exchange: Exchange) -> str:
    """Return an HTTPie command for a POSIX shell; raise `AsgictlError` for what cannot be sent again."""
    _check(exchange, "HTTPie")
    url, headers = _request(exchange)
    before, text = _source(exchange.request_body)
    words = ["http", "--path-as-is", *([] if before else ["--ignore-stdin"])]
    if text:
        words += ["--raw", shlex.quote(text)]
    words += [shlex.quote(exchange.method), shlex.quote(url)]
    words += [_httpie_word(name, value) for name, value in headers]
    words += [f"{unwanted}:" for unwanted in _unwanted(exchange, _HTTPIE_ADDS)]
    return " ".join([*before, *words])


def _request(exchange: Exchange) -> tuple[str, list[tuple[bytes, bytes]]]:
    """Return where a request goes, and the headers that a client is to send, without the secrets that are not kept."""
    url, host = reachable(exchange)
    headers = [
        (name, value)
        for name, value in exchange.request_headers
        if isinstance(value, bytes) and not is_lost(value) and name.lower() not in _OWN
    ]
    return url, [*headers, *([(b"host", host.encode("latin-1"))] if host else [])]


def _unwanted(exchange: Exchange, added: tuple[str, ...]) -> list[str]:
    """Return what a client would add, and the request has not."""
    names = (*added, *_WITH_BODY) if exchange.request_body else added
    return [name for name in names if value_of(exchange.request_headers, name) is None]


def _check(exchange: Exchange, client: str) -> None:
    if exchange.type != "http":
        problem = f"#{exchange.id} is a {exchange.type}, which {client} cannot send"
        raise AsgictlError(problem, hint="`asgictl session replay` does it for WebSockets")
    exchange.check_whole("record it again, with a larger --body-limit or --save-limit")


def _httpie_word(name: bytes, value: bytes) -> str:
    """Return a header for HTTPie; the blank keeps it from taking `:@` for a file, and `:=` for JSON."""
    try:
        value.decode()
    except UnicodeDecodeError as error:
        problem = f"the header `{name.decode('latin-1')}` is not UTF-8, which HTTPie cannot send"
        raise AsgictlError(problem, hint="pass --curl instead of --httpie") from error
    return _word(name + b": " + value if value else name + b";")


def _word(content: bytes) -> str:
    """Return a word for a POSIX shell that stands for these bytes, and holds none that a terminal would act on."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if text.isprintable():
        return shlex.quote(text)
    escaped = "".join(chr(byte) if chr(byte) in _SAFE else f"\\{byte:03o}" for byte in content)
    return f"\"$(printf '{escaped}')\""


def _source(body: bytes) -> tuple[list[str], str]:
    """Return a pipe that a body comes out of, or the body as text where it can be an argument."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\0"
    if len(body) < _LONGEST and all(char.isprintable() or char in "\n\t" for char in text):
        return [], text
    return ["echo", base64.b64encode(body).decode(), "|", "base64", "--decode", "|"], ""
