"""Whom the app answers: hosts that it lets in, and whether it sends everybody to HTTPS."""

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from asgictl.scaffold.accepted import DOMAIN

_REDIRECTS = {"HTTPSRedirectMiddleware", "Talisman"}
_LISTS = {"ALLOWED_HOSTS", "TRUSTED_HOSTS"}


class Allowed(NamedTuple):
    """The hosts that are let in, as far as the source says them, and the place; `whole` if it says all."""

    hosts: tuple[str, ...]
    whole: bool
    place: str

    @property
    def anybody(self) -> bool:
        """Tell whether every host is let in, or this machine by the name that a check uses."""
        return bool({"*", "127.0.0.1"} & set(self.hosts))

    @property
    def name(self) -> str | None:
        """A host that is let in, where a file can hold it."""
        names = (host.removeprefix(".") for host in self.hosts)
        return next((name for name in names if DOMAIN.fullmatch(name)), None)


def allowed(nodes: Iterable[ast.AST]) -> Iterator[tuple[tuple[str, ...], bool, int]]:
    """Yield the lists of hosts that are let in: those that are written out, whether that is all, and the line."""
    for node in nodes:
        match node:
            case ast.Call(keywords=keywords):
                values = [it.value for it in keywords if it.arg == "allowed_hosts"]
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in _LISTS:
                values = [value]
            case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=name))], value=value) if name in _LISTS:
                values = [value]
            case _:
                continue
        for value in values:
            items = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
            texts = [it.value for it in items if isinstance(it, ast.Constant) and isinstance(it.value, str)]
            if not (isinstance(value, ast.Constant) and value.value is None):
                yield tuple(texts), len(texts) == len(items), value.lineno


def redirects(nodes: Iterable[ast.AST]) -> Iterator[int]:
    """Yield the lines that send everybody to HTTPS."""
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _REDIRECTS:
                yield node.lineno
            case ast.Call(args=[ast.Name(id=name) | ast.Attribute(attr=name), *_]) if name in _REDIRECTS:
                yield node.lineno
            case ast.Assign(targets=[ast.Name(id="SECURE_SSL_REDIRECT")], value=value):
                if not (isinstance(value, ast.Constant) and not value.value):
                    yield node.lineno
