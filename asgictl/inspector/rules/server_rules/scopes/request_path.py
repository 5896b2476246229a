"""The three paths of a scope, one beside the other.

https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

from asgictl.inspector.record.marks import HIDDEN
from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import shown
from asgictl.inspector.rules.rule import Broken, Rule

SLASH = Rule(
    "A-106",
    "warning",
    "server",
    "The `path` begins with a slash, or is the asterisk of OPTIONS.",
    links.rfc(9112, "3.2"),
)
DECODED = Rule(
    "A-107",
    "warning",
    "server",
    "The `path` is the `raw_path`, decoded from its percent-encoding and from UTF-8.",
    links.HTTP_SCOPE,
)
ROOT = Rule(
    "A-108",
    "warning",
    "server",
    "The `path` begins with the `root_path`: what is left is what WSGI calls PATH_INFO.",
    links.WSGI,
)


def of_scope(scope: dict[str, Any]) -> Iterator[Broken]:
    """Yield where the paths of a scope are not of one request."""
    path, raw, root, method = (scope.get(key) for key in ("path", "raw_path", "root_path", "method"))
    if not isinstance(path, str):
        return
    if not path.startswith("/") and method != "CONNECT" and not (path == "*" and method == "OPTIONS"):
        yield SLASH(f"`path` is {shown(path)}")
        return
    root = root.rstrip("/") if isinstance(root, str) else ""
    if not path.startswith(root):
        yield ROOT(f"`path` is {shown(path)}, and `root_path` {shown(root)}")
    elif isinstance(raw, bytes) and not _is_decoded(path, raw, root):
        yield DECODED(f"`path` is {shown(path)}, and `raw_path` {shown(raw)}")


def _is_decoded(path: str, raw: bytes, root: str) -> bool:
    """Tell whether a path is what `raw` decodes to, by itself or behind what a proxy has taken away."""
    if not raw.startswith(b"/") or HIDDEN in raw:
        return True  # another form of a target, or one that is not kept as it was
    try:
        decoded = unquote_to_bytes(raw.partition(b"?")[0]).decode()
    except UnicodeDecodeError:  # for which there is no rule
        return True
    return path in (decoded, root + decoded)  # strings that are made here
