"""A recorded request as a command line that sends it again."""

import base64
import re
import shlex
import string
from typing import NamedTuple

from asgictl.errors import AsgictlError
from asgictl.inspector import address
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.sessions.sendable import Sendable, sendable

# What each client adds on its own, unless it is told not to.
_CURL_ADDS = ("accept", "user-agent")
_HTTPIE_ADDS = ("accept", "accept-encoding", "connection", "user-agent")
_WITH_BODY = ("content-type", "expect")

# What means nothing to a shell between double quotes, nor to printf; an interactive one takes `!` for its history.
_SAFE = frozenset(string.ascii_letters + string.digits + " :;,.=_-/+*()[]{}<>@#&?~|^")

# Linux takes 128 KiB for one argument (execve(2), MAX_ARG_STRLEN).
_LONGEST = 100_000

_VERSIONS = {"1.0": "--http1.0", "1.1": "--http1.1"}

# Where `requests` does not say that there is no body.
_WITHOUT_LENGTH = ("GET", "HEAD")

# How HTTPie reads a header: a backslash in front of one of these is taken off, and cannot be written.
_TAKEN_OFF = re.compile(rb"\\[:=@;]")
# What `requests` writes otherwise in a URL: other characters than these, a last `;`, and letters that need no encoding.
_REWRITTEN = re.compile(
    r"[^!#$%&'()*+,/:;=?@~A-Za-z0-9._-]|;(?:$|\?)|%(?![0-9A-F]{2})|%(?:2[DE]|3\d|[46][1-9A-F]|[57][0-9A]|5F|7E)"
)


class CommandLine(NamedTuple):
    """A line for a POSIX shell, and what it cannot say."""

    line: str
    notes: tuple[str, ...]


def curl(exchange: Exchange, certificate: str | None = None) -> CommandLine:
    """Return a curl command; raise `AsgictlError` for what cannot be sent again.

    `certificate` is the file of the one that a server on this machine has where nobody else says so.
    """
    request = sendable(exchange, "curl")
    version, notes = _version_for_curl(request)
    trust, more = _trust(request, "--cacert", certificate)
    words = ["curl", "--globoff", "--path-as-is", version, *trust]
    if not request.target.startswith("/") or "#" in request.target:
        words += ["--request-target", shlex.quote(request.target)]
    has_body = bool(request.body) or not request.is_empty
    if request.method == "HEAD" and not has_body:
        words.append("--head")
    elif request.method != ("POST" if has_body else "GET"):
        words += ["--request", shlex.quote(request.method)]
    for name, value in request.headers:
        words += ["--header", _header(name, value)]
    words += _host(request, "--header")
    for unwanted in _unwanted(request, (*_CURL_ADDS, *(_WITH_BODY if has_body else ()))):
        words += ["--header", f"{unwanted}:"]
    if request.has("accept-encoding"):
        words.append("--compressed")
    before, text = _source(request.body)
    if has_body:
        words += ["--data-binary", "@-"] if before else ["--data-raw", shlex.quote(text)]
    if request.method == "HEAD" and has_body:
        notes = (*notes, "curl waits for a body of the answer, which HEAD does not have: end it with Ctrl-C")
    return CommandLine(" ".join([*before, *words, _url(request)]), (*request.notes, *notes, *more))


