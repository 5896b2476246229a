"""State of clients that is kept in the process: where it is, the cookie that leads back to it, and what none helps."""

import re
from typing import Any

import pytest

from asgictl.errors import ConfigError
from asgictl.scaffold import plan
from asgictl.scaffold.detect import detect
from asgictl.scaffold.request import ScaffoldRequest
from tests.scaffold.conftest import APP, Lay, found
from tests.scaffold.test_planned import project, text

KEPT = [
    ("import socketio\nsio = socketio.AsyncServer(cors_allowed_origins='*')", "Socket.IO", 2),
    ("from socketio import AsyncServer as Made\nsio = Made()", "Socket.IO", 2),
    ("import socketio as s\nsio = s.Server(transports=['polling', 'websocket'])", "Socket.IO", 2),
    ("import engineio\neio = engineio.AsyncServer()", "Engine.IO", 2),
    ("from fastapi_socketio import SocketManager\nx = SocketManager(app=app)", "Socket.IO", 2),
    ("from flask_socketio import SocketIO\nsio = SocketIO(app, async_mode='threading')", "Socket.IO", 2),
    ("from nicegui import ui\nui.run_with(app)", "NiceGUI", 2),
    ("import gradio as gr\napp = gr.mount_gradio_app(app, blocks, path='/ui')", "Gradio", 2),
    ("def make():\n    import gradio.routes\n    return gradio.routes.App.create_app(blocks)", "Gradio", 3),
    ("from chainlit.utils import mount_chainlit\nmount_chainlit(app=app, target='c.py', path='/c')", "Chainlit", 2),
    ("import streamlit as st\napp = st.App('page.py')", "Streamlit", 2),
    ("from streamlit.starlette import App\napp = App('page.py')", "Streamlit", 2),
    ("from shiny import App, ui\napp = App(ui.page_fluid(), server)", "Shiny", 2),
    ("from panel.io.fastapi import add_applications\nadd_applications({}, app=app)", "Panel", 2),
    ("import marimo\napp = marimo.create_asgi_app().build()", "marimo", 2),
    ("from solara.server.fastapi import app as solara\napp.mount('/', solara)", "Solara", 1),
    ("from fastmcp import FastMCP\nmcp = FastMCP('x')\napp = mcp.http_app()", "MCP", 3),
    ("from mcp.server.fastmcp import FastMCP\nmcp = FastMCP('x')\napp = mcp.streamable_http_app()", "MCP", 3),
    ("from other import server\napp = server.sse_app()", "MCP", 2),
    ("from mcp.server.streamable_http_manager import StreamableHTTPSessionManager as M\nm = M(app=x)", "MCP", 2),
    ("from langgraph.checkpoint.memory import InMemorySaver\nx = InMemorySaver()", "conversations in memory", 2),
    (
        "from google.adk.sessions import InMemorySessionService\nx = InMemorySessionService()",
        "conversations in memory",
        2,
    ),
    ("app.config['SESSION_TYPE'] = 'filesystem'", "sessions in files", 1),
]


@pytest.mark.parametrize(("code", "what", "line"), KEPT)
def test_what_is_kept(lay: Lay, code: str, what: str, line: int) -> None:
    """The library that keeps a client's state in the process is told, with its place."""
    root = lay({"requirements.txt": "fastapi\n", "live.py": f"{code}\n"})

    assert found(root, "affinity") == (what, f"live.py:{line}")
    assert detect(ScaffoldRequest(), root).affinity == f"live.py:{line}, {what}"


NOT_KEPT = [
    "import socketio\nsio = socketio.AsyncServer(transports=['websocket'])",
    "import socketio\nsio = socketio.AsyncServer(transports=('websocket',))",
    "import socketio\nclient = socketio.AsyncClient()",
    "from mine import AsyncServer\nsio = AsyncServer()",
    "from .socketio import AsyncServer\nsio = AsyncServer()",
    "from nicegui import run\nrun.io_bound(f)",
    "from fastmcp import FastMCP\nmcp = FastMCP('x')\napp = mcp.http_app(stateless_http=True)",
    "from mcp.server.fastmcp import FastMCP\nmcp = FastMCP('x', stateless_http=True)\napp = mcp.streamable_http_app()",
    "mcp.settings.stateless_http = True\napp = mcp.streamable_http_app()",
    "from mcp.server.streamable_http_manager import StreamableHTTPSessionManager as M\nm = M(app=x, stateless=True)",
    "http_app()",
    "import socketio\nif __name__ == '__main__':\n    sio = socketio.AsyncServer()",
    "app.config['SESSION_TYPE'] = 'redis'",
    "app.add_middleware(SessionMiddleware, secret_key='x')",
    "@app.websocket('/ws')\nasync def echo(websocket: WebSocket): ...",
]


