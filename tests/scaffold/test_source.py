"""What the project's source says: routes for health, WebSockets, Django's settings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from asgictl.scaffold import lint
from asgictl.scaffold.detect import detect, own_code
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.uses import health
from tests.scaffold.conftest import APP, Lay, found, refused

NO_HEALTH = ("/", "no route for health was found: anything below 500 passes")
PATHS = [
    *("/healthz", "/livez", "/readyz", "/health", "/live", "/ready", "/ping", "/up", "/-/healthy", "/_health"),
    *("/health/live", "/health/ready", "/healthcheck", "/health-check", "/health_check", "/api/health", "/api/healthz"),
    *("/__heartbeat__", "/__lbheartbeat__", "/heartbeat", "/ht"),
]


def routes(tmp_path: Path, code: str, app: str = "app", *, factory: bool = False) -> list[tuple[str, int]]:
    """Return the routes for health in a file, with their lines."""
    (tmp_path / "main.py").write_text(code)
    found = health.routes(tmp_path / "main.py", app, factory=factory)
    assert {route.file for route in found} <= {tmp_path / "main.py"}
    return [(route.path, route.line) for route in found]


@pytest.mark.parametrize("number", range(len(PATHS)))
def test_the_usual_paths(tmp_path: Path, number: int) -> None:
    """Each usual path is one for health, and the first of several is the best."""
    lines = [f"app.get('{path}')" for path in (*PATHS[number + 1 :], PATHS[number], "/users", "/healthy")]

    assert routes(tmp_path, "\n".join(lines))[0] == (PATHS[number], len(PATHS) - number)
    assert len(routes(tmp_path, "\n".join(lines))) == len(PATHS) - number


ROUTES = [
    *((f"app.{name}('/up')", [("/up", 1)]) for name in ("get", "route", "api_route", "add_route")),
    *((f"app.{name}('/up', x)", [("/up", 1)]) for name in ("add_api_route", "add_url_rule")),
    *((f"x = [{name}('/up', x)]", [("/up", 1)]) for name in ("Route", "path")),
    ("@app.get('/up/')\ndef up(): ...", [("/up/", 1)]),
    ("@app.get('up')\ndef up(): ...", [("/up", 1)]),
    ("app.post('/up')", []),
    ("other.get('/up')", []),
    ("app.get(path)", []),
    ("app.x.get('/up')", []),
    ("re_path('/up', x)", []),
    ("app.mount('/in', Router([Route('/up', x)]))", []),
    ("app.mount('/in', x)\napp.get('/up')", [("/up", 2)]),
    ("Mount('/in', [Route('/up', x)])", []),
    ("Host('a.b', [Route('/up', x)])", []),
    ("Mount('/in', [f('/y', [Route('/up', x)])])", []),
    ("app.mount('/in', f('/y', Route('/up', x)))", []),
    ("app.mount('/in', g.f('/y', Route('/up', x)))", []),
    ("Other('/in', [Route('/up', x)])", [("/up", 1)]),
    ("if scope['path'] == '/up': ...", [("/up", 1)]),
    ("if request.url.path == '/up': ...", [("/up", 1)]),
    ("if scope['type'] == '/up': ...", []),
    ("if scope['path'] in ('/', '/up'): ...", [("/up", 1)]),
    ("if scope['path'] in {'/ping',\n 1, '/up'}: ...", [("/ping", 1), ("/up", 2)]),
    ("if x in ('/', '/up'): ...", []),
    ("table = {'/up': x, 'ping': y, **z, 1: 2}", [("/up", 1)]),
    ("def f():\n    class C:\n        app.get('/up')", [("/up", 3)]),
]


@pytest.mark.parametrize(("code", "expected"), ROUTES)
def test_routes(tmp_path: Path, code: str, expected: list[tuple[str, int]]) -> None:
    """A route for health counts in each form whose whole path is known, with its line, and in no other."""
    assert routes(tmp_path, code) == expected


def test_whose_routes(tmp_path: Path) -> None:
    """The routes are those of the app that is served, or of what a factory calls its app."""
    code = "web.get('/up')\napp.get('/ping')\napi.get('/ht')\napplication.get('/live')\n"

    assert routes(tmp_path, code, "web") == [("/up", 1)]
    assert routes(tmp_path, code, "create", factory=True) == [("/live", 4), ("/ping", 2), ("/ht", 3)]
    assert routes(tmp_path, "def (") == []


@pytest.mark.parametrize(
    ("app", "options", "expected"),
    [
        (f"{APP}@app.get('/healthz')\ndef health(): ...\n", {}, ("/healthz", "main.py:3")),
        (f"{APP}@app.get('/users')\ndef users(): ...\n", {}, NO_HEALTH),
        (f"{APP}@app.get('/healthz')\ndef health(): ...\n", {"health_path": "/well"}, ("/well", "--health-path")),
        (f"{APP}router = APIRouter(prefix='/api')\n@router.get('/health')\ndef health(): ...\n", {}, NO_HEALTH),
        (
            "from fastapi import FastAPI\ndef create_app():\n    app = FastAPI()\n"
            "    app.get('/up')(f)\n    return app\n",
            {},
            ("/up", "main.py:4"),
        ),
    ],
)
def test_health(lay: Lay, app: str, options: dict[str, Any], expected: tuple[str, str]) -> None:
    """The path that is asked is told with its place; only a known one has to answer well."""
    root = lay({"requirements.txt": "fastapi\nflask\n"}, app)

    assert found(root, "health", **options) == expected
    assert detect(ScaffoldRequest(**options), root).health == (expected[0], expected != NO_HEALTH)


WEBSOCKETS = [
    *(
        (f"app.{name}('/ws')", 1)
        for name in (
            *("websocket", "websocket_route", "add_websocket_route", "websocket_listener", "ws"),
            *("add_api_websocket_route", "AsyncServer"),
        )
    ),
    ("[WebSocketRoute('/ws', x)]", 1),
    *(
        (f"\nclass Chat({name}): ...", 2)
        for name in (
            *("WebsocketListener", "AsyncWebsocketConsumer", "handlers.AsyncJsonWebsocketConsumer"),
            *("WebsocketConsumer", "Other, a.b.JsonWebsocketConsumer"),
        )
    ),
    ("x\nif scope['type'] == 'websocket': ...", 2),
    ("if kind == 'websocket': ...", None),
    ("if scope['type'] == 'http': ...", None),
    ("if scope['type'] == x == 'websocket': ...", None),
    ("app.get('/ws')", None),
    ("class Chat(Consumer): ...", None),
    ("ws = 'websocket'", None),
    ("", None),
]


@pytest.mark.parametrize(("code", "line"), WEBSOCKETS)
def test_websockets(lay: Lay, code: str, line: int | None) -> None:
    """WebSockets are found in each form with their line, and not where there are none."""
    root = lay({"chat.py": code})

    assert found(root, "websockets") == (("yes", f"chat.py:{line}") if line else ("no", "none in the source"))
    assert detect(ScaffoldRequest(), root).websockets is bool(line)


def test_the_first_of_several(lay: Lay) -> None:
    """Of several places the first is told, the app's own file before the others."""
    router = "x.websocket('/ws')\nx.get('/health')\nx.websocket('/more')\nx.get('/ping')\n"
    root = lay({"a.py": router, "b.py": router, "z/main.py": f"{APP}x.websocket('/ws')\n"}, None)
    project = detect(ScaffoldRequest(app="z/main.py:app"), root)

    assert next(it.source for it in project.findings if it.topic == "websockets") == "z/main.py:3"
    assert project.notes[0].startswith("`/health` in a.py:2 may be for health; ")


