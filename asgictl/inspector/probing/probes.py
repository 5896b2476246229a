"""What is tried with an app, as values: which scope it is given, which messages, and when its client leaves."""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from asgictl.asgi import Scope
from asgictl.inspector.probing import scope_forms
from asgictl.inspector.probing.routes import AppRoute
from asgictl.inspector.probing.scope_forms import Pairs

# When the client leaves: as soon as the app has its request, once it has begun to answer, or when all is said.
Leaves = Literal["before", "during", "after"]

SAFE = frozenset(("GET", "HEAD"))
_UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


class Target(NamedTuple):
    """What is asked for: a method, `WS` for a WebSocket, and a path with its query."""

    method: str
    path: str

    @property
    def name(self) -> str:
        """What it is called in reports, without the query."""
        return f"{self.method} {self.path.partition('?')[0]}"


class Probe(NamedTuple):
    """One call of an app: what it is of, how it is made, in words, its scope, and the chunks of its body."""

    route: str
    how: str
    scope: Scope
    chunks: tuple[bytes, ...] = (b"",)
    leaves: Leaves = "after"


class Skipped(NamedTuple):
    """So many routes are not probed, why, and what to do about it."""

    routes: int
    reason: str
    advice: str


class Plan(NamedTuple):
    """What is to be probed, how many of the routes that were found that are, and why others are not."""

    targets: tuple[Target, ...]
    found: int
    probed: int
    given: int
    skipped: tuple[Skipped, ...]


def plan(routes: Iterable[AppRoute], given: Iterable[Target], *, unsafe: bool) -> Plan:
    """Return what to probe of an app: the targets that are `given`, and of its routes what needs nothing else."""
    named = list(dict.fromkeys(given))
    targets = dict.fromkeys(named)
    reached = with_parameters = with_body = found = 0
    for route in routes:
        found += 1
        if route.has_parameters:
            with_parameters += 1
            continue
        wanted = list(_targets(route, unsafe=unsafe))
        targets |= dict.fromkeys(wanted)
        reached += bool(wanted)
        with_body += not wanted
    skipped = []
    if with_parameters:
        skipped.append(Skipped(with_parameters, _have(with_parameters, "parameters"), "pass --path"))
    if with_body:
        what = "changes things" if with_body == 1 else "change things"
        skipped.append(Skipped(with_body, what, "pass --unsafe, or --path"))
    if not targets:
        targets = {Target("GET", "/"): None}
    return Plan(tuple(targets), found, reached, len(named), tuple(skipped))


def _have(count: int, what: str) -> str:
    return f"{'has' if count == 1 else 'have'} {what}"


def _targets(route: AppRoute, *, unsafe: bool) -> Iterator[Target]:
    if route.kind == "websocket":
        yield Target("WS", route.path)
        return
    if SAFE.intersection(route.methods):
        yield Target("GET" if "GET" in route.methods else "HEAD", route.path)
    for method in _UNSAFE if unsafe else ():
        if method in route.methods:
            yield Target(method, route.path)


def of_target(target: Target, headers: Pairs, body: bytes) -> list[Probe]:
    """Return the probes of a target, the plainest first."""
    if target.method == "WS":
        return list(_of_websocket(target, headers))
    if target.method in SAFE:
        return list(_of_reading(target, headers))
    return list(_of_writing(target, headers, body))


def _of_reading(target: Target, headers: Pairs) -> Iterator[Probe]:
    name, method, path = target.name, target.method, target.path
    yield Probe(name, "over HTTP/1.1", scope_forms.http(method, path, headers))
    whole = scope_forms.http(method, path, headers, version="2", extended=True)
    yield Probe(name, "over HTTP/2, with all extensions", whole)
    smallest = scope_forms.smallest_http(method, path, headers)
    yield Probe(name, "over HTTP/1.0, with the smallest scope", smallest)
    if method == "GET":
        yield Probe(name, "as HEAD, over HTTP/1.1", scope_forms.http("HEAD", path, headers))
    extended = scope_forms.http(method, path, headers, extended=True)
    yield Probe(name, "over HTTP/1.1, client gone before the answer", extended, leaves="before")
    yield Probe(name, "over HTTP/1.1, client gone during the answer", extended, leaves="during")


def _of_writing(target: Target, headers: Pairs, body: bytes) -> Iterator[Probe]:
    name, method, path = target.name, target.method, target.path
    sized = (*headers, (b"content-length", b"%d" % len(body)))
    half = len(body) // 2
    yield Probe(name, "over HTTP/1.1", scope_forms.http(method, path, sized), (body,))
    chunked = scope_forms.http(method, path, (*headers, (b"transfer-encoding", b"chunked")))
    yield Probe(name, "over HTTP/1.1, with a chunked body", chunked, (body[:half], body[half:], b""))
    whole = scope_forms.http(method, path, sized, version="2", extended=True)
    yield Probe(name, "over HTTP/2, with all extensions", whole, (body,))
    smallest = scope_forms.smallest_http(method, path, sized)
    yield Probe(name, "over HTTP/1.0, with the smallest scope", smallest, (body,))
    yield Probe(name, "over HTTP/1.1, client gone within its body", chunked, (body[:half],), leaves="before")
    extended = scope_forms.http(method, path, sized, extended=True)
    yield Probe(name, "over HTTP/1.1, client gone during the answer", extended, (body,), leaves="during")


def _of_websocket(target: Target, headers: Pairs) -> Iterator[Probe]:
    name, path = target.name, target.path
    yield Probe(name, "with all extensions", scope_forms.websocket(path, headers))
    yield Probe(name, "with the smallest scope", scope_forms.smallest_websocket(path, headers))
    gone = scope_forms.websocket(path, headers)
    yield Probe(name, "client gone before the handshake", gone, leaves="before")
