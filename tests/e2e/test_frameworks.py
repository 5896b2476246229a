"""`asgictl serve` without arguments serves a project of any framework."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.conftest import APPS, Serve

BARE = "async def app(scope, receive, send): ...\n"

# Folder, what the banner names, what `GET /` answers, whether `/ws` echoes.
KINDS = [
    ("fastapi_one", "main:app (FastAPI), found in main.py, line 3", '{"hello":"FastAPI"}', True),
    ("fastapi_bigger", "app.main:app (FastAPI), found in app/main.py, line 5", '{"hello":"bigger"}', False),
    ("fastapi_src", "shop.main:app (FastAPI), found in src/shop/main.py, line 5", '{"hello":"src"}', False),
    ("starlette", "main:app (Starlette), found in main.py, line 18", "hello Starlette", True),
    ("litestar", "app:app (Litestar), found in app.py, line 15", "hello Litestar", True),
    ("quart", "app:app (Quart), found in app.py, line 3", "hello Quart", True),
    ("flask", "app:app (Flask), found in app.py, line 3", "hello Flask", False),
    ("flask_factory", "shop:create_app (Flask), found in shop/__init__.py, line 4", "hello Flask factory", False),
    ("falcon", "main:application (Falcon), found in main.py, line 17", "hello Falcon", True),
    ("blacksheep", "server:app (BlackSheep), found in server.py, line 3", "hello BlackSheep", True),
    ("bottle", "app:site (Bottle), found in app.py, line 3", "hello Bottle", False),
    ("pyramid", "wsgi:app (Pyramid), found in wsgi.py, line 16", "hello Pyramid", False),
    ("factory", "main:build (Starlette), found in main.py, line 10", "hello factory", False),
    ("bare", "main:app (ASGI), found in main.py, line 1", "hello ASGI", False),
    ("asgi2", "main:app (ASGI 2), found in main.py, line 1", "hello ASGI 2", False),
    ("script", "main:app (ASGI), found in app/main.py, line 4", "hello script", False),
]


@pytest.mark.parametrize(("folder", "found", "answer", "echoes"), KINDS, ids=[kind[0] for kind in KINDS])
def test_serves_what_it_finds(serve: Serve, folder: str, found: str, answer: str, echoes: bool) -> None:
    """Finds the app, names its framework, answers requests and WebSockets, and stops with status 0."""
    served = serve(folder=APPS / folder)

    assert httpx.get(served.url).text == answer
    if echoes:
        with connect(f"ws://127.0.0.1:{served.port}/ws") as websocket:
            websocket.send("hi")
            assert websocket.recv() == "hi"
    status, lines = served.stop()
    assert status == 0
    assert lines[0] == f"  App      {found}"
    docs = [f"  Docs     {served.url}/docs"] if "FastAPI" in found else []
    docs = [f"  Docs     {served.url}/schema"] if "Litestar" in found else docs
    assert [line for line in lines[3:-1] if not line.startswith("INFO:")] == docs
    assert lines[3 + len(docs)].startswith("  Ready ")


def test_serves_a_wsgi_function(serve: Serve) -> None:
    """Gives a plain WSGI function the request's body, and its errors a place in stderr."""
    served = serve(folder=APPS / "wsgi_function")

    assert httpx.post(served.url, content=b"body").text == "hello WSGI body"
    status, lines = served.stop()
    assert (status, lines[-1]) == (0, "said by the app")


def test_serves_socketio(serve: Serve) -> None:
    """Serves a Socket.IO app to a real client."""
    import socketio  # a slow import, in every process

    served = serve(folder=APPS / "socketio")

    with socketio.SimpleClient() as client:
        client.connect(served.url, transports=["polling"])
        assert client.call("shout", "hi") == "HI"
    assert served.stop()[0] == 0


@pytest.fixture(scope="module")
def django(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project as `django-admin startproject` makes it."""
    folder = tmp_path_factory.mktemp("django")
    subprocess.run([sys.executable, "-m", "django", "startproject", "mysite", "."], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize(
    ("app", "found"),
    [
        ([], "mysite.asgi:application (Django), the Django project of manage.py"),
        (["mysite.wsgi"], "mysite.wsgi:application (Django WSGI), as named"),
    ],
    ids=["asgi", "wsgi"],
)
def test_serves_django_with_its_static_files(serve: Serve, django: Path, app: list[str], found: str) -> None:
    """A new Django project has its page, and the admin its CSS, under ASGI and WSGI."""
    served = serve(*app, folder=django)

    with httpx.Client(base_url=served.url) as client:
        assert "The install worked successfully" in client.get("/").text
        assert "/static/admin/css/base.css" in client.get("/admin/login/").text
        css = client.get("/static/admin/css/base.css")
    assert (css.status_code, css.headers["content-type"].partition(";")[0]) == (200, "text/css")
    status, lines = served.stop()
    assert (status, lines[0]) == (0, f"  App      {found}")


def test_serves_django_without_its_static_files(serve: Serve, django: Path) -> None:
    """`--no-static` leaves static files to whoever serves them in production."""
    served = serve("--no-static", folder=django)

    assert httpx.get(f"{served.url}/static/admin/css/base.css").status_code == 404


def test_serves_django_from_its_settings(serve: Serve, django: Path, tmp_path: Path) -> None:
    """A Django project without `asgi.py` is served from its settings."""
    subprocess.run(["cp", "-r", f"{django}/.", tmp_path], check=True)
    (tmp_path / "mysite" / "asgi.py").unlink()

    served = serve(folder=tmp_path)

    assert "The install worked successfully" in httpx.get(served.url).text
    found = "django.core.asgi:get_asgi_application (Django), the Django project of manage.py, made from its settings"
    assert served.stop()[1][0] == f"  App      {found}"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_workers_serve_alike(serve: Serve, workers: str) -> None:
    """More workers change nothing in what is served."""
    served = serve("--workers", workers, folder=APPS / "fastapi_one")

    assert httpx.get(served.url).json() == {"hello": "FastAPI"}
    assert served.stop()[0] == 0


def test_only_workers_import_the_app(serve: Serve, tmp_path: Path) -> None:
    """The parent of workers never imports the user's app."""
    (tmp_path / "main.py").write_text("import os\nprint('imported by', os.getpid(), flush=True)\n" + BARE)

    served = serve("--workers", "2")
    assert served.url
    served.stop()

    pids = {line.removeprefix("imported by ") for line in served.access if line}
    assert len(pids) == 2
    assert str(served.process.pid) not in pids