LIKELY = [
    ("router.get('/health')", "/health"),
    ("get('ping/')", "/ping/"),
    ("[Mount('/in', [Route('/up', x)])]", "/up"),
    ("router.post('/health')", None),
    ("router.get('/users')", None),
    ("router.get(path)", None),
]


@pytest.mark.parametrize(("code", "path"), LIKELY)
def test_a_likely_route(lay: Lay, code: str, path: str | None) -> None:
    """What may be a route for health is told with its place, unless the path is known or was given."""
    root = lay({"requirements.txt": "fastapi\n", "api.py": f"x\n{code}\n"})
    hint = f"`{path}` in api.py:2 may be for health; if so pass --health-path with its whole path"

    assert detect(ScaffoldRequest(), root).notes == ((hint,) if path else ())
    assert detect(ScaffoldRequest(health_path="/well"), root).notes == ()


SKIPPED = [
    *("node_modules", "venv", "env", "tests", "test", "build", "dist", "docs", "__pycache__", "migrations", ".hidden"),
]


@pytest.mark.parametrize("folder", SKIPPED)
def test_what_is_no_source(lay: Lay, folder: str) -> None:
    """Nothing in a folder of tests, tools or built files is taken for the project's own code."""
    code = "x.websocket('/ws')\nx.get('/health')\n"
    root = lay({"requirements.txt": "fastapi\n", f"{folder}/x.py": code, f"in/{folder}/x.py": code})

    project = detect(ScaffoldRequest(), root)

    assert (project.websockets, project.notes) == (False, ())


@pytest.mark.parametrize("name", ["test_x.py", "x.txt", ".x.py", "my-env/pyvenv.cfg"])
def test_files_that_are_no_source(lay: Lay, name: str) -> None:
    """Nor is a test, a text, a hidden file, or anything in a virtual environment of any name."""
    code = "x.websocket('/ws')\n"
    root = lay({name: code, f"{Path(name).parent}/x.py": code} if "/" in name else {name: code})

    assert not detect(ScaffoldRequest(), root).websockets


