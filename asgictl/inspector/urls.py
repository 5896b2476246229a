"""Paths and queries, as they are asked for and as scopes have them."""

import re
from urllib.parse import unquote

from asgictl.inspector.record.marks import is_hidden

# What no URL has as it is: everything else than visible ASCII (RFC 3986 section 2).
_UNSAFE = re.compile(rb"[^!-~]")


def encoded(target: bytes) -> bytes:
    """Return a path or a query with everything else than visible ASCII percent-encoded."""
    return _UNSAFE.sub(lambda match: b"%%%02X" % ord(match[0]), target)


def in_scope(target: str) -> dict[str, object]:
    """Return what a scope says of a target: `path`, `raw_path` and `query_string`."""
    path, _, query = target.partition("?")
    raw_path = encoded(path.encode("utf-8", "surrogatepass"))
    return {
        "path": unquote(raw_path.decode()),
        "raw_path": raw_path,
        "query_string": encoded(query.encode("utf-8", "surrogatepass")),
    }


def without_secrets(query: bytes) -> bytes:
    """Return a query without the parameters whose values are not kept."""
    return b"&".join(part for part in query.split(b"&") if not is_hidden(part))


def path_without_secrets(path: bytes) -> bytes:
    """Return a path without the parameters whose values are not kept (RFC 3986 section 3.3)."""
    return b"/".join(
        b";".join(part for part in segment.split(b";") if not is_hidden(part)) for segment in path.split(b"/")
    )
