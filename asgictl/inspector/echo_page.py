"""The page that a browser gets from the app that stands in: its request, as the server passed it on."""

import string
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from asgictl.inspector import bodies
from asgictl.inspector.bodies import charsets, forms
from asgictl.inspector.headers import as_text, pairs
from asgictl.spans import plain

# The page has its own style, and runs and loads nothing.
POLICY = b"default-src 'none'; style-src 'unsafe-inline'"

_ORDER = ("method", "path", "raw_path", "query_string", "root_path", "http_version", "scheme", "client", "server")


class Echoed(NamedTuple):
    """The beginning of a request's body, and how large all of it is."""

    content: bytes = b""
    size: int = 0


def page(scope: Mapping[str, Any], body: Echoed, as_json: str) -> bytes:
    """Return the page of a request: its scope as it is kept, without secrets, its body, and both as JSON."""
    template = string.Template(Path(__file__).with_name("echo.html").read_text(encoding="utf-8"))
    method, path = (_safe(str(scope.get(key, ""))) for key in ("method", "path"))
    query = scope.get("query_string")
    parameters = forms.fields(query.decode("latin-1"), "utf-8") if isinstance(query, bytes) else []
    sections = [
        _table("Request", ((key, scope[key]) for key in _ORDER if scope.get(key) not in (None, "", b""))),
        _table("Query", parameters),
        _table("Headers", pairs(scope.get("headers"))),
        _body(body),
    ]
    text = template.substitute(method=method, path=path, sections="".join(sections), json=_safe_lines(as_json))
    return text.encode(errors="replace")


def _table(title: str, rows: Iterable[tuple[Any, Any]]) -> str:
    lines = "".join(f'<tr><th scope="row">{_written(name)}<td>{_written(value)}\n' for name, value in rows)
    return f"<h2>{title}</h2>\n<table>\n{lines}</table>\n" if lines else ""


def _body(body: Echoed) -> str:
    content, size = body
    if not content:
        return ""
    kind, lines = bodies.shown(content, "text/plain", "")
    text = charsets.text(content, "text/plain") or "\n".join(lines)
    beginning = f", the first {len(content)}" if size > len(content) else ""
    return f"<h2>Body</h2>\n<p>{_safe(kind)}, {size} bytes{beginning}\n<pre>\n{_safe_lines(text)}</pre>\n"


def _written(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ":".join(map(_written, value))
    return _safe(as_text(value))


def _safe(text: str) -> str:
    """Return a text that is nothing but that in a page: no markup, and no character that turns others around."""
    return escape(plain(text))


def _safe_lines(text: str) -> str:
    """Return a text of several lines, tabs in them too."""
    return "\n".join("\t".join(map(_safe, line.removesuffix("\r").split("\t"))) for line in text.split("\n"))