def test_links_are_not_followed(lay: Lay) -> None:
    """A link out of the project, and one in a circle, lead nowhere."""
    root = lay({})
    (root.parent / "elsewhere").mkdir()
    (root.parent / "elsewhere/x.py").write_text("x.websocket('/ws')\n")
    (root / "elsewhere").symlink_to(root.parent / "elsewhere")
    (root / "x.py").symlink_to(root.parent / "elsewhere/x.py")
    (root / "circle").symlink_to(root)

    assert not detect(ScaffoldRequest(), root).websockets


def test_a_folder_that_cannot_be_read(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is closed to the user is passed over, and what comes after it is seen."""
    root = lay({"closed/x.py": "", "open/x.py": "x.websocket('/ws')\n"})
    iterdir = Path.iterdir

    def closed(folder: Path) -> Iterator[Path]:
        if folder.name == "closed":
            raise PermissionError(13, "no")
        return iterdir(folder)

    monkeypatch.setattr(Path, "iterdir", closed)

    assert detect(ScaffoldRequest(), root).websockets
    (root / "open/id_rsa").write_text("")
    (root / "Dockerfile").write_text("FROM x:1\nCOPY . .\n")
    assert [it.text for it in lint.problems(root, ["Dockerfile"]) if it.rule == "secrets"] == [
        "`open/id_rsa` gets into the image: name it in `.dockerignore`",
    ]


@pytest.mark.parametrize(("limit", "seen"), [(2, False), (3, True)])
def test_a_bound_on_files(lay: Lay, limit: int, seen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a large project only so many files are looked at, in their order."""
    monkeypatch.setattr(own_code, "_FILES_READ", limit)
    root = lay({"a/x.py": "", "b.py": "", "c.py": "x.websocket('/ws')\n", "d.py": ""})

    assert detect(ScaffoldRequest(), root).websockets is seen


SETTINGS = "ROOT_URLCONF = 'site_.urls'\nM = 'whitenoise.middleware'\n"
NO_STATICS = "nothing serves Django's static files where DEBUG is off: WhiteNoise does, or a proxy in front"
OUTSIDE = "STATIC_ROOT is outside of the code: what is collected there does not get into the image"
SQLITE = (
    "SQLite's file would lie in the code, which is read-only in a container: put it on a volume, or elsewhere; "
    "pass --volume data:/app/data"
)
DJANGO = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\n",
    "site_/__init__.py": "",
    "site_/urls.py": "urlpatterns = [\n    path('healthz/', x),\n]\n",
    "site_/asgi.py": "application = get_asgi_application()\n",
    "requirements.txt": "django\n",
}


@pytest.mark.parametrize(
    ("settings", "statics", "notes"),
    [
        (SETTINGS, None, ()),
        ("ROOT_URLCONF = 'site_.urls'\n", None, (NO_STATICS,)),
        (f"{SETTINGS}STATIC_ROOT = 'static/'\n", "site_/settings.py:3", ()),
        (f"{SETTINGS}STATIC_ROOT = BASE / 'x'\n", "site_/settings.py:3", ()),
        (f"{SETTINGS}\nSTATIC_ROOT = '/etc/static'\n", "site_/settings.py:4", (OUTSIDE,)),
        (f"{SETTINGS}X = STATIC_ROOT = '/srv/static/'\n", "site_/settings.py:3", ()),
        (f"{SETTINGS}STATIC_URL = '/static'\n", None, ()),
        (f"{SETTINGS}D = 'django.db.backends.sqlite3'\n", None, (SQLITE,)),
        (f"{SETTINGS}D = 'django.db.backends.postgresql'\n", None, ()),
        (f"{SETTINGS}D = 'sqlite3'\n", None, ()),
        (
            "ROOT_URLCONF = 'site_.urls'\nSTATIC_ROOT = '/tmp/x'\nD = 'django.db.backends.sqlite3'\n",
            "site_/settings.py:2",
            (NO_STATICS, OUTSIDE, SQLITE),
        ),
    ],
)
def test_django(lay: Lay, settings: str, statics: str | None, notes: tuple[str, ...]) -> None:
    """Static files are collected where STATIC_ROOT is set, and each thing that will not work gets its note."""
    root = lay({**DJANGO, "site_/settings.py": settings}, None)
    project = detect(ScaffoldRequest(), root)

    assert [it for it in project.findings if it.topic == "static files"] == (
        [("static files", "collected", f"STATIC_ROOT in {statics}")] if statics else []
    )
    assert (project.statics is None, project.notes) == (statics is None, notes)
    assert (project.health, found(root, "health")) == (("/healthz/", False), ("/healthz/", "site_/urls.py:2"))
    assert detect(ScaffoldRequest(health_path="/x"), root).health == ("/x", False)


def test_the_app_to_choose(lay: Lay) -> None:
    """A hint that names an app does so for this command."""
    app = "from fastapi import FastAPI\napp = FastAPI()\n"
    root = lay({"requirements.txt": "fastapi\n", "examples/one/app.py": app, "examples/two/app.py": app}, None)

    assert refused(root).hint == "name it: `asgictl scaffold examples/one/app.py`"