def httpie(exchange: Exchange, certificate: str | None = None) -> CommandLine:
    """Return an HTTPie command; raise `AsgictlError` for what cannot be sent again.

    `certificate` is the file of the one that a server on this machine has where nobody else says so.
    """
    request = sendable(exchange, "HTTPie")
    _check_for_httpie(exchange, request)
    before, text = _source(request.body)
    trust, notes = _trust(request, "--verify", certificate)
    words = ["http", "--path-as-is", *trust, *([] if before else ["--ignore-stdin"])]
    if request.is_chunked:
        words.append("--chunked")
    if text:
        words.append(shlex.quote(f"--raw={text}"))
    words += [shlex.quote(request.method), _url(request)]
    words += [_header(name, value) for name, value in request.headers if name.lower() != "transfer-encoding"]
    words += _host(request)
    added = (*_HTTPIE_ADDS, *(_WITH_BODY if request.body else ()))
    words += [f"{unwanted}:" for unwanted in _unwanted(request, added)]
    if request.version != "1.1":
        notes = (*notes, f"HTTPie sends it over HTTP/1.1, it came over HTTP/{request.version}")
    length = "content-length: 0"
    if request.is_empty and request.method not in _WITHOUT_LENGTH:
        notes = (*notes, f"HTTPie adds `{length}`")
    elif not (request.body or request.is_empty) and request.method in _WITHOUT_LENGTH:
        notes = (*notes, f"HTTPie leaves out `{length}`")
    if any(value != value.strip(b" \t") for _, value in request.headers):
        notes = (*notes, "HTTPie takes blanks off the ends of header values: --curl has them")
    if _REWRITTEN.search(request.target):
        notes = (*notes, "HTTPie writes some of the URL in another way, like `[` as `%5B`: --curl has it as it was")
    return CommandLine(" ".join([*before, *words]), (*request.notes, *notes))


def _check_for_httpie(exchange: Exchange, request: Sendable) -> None:
    """Raise `AsgictlError` for what HTTPie would send as something else."""
    why = None
    if not re.fullmatch("[A-Z]+", request.method):
        why = f"the method `{request.method}` has other characters than capital letters"
    elif not request.target.startswith("/") or "#" in request.target:
        why = f"the target `{request.target}` is not the path of a URL"
    elif request.is_chunked and not request.body:
        why = "its body has chunks, but no content"
    for name, value in [*request.headers, ("host", (request.host or "").encode("latin-1"))]:
        if not _is_utf8(value):
            why = f"the header `{name}` is not UTF-8"
        elif _TAKEN_OFF.search(value):
            why = f"the header `{name}` has a backslash before one of `:=@;`"
    if why:
        raise AsgictlError(f"HTTPie cannot send #{exchange.id}: {why}", hint="pass --curl instead of --httpie")


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _version_for_curl(request: Sendable) -> tuple[str, tuple[str, ...]]:
    """Return the option for a version of HTTP, and what to say where curl may not have it."""
    if request.version == "2":
        return ("--http2" if request.base.startswith("https:") else "--http2-prior-knowledge"), ()
    if request.version in _VERSIONS:
        return _VERSIONS[request.version], ()
    return "--http1.1", (f"curl sends it over HTTP/1.1, it came over HTTP/{request.version}",)


def _trust(request: Sendable, option: str, certificate: str | None) -> tuple[list[str], tuple[str, ...]]:
    """Return how a client is told to trust the certificate of a server on this machine, or what else may be needed."""
    if not request.base.startswith("https:"):
        return [], ()
    if certificate and address.is_loopback(request.base):
        return [option, shlex.quote(certificate)], ()
    return [], (f"where the server's certificate is not trusted, add {option} with its file",)


def _url(request: Sendable) -> str:
    path = request.target.partition("#")[0] if request.target.startswith("/") else ""
    return shlex.quote(request.base + path)


def _host(request: Sendable, *option: str) -> list[str]:
    """Return the words for a Host header that is not the URL's."""
    if request.is_hostless:
        return [*option, "Host:"]  # curl does not know it otherwise (lib/http.c, Curl_http_host)
    return [] if request.host is None else [*option, _header("host", request.host.encode("latin-1"))]


def _unwanted(request: Sendable, added: tuple[str, ...]) -> list[str]:
    """Return what a client would add, and the request has not."""
    return [name for name in added if not request.has(name)]


def _header(name: str, value: bytes) -> str:
    """Return a header as a word; the blank keeps HTTPie from taking `:@` for a file, and `:=` for JSON."""
    return _word(name.encode() + (b": " + value if value else b";"))


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
