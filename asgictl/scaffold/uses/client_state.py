"""What a process keeps of its clients between requests: they have to come back to it, or several do not know of it."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

MCP = "MCP"
# What begins a session in the memory of the process, by its library and the last part of its name.
_KEEPING = {
    "Socket.IO": {
        "socketio": {"AsyncServer", "Server"},
        "fastapi_socketio": {"SocketManager"},
        "flask_socketio": {"SocketIO"},
    },
    "Engine.IO": {"engineio": {"AsyncServer", "Server"}},
    "NiceGUI": {"nicegui": {"run", "run_with"}},
    "Gradio": {"gradio": {"mount_gradio_app", "create_app"}},
    "Chainlit": {"chainlit": {"mount_chainlit"}},
    "Streamlit": {"streamlit": {"App"}},
    "Shiny": {"shiny": {"App"}},
    "Panel": {"panel": {"add_application", "add_applications"}},
    "Bokeh": {"bokeh_fastapi": {"BokehFastAPI"}},
    "marimo": {"marimo": {"create_asgi_app"}},
    "Reflex": {"reflex": {"App"}},
    "Flet": {"flet": {"app", "run"}, "flet_web": {"app"}},
    "sessions in memory": {"starsessions": {"InMemoryStore"}, "fastapi_sessions": {"InMemoryBackend"}},
    "conversations in memory": {"langgraph": {"InMemorySaver", "MemorySaver"}, "google": {"InMemorySessionService"}},
    MCP: {"mcp": {"StreamableHTTPSessionManager", "SseServerTransport"}},
}
_LIBRARIES = {
    (module, name): what for what, modules in _KEEPING.items() for module, names in modules.items() for name in names
}
# Methods of a server of MCP that has been made elsewhere; the last one is of FastMCP.
_MCP_APPS = {"streamable_http_app", "sse_app", "http_app"}
# They send messages within one process.
_ONE_PROCESS = {("litestar", "MemoryChannelsBackend"), ("broadcaster", "Broadcast")}
_QUEUED = {"client_manager", "message_queue"}
_HOLDING = re.compile(r"(?i)\b(list|set|dict|deque|defaultdict|weakset)\[.*\b(WebSocket|Queue)\b")
_QUEUES = {"Queue", "create_memory_object_stream"}


IsOwn = Callable[[ast.expr], bool]


class Kept(NamedTuple):
    """What is kept, like `Socket.IO` or the name of a variable, and where."""

    what: str
    place: str


def kept(nodes: Iterable[ast.AST], modules: dict[str, str], is_own: IsOwn) -> Iterator[tuple[str, int]]:
    """Yield what keeps a client's state in the process from one request to the next, and the line.

    `modules` are the names that the file imports, with what each stands for; `is_own` tells whether what is called is
    the project's own.
    """
    for node in nodes:
        match node:
            case ast.Call(func=function, keywords=keywords):
                called = _dotted(function, modules).split(".")
                words = {it.arg: it.value for it in keywords}
                what = _LIBRARIES.get((called[0], called[-1])) or (MCP if _is_of_mcp(function) else None)
                if (
                    what
                    and not is_own(function)
                    and not _is_true(words.get("stateless"))
                    and not _only_websockets(words.get("transports"))
                ):
                    yield what, node.lineno
            case ast.Assign(targets=[ast.Name(id=name) | ast.Subscript(slice=ast.Constant(value=name))], value=value):
                if name == "SESSION_TYPE" and ast.unparse(value) in {"'filesystem'", "'cachelib'"}:
                    yield "sessions in files", node.lineno
            case ast.ImportFrom(module="solara.server" | "solara.server.fastapi" | "solara.server.starlette"):
                yield "Solara", node.lineno


def stateless(nodes: Iterable[ast.AST]) -> bool:
    """Tell whether a server of MCP is told to keep nothing of its clients."""
    for node in nodes:
        match node:
            case ast.keyword(arg="stateless_http", value=value) if _is_true(value):
                return True
            case ast.Assign(targets=[ast.Attribute(attr="stateless_http")], value=value) if _is_true(value):
                return True
    return False


def shared(nodes: Sequence[ast.AST], modules: dict[str, str], is_own: IsOwn) -> Iterator[tuple[str, int]]:
    """Yield what messages go through from one client to others of the same process, and the line."""
    clients = set(_clients(nodes))
    lasting = {it for node in nodes if isinstance(node, ast.Module | ast.ClassDef) for it in _bound(node.body)}
    for node in nodes:
        match node:
            case ast.AnnAssign(target=holder, annotation=annotation) if _HOLDING.search(ast.unparse(annotation)):
                found = _lasting(holder, lasting)
            case ast.Call(func=ast.Attribute(value=holder, attr="append" | "add"), args=[ast.Name(id=name)]):
                found = _lasting(holder, lasting) if name in clients else None
            case ast.Assign(targets=[ast.Subscript(value=holder)], value=ast.Name(id=name)):
                found = _lasting(holder, lasting) if name in clients else None
            case ast.Call(func=function):
                found = _of_one_process(node, modules)
                found = None if found and is_own(function) else found
            case _:
                continue
        if found is not None:
            yield found, node.lineno


def imported(nodes: Iterable[ast.AST]) -> dict[str, str]:
    """Return the names that a file imports, each with what it stands for."""
    found: dict[str, str] = {}
    for node in nodes:
        match node:
            case ast.Import(names=names):
                whole = [(it.asname, it.name) if it.asname else (it.name.partition(".")[0],) * 2 for it in names]
                found |= dict(whole)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                found |= {it.asname or it.name: f"{module}.{it.name}" for it in names}
    return found


def _of_one_process(call: ast.Call, modules: dict[str, str]) -> str | None:
    """Return what a call makes that sends messages within this process only."""
    called = _dotted(call.func, modules).split(".")
    key = called[0], called[-1]
    if _LIBRARIES.get(key) == "Socket.IO":
        return None if any(it.arg in _QUEUED for it in call.keywords) else "Socket.IO"
    elsewhere = key[0] == "broadcaster" and "'memory://" not in "".join(map(ast.unparse, call.args))
    return key[1] if key in _ONE_PROCESS and not elsewhere else None


def _clients(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that stand for the connection of a client, or for its queue."""
    for node in nodes:
        match node:
            case ast.arg(arg=name, annotation=ast.expr() as annotation):
                if ast.unparse(annotation).rpartition(".")[2] == "WebSocket":
                    yield name
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=function)):
                if ast.unparse(function).rpartition(".")[2] in _QUEUES:
                    yield name


def _dotted(node: ast.expr, modules: dict[str, str]) -> str:
    match node:
        case ast.Name(id=name):
            return modules.get(name, f"?{name}")
        case ast.Attribute(value=value, attr=attribute):
            return f"{_dotted(value, modules)}.{attribute}"
    return "?"


def _bound(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Yield the names that statements bind."""
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def _lasting(node: ast.expr, names: set[str]) -> str | None:
    """Return the name of what holds others for longer than one call: one of `names`, or an attribute."""
    match node:
        case ast.Subscript(value=value) | ast.Call(func=ast.Attribute(value=value)):
            return _lasting(value, names)
        case ast.Attribute(attr=name):
            return name
        case ast.Name(id=name) if name in names:
            return name
    return None


def _is_of_mcp(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and function.attr in _MCP_APPS


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _only_websockets(node: ast.expr | None) -> bool:
    return node is not None and ast.unparse(node) in {"['websocket']", "('websocket',)", "'websocket'"}