@pytest.mark.parametrize("code", NOT_KEPT)
def test_what_is_not_kept(lay: Lay, code: str) -> None:
    """What has no state, or no request after the first, needs no affinity."""
    root = lay({"requirements.txt": "fastapi\n", "live.py": f"{code}\n"})

    assert detect(ScaffoldRequest(), root).affinity is None


OWN: list[dict[str, str]] = [
    {"live.py": "from mine import http_app\napp = http_app()\n", "mine.py": "def http_app(): ...\n"},
    {"live.py": "import mine as m\napp = m.http_app()\n", "mine.py": "async def http_app(): ...\n"},
    {
        "live.py": "from .mine import Site\napp = Site().http_app()\n",
        "mine.py": "class Site:\n    def http_app(self): ...\n",
    },
    {"live.py": "class A:\n    def http_app(self): ...\nclass B(A): ...\nb = B()\napp = b.http_app()\n"},
    {"live.py": "class A:\n    def sse_app(self): ...\n    def x(self):\n        return self.sse_app()\n"},
    {
        "live.py": "from mine import made\nmade.http_app()\n",
        "mine.py": "class A:\n    def http_app(self): ...\ndef make():\n    return A()\nmade = make()\n",
    },
    {"live.py": "from langgraph import MemorySaver\nx = MemorySaver()\n", "langgraph.py": "class MemorySaver: ...\n"},
    {"live.py": "class MemorySaver: ...\nx = MemorySaver()\n"},
    {"live.py": "import panel\npanel.add_application()\n", "panel/__init__.py": "def add_application(): ...\n"},
    {"live.py": "from other import http_app\napp = http_app()\n"},
]


@pytest.mark.parametrize("files", OWN)
def test_what_is_the_projects_own(lay: Lay, files: dict[str, str]) -> None:
    """A function, class or method of the project's is not what a library has under the same name."""
    assert detect(ScaffoldRequest(), lay({"requirements.txt": "fastapi\n", **files})).affinity is None


THEIRS: list[tuple[dict[str, str], str]] = [
    (
        {
            "live.py": "from made import mcp\ndef http_app():\n    return mcp.http_app()\n",
            "made.py": "mcp = FastMCP()\n",
        },
        "3",
    ),
    ({"live.py": "class A(FastMCP):\n    def http_app(self):\n        return super().http_app()\n"}, "3"),
    ({"live.py": "class A(FastMCP): ...\na = A()\napp = a.http_app()\n"}, "3"),
    ({"live.py": "class A:\n    def http_app(self):\n        return self.mcp.http_app()\n"}, "3"),
    ({"live.py": "from made import mcp\napp = mcp.http_app()\n", "made.py": "def http_app(): ...\nmcp = get()\n"}, "2"),
]


@pytest.mark.parametrize(("files", "line"), THEIRS)
def test_what_is_not_the_projects_own(lay: Lay, files: dict[str, str], line: str) -> None:
    """A method of a server that the project makes is the library's, whatever else is called so."""
    assert found(lay({"requirements.txt": "fastmcp\n", **files}), "affinity") == ("MCP", f"live.py:{line}")


def test_without_state_in_another_file(lay: Lay) -> None:
    """A server of MCP is told to keep nothing where it is made, and served elsewhere; a script is not served."""
    serves = "from made import mcp\nx = mcp.streamable_http_app()\n"
    root = lay({"requirements.txt": "fastapi\n", "live.py": serves, "scripts/x.py": serves})
    assert detect(ScaffoldRequest(), root).affinity == "live.py:2, MCP"

    (root / "made.py").write_text("mcp = FastMCP('x', stateless_http=True)\n")
    assert detect(ScaffoldRequest(), root).affinity is None


