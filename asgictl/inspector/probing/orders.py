"""What is to be probed, as users ask for it."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from asgictl.asgi import ASGIApp
from asgictl.inspector.probing.probes import Target
from asgictl.inspector.probing.scope_forms import Pairs
from asgictl.inspector.request import Check


class ProbeOrder(NamedTuple):
    """What to probe: the `targets` that are given, with `headers` and a `body`, and of the app's routes the safe ones.

    `source` is the user's own object, which may be inside the app. A probe may last `limit` seconds, and once more
    after its client has gone. An app that `is_own` is of no framework: what is unknown to it is its own affair.
    """

    app: ASGIApp
    source: Any
    targets: tuple[Target, ...] = ()
    headers: Pairs = ()
    body: bytes = b""
    unsafe: bool = False
    limit: float = 5.0
    check: Check = "app"
    info: bool = False
    is_own: bool = True


def targets(names: Iterable[str]) -> list[Target]:
    """Return the targets that `METHOD:/path`, or a path alone, stand for; raise `ValueError` for anything else."""
    found = []
    for name in names:
        method, colon, path = name.partition(":")
        if name.startswith("/"):
            method, path = "GET", name
        elif not colon or not method.isalpha() or path[:1] != "/" or path[:2] == "//":  # which is of a URL
            raise ValueError(name)
        found.append(Target(method.upper(), path))
    return found
