"""A recorded request as a command line that sends it again."""

import base64
import shlex
from collections.abc import Iterator

from asgictl.errors import AsgictlError
from asgictl.inspector.address import reachable
from asgictl.inspector.exchange import Exchange, Headers, value_of
from asgictl.inspector.record import Redacted

# What the clients work out for themselves, from the URL and the body.
_OWN = ("content-length", "host")

# What each client adds on its own, unless it is told not to.
_CURL_ADDS = ("accept", "user-agent")
_HTTPIE_ADDS = ("accept", "accept-encoding", "connection", "user-agent")
_WITH_BODY = ("content-type", "expect")

_VERSIONS = {"1.0": "--http1.0", "1.1": "--http1.1", "2": "--http2"}


def curl(exchange: Exchange) -> str:
    """Return a curl command for a POSIX shell; raise `AsgictlError` for what cannot be sent again."""
    _check(exchange, "curl")
    url, host = reachable(exchange)
    headers = [*_headers(exchange), *([("host", host)] if host else [])]
    words = ["curl", "--globoff", "--path-as-is", _VERSIONS.get(str(exchange.scope.get("http_version")), "--http1.1")]
    if exchange.method == "HEAD":
        words.append("--head")
    elif exchange.method != ("POST" if exchange.request_body else "GET"):
        words += ["--request", exchange.method]
    for name, value in headers:
        words += ["--header", f"{name}: {value}" if value else f"{name};"]
    for name in _unwanted(exchange, _CURL_ADDS):
        words += ["--header", f"{name}:"]
    if value_of(exchange.request_headers, "accept-encoding"):
        words.append("--compressed")
    before = ""
    if exchange.request_body:
        text = _argument(exchange.request_body)
        if text is None:
            before, source = _piped(exchange.request_body), ["--data-binary", "@-"]
        else:
            source = ["--data-raw", text]
        words += source
    return f"{before}{shlex.join([*words, url])}"


def httpie(exchange: Exchange) -> str:
    """Return an HTTPie command for a POSIX shell; raise `AsgictlError` for what cannot be sent again."""
    _check(exchange, "HTTPie")
    url, host = reachable(exchange)
    words = ["http", "--ignore-stdin", "--path-as-is"]
    before = ""
    if exchange.request_body:
        text = _argument(exchange.request_body)
        if text is None:
            before = _piped(exchange.request_body)
            words.remove("--ignore-stdin")
        else:
            words += ["--raw", text]
    words += [exchange.method, url]
    for name, value in [*_headers(exchange), *([("host", host)] if host else [])]:
        words.append(f"{name}:{value}" if value else f"{name};")
    words += [f"{name}:" for name in _unwanted(exchange, _HTTPIE_ADDS)]
    return f"{before}{shlex.join(words)}"


def without_secrets(headers: Headers) -> Iterator[tuple[str, str]]:
    """Yield the headers that can be sent again as text: those that are kept, without what clients work out."""
    for name, value in headers:
        text = name.decode("latin-1")
        if not isinstance(value, Redacted) and text.lower() not in _OWN:
            yield text, value.decode("latin-1")


def _unwanted(exchange: Exchange, added: tuple[str, ...]) -> list[str]:
    """Return what a client would add, and the request has not."""
    names = (*added, *_WITH_BODY) if exchange.request_body else added
    return [name for name in names if value_of(exchange.request_headers, name) is None]


def _headers(exchange: Exchange) -> list[tuple[str, str]]:
    return list(without_secrets(exchange.request_headers))


def _check(exchange: Exchange, client: str) -> None:
    if exchange.type != "http":
        problem = f"#{exchange.id} is a {exchange.type}, which {client} cannot send"
        raise AsgictlError(problem, hint="`asgictl session replay` does it for WebSockets")
    if any(event.cut for event in exchange.received):
        problem = f"#{exchange.id} has a body of which only the beginning is kept"
        raise AsgictlError(problem, hint="record it with a larger --body-limit")


def _argument(body: bytes) -> str | None:
    """Return a body that can be an argument of a command, or None."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return text if "\0" not in text and len(body) < _LONGEST else None


# Linux takes 128 KiB for one argument (execve(2), MAX_ARG_STRLEN).
_LONGEST = 100_000


def _piped(body: bytes) -> str:
    return f"echo {base64.b64encode(body).decode()} | base64 --decode | "