DJANGO = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'conf.settings')\n",
    "conf/__init__.py": "",
    "conf/asgi.py": "application = get_asgi_application()\n",
    "requirements.txt": "django\n",
}
CACHE = "SESSION_ENGINE = 'django.contrib.sessions.backends.cache'\n"
SESSIONS = [
    ("SESSION_ENGINE = 'django.contrib.sessions.backends.file'\n", True),
    (CACHE, True),
    (f"{CACHE}CACHES = {{'default': {{'BACKEND': 'django.core.cache.backends.locmem.LocMemCache'}}}}\n", True),
    (f"{CACHE}CACHES = {{'default': {{'BACKEND': 'django.core.cache.backends.redis.RedisCache'}}}}\n", False),
    ("SESSION_ENGINE = 'django.contrib.sessions.backends.cached_db'\n", False),
    ("SESSION_ENGINE = 'django.contrib.sessions.backends.signed_cookies'\n", False),
    ("", False),
]


@pytest.mark.parametrize(("settings", "kept"), SESSIONS)
def test_sessions_of_django(lay: Lay, settings: str, kept: bool) -> None:
    """Sessions in files, or in a cache of one process's memory, are told where the settings are those in use."""
    local = "SESSION_ENGINE = 'django.contrib.sessions.backends.file'\n"
    root = lay({**DJANGO, "conf/settings.py": f"\n{settings}", "conf/local.py": local}, None)

    assert detect(ScaffoldRequest(), root).affinity == ("conf/settings.py:2, sessions of Django" if kept else None)


SHARED = [
    ("class Hub:\n    def __init__(self):\n        self.active: list[WebSocket] = []", "active", 3),
    ("rooms: dict[str, set['fastapi.WebSocket']] = {}", "rooms", 1),
    ("clients = set()\nasync def chat(ws: WebSocket):\n    clients.add(ws)", "clients", 3),
    ("rooms = {}\nasync def chat(room, ws: fastapi.WebSocket):\n    rooms.setdefault(room, []).append(ws)", "rooms", 3),
    ("rooms = {}\nasync def chat(room, ws: WebSocket):\n    rooms[room].add(ws)", "rooms", 3),
    ("users = {}\nasync def chat(name, ws: WebSocket):\n    users[name] = ws", "users", 3),
    ("waiting = []\nasync def events():\n    mine = asyncio.Queue()\n    waiting.append(mine)", "waiting", 4),
    ("import socketio\nsio = socketio.AsyncServer(transports=['websocket'])", "Socket.IO", 2),
    ("from broadcaster import Broadcast\nb = Broadcast('memory://')", "Broadcast", 2),
    (
        "from litestar.channels.backends.memory import MemoryChannelsBackend as M\nx = M(history=1)",
        "MemoryChannelsBackend",
        2,
    ),
]
PROD: dict[str, Any] = {"targets": "docker,compose,prod"}


@pytest.mark.parametrize(("code", "what", "line"), SHARED)
def test_what_is_shared(lay: Lay, code: str, what: str, line: int) -> None:
    """What connects the clients of one process only is told where there are several, and not where there is one."""
    root = lay({"requirements.txt": "fastapi\n", "live.py": f"{code}\n"})
    note = f"`{what}` in live.py:{line} knows the clients of one process, and those of other "
    more = " hear nothing: send messages through Redis, for example, or "

    assert detect(ScaffoldRequest(**PROD), root).notes == (f"{note}replicas{more}pass --replicas 1",)
    assert detect(ScaffoldRequest(workers=2), root).notes == (f"{note}workers{more}drop --workers",)
    assert detect(ScaffoldRequest(), root).notes == ()
    assert detect(ScaffoldRequest(**PROD, replicas=1, workers=1), root).notes == ()


NOT_SHARED = [
    "import socketio\nsio = socketio.AsyncServer(client_manager=socketio.AsyncRedisManager(URL))",
    "from flask_socketio import SocketIO\nsio = SocketIO(message_queue='redis://x')",
    "from broadcaster import Broadcast\nclass Broadcast: ...\nb = Broadcast('memory://')",
    "from broadcaster import Broadcast\nb = Broadcast('redis://x')",
    "async def chat(ws: WebSocket):\n    here = []\n    here.append(ws)",
    "names: list[str] = []\nasync def add(name: str):\n    names.append(name)",
    "def f():\n    waiting: list[Queue] = []",
]


