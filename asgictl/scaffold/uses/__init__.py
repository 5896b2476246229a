"""What the code of a project uses where it runs: files, places to write to, routes and hosts; read, never imported."""

import ast
import functools
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from asgictl.discovery.source import python_file
from asgictl.errors import AppLoadError
from asgictl.scaffold.project import NamedFile
from asgictl.scaffold.uses import client_state, health, hosts, reads, scripts, writes
from asgictl.scaffold.uses.bindings import Bindings
from asgictl.scaffold.uses.client_state import Kept
from asgictl.scaffold.uses.health import Route
from asgictl.scaffold.uses.hosts import Allowed
from asgictl.scaffold.uses.paths import PathFiles, Paths


class Uses(NamedTuple):
    """What was seen; `likely` is a route that may be one for health, and `unread` are files that are no Python."""

    likely: Route | None = None
    websocket: Route | None = None
    named: tuple[NamedFile, ...] = ()
    written: tuple[NamedFile, ...] = ()
    hosts: tuple[Allowed, ...] = ()
    redirect: str | None = None
    unread: tuple[Path, ...] = ()
    kept: Kept | None = None
    shared: tuple[Kept, ...] = ()


def look(root: Path, files: Iterable[Path]) -> Uses:
    """Return what `files`, of the project in `root`, use; of several places for one thing the first counts."""
    seen = Uses()
    named: dict[str, NamedFile] = {}
    written: dict[str, NamedFile] = {}
    kept: list[Kept] = []
    shared: dict[str, Kept] = {}
    stateless = False
    project = PathFiles(root)
    bindings = Bindings(root)
    for file in files:
        try:
            tree = python_file.parse(file)
        except AppLoadError:
            seen = seen._replace(unread=(*seen.unread, file))
            continue
        nodes = list(ast.walk(tree))
        paths = Paths(nodes, file, project)
        for path, line, own in reads.named(nodes, paths):
            known = named.setdefault(path, NamedFile(path, f"{_within(root, file)}:{line}", own))
            named[path] = known._replace(own=known.own or own)
        place = _within(root, file)
        stateless = stateless or client_state.stateless(nodes)
        if not scripts.is_script(place):
            served = scripts.without_main(nodes)
            modules = client_state.imported(nodes)
            is_own = functools.partial(bindings.defines, file)
            for path, line in sorted(writes.written(served, paths), key=lambda it: it[1]):
                written.setdefault(path, NamedFile(path, f"{place}:{line}"))
            kept += [Kept(what, f"{place}:{line}") for what, line in client_state.kept(served, modules, is_own)]
            for what, line in client_state.shared(served, modules, is_own):
                shared.setdefault(what, Kept(what, f"{place}:{line}"))
        seen = seen._replace(
            hosts=(
                *seen.hosts,
                *(Allowed(names, whole, f"{place}:{line}") for names, whole, line in hosts.allowed(nodes)),
            ),
            redirect=seen.redirect or next((f"{place}:{line}" for line in hosts.redirects(nodes)), None),
            likely=seen.likely or next((Route(path, file, line) for path, line in health.likely(nodes)), None),
            websocket=seen.websocket or next((Route("", file, line) for line in health.websockets(nodes)), None),
        )
    of_machine = {path for path in written if writes.is_of_machine(path)}
    opened = (it for it in named.values() if not it.path.endswith(".py") and it.path not in of_machine)
    return seen._replace(
        named=tuple(opened),
        written=tuple(written.values()),
        kept=next((it for it in kept if not (stateless and it.what == client_state.MCP)), None),
        shared=tuple(shared.values()),
    )


def _within(root: Path, file: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