@pytest.mark.parametrize("code", NOT_SHARED)
def test_what_is_not_shared(lay: Lay, code: str) -> None:
    """What goes through a server of its own, or lasts for one call, has no note."""
    assert detect(ScaffoldRequest(**PROD), lay({"requirements.txt": "fastapi\n", "live.py": f"{code}\n"})).notes == ()


def test_several_that_are_shared(lay: Lay) -> None:
    """Several of them are told in one note."""
    code = "import socketio\nsio = socketio.AsyncServer()\na: list[WebSocket] = []\nb: set[WebSocket] = set()\n"
    root = lay({"requirements.txt": "fastapi\npython-socketio\n", "live.py": code})

    assert detect(ScaffoldRequest(**PROD), root).notes == (
        "`a` in live.py:3 and 2 more know the clients of one process, and those of other replicas hear nothing: "
        "send messages through Redis, for example, or pass --replicas 1",
    )


def test_channels(lay: Lay) -> None:
    """The layer of Django's Channels that is in memory is told, of the settings that are used."""
    memory = "CHANNEL_LAYERS = {'default': {'BACKEND': 'channels.layers.InMemoryChannelLayer'}}\nM = 'whitenoise'\n"
    root = lay({**DJANGO, "conf/settings.py": memory}, None)

    assert detect(ScaffoldRequest(**PROD), root).notes == (
        "`CHANNEL_LAYERS` in conf/settings.py:1 knows the clients of one process, and those of other replicas hear "
        "nothing: send messages through Redis, for example, or pass --replicas 1",
    )


def test_mcp_behind_replicas(lay: Lay) -> None:
    """The cookie is of little help to clients of MCP: the note says what is."""
    root = lay({"requirements.txt": "fastmcp\n", "live.py": "x = mcp.http_app()\n"})

    assert detect(ScaffoldRequest(**PROD), root).notes == (
        "a session of MCP, which begins in live.py:1, is in one process, and few clients send the cookie that leads "
        "back to it: pass stateless_http=True there, or pass --replicas 1",
    )


@pytest.mark.parametrize(
    ("affinity", "policy"),
    [
        (None, ["lb_policy least_conn"]),
        ("app.py:7, Socket.IO", ["lb_policy cookie {", "fallback least_conn", "}"]),
    ],
)
def test_the_proxy(affinity: str | None, policy: list[str]) -> None:
    """The proxy sends a client to the replica that it was at before, by a cookie, where one keeps its state."""
    lines = [it.strip() for it in text("Caddyfile", project(affinity=affinity)).splitlines()]
    first = next(number for number, line in enumerate(lines) if line.startswith("lb_policy"))

    assert lines[first : first + len(policy)] == policy
    assert not re.search("lb_policy|fallback", "".join(lines[first + len(policy) :]))


@pytest.mark.parametrize("workers", [None, 1])
def test_one_worker(workers: int | None) -> None:
    """One process behind each listener is fine."""
    assert plan.plan(project(affinity="app.py:7, Socket.IO"), ScaffoldRequest(workers=workers))


def test_several_workers() -> None:
    """Several workers share a listener, so that no cookie leads to one of them: the error says what has several."""
    options: dict[str, Any] = {"workers": 3}

    with pytest.raises(ConfigError) as error:
        plan.plan(project(affinity="app.py:7, Socket.IO"), ScaffoldRequest(**options))

    assert plan.plan(project(), ScaffoldRequest(**options))
    assert (error.value.message, error.value.hint, error.value.exit_status) == (
        "Socket.IO in app.py:7 keeps a client's state in one process, and --workers 3 has several",
        "drop --workers, and pass --replicas 3: their proxy sends a client to the same one",
        2,
    )


def test_no_names_that_are_none(lay: Lay) -> None:
    """A project without any of that has no finding of it."""
    root = lay({"requirements.txt": "fastapi\n"}, APP)

    assert [it for it in detect(ScaffoldRequest(), root).findings if it.topic == "affinity"] == []
