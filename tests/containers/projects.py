"""A small project of each kind, with the lock that its tool makes in a container."""

import textwrap
from pathlib import Path
from typing import NamedTuple

from tests.containers import lab

FASTAPI = """
    import contextlib
    import socket

    from fastapi import FastAPI, Request, WebSocket


    @contextlib.asynccontextmanager
    async def lifespan(app):
        print("startup ran", flush=True)
        yield
        print("shutdown ran", flush=True)


    app = FastAPI(lifespan=lifespan)


    @app.get("/")
    async def hello():
        return {"hello": "world"}


    @app.get("/who")
    async def who(request: Request):
        return {"host": socket.gethostname(), "scheme": request.url.scheme}


    @app.get("/healthz")
    async def healthz():
        return "ok"


    @app.websocket("/ws")
    async def echo(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
"""
FACTORY = """
    import contextlib

    from fastapi import FastAPI


    @contextlib.asynccontextmanager
    async def lifespan(app):
        yield
        print("shutdown ran", flush=True)


    def create_app():
        app = FastAPI(lifespan=lifespan)

        @app.get("/healthz")
        async def healthz():
            return "ok"

        return app
"""
FLASK = """
    from flask import Flask

    app = Flask(__name__)


    @app.route("/")
    def hello():
        return "hello world"


    @app.route("/healthz")
    def healthz():
        return "ok"
"""
PLAIN = """
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            print("shutdown ran", flush=True)
            await send({"type": "lifespan.shutdown.complete"})
            return
        if scope["type"] == "http" and scope["path"] in ("/", "/healthz"):
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"hello world"})
"""
PYPROJECT = """
    [project]
    name = "shop"
    version = "1.0"
    requires-python = ">=3.11,<3.12"
    dependencies = ["fastapi"]
"""
BUILD = """
    [build-system]
    requires = ["hatchling"]
    build-backend = "hatchling.build"
"""
POETRY_BUILD = """
    [build-system]
    requires = ["poetry-core"]
    build-backend = "poetry.core.masonry.api"
"""
PDM_BUILD = """
    [build-system]
    requires = ["pdm-backend"]
    build-backend = "pdm.backend"
"""
MANAGE = """
    import os
    import sys

    if __name__ == "__main__":
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_of_ours.local")
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
"""
SETTINGS = """
    import os
    from pathlib import Path

    BASE_DIR = Path(__file__).resolve().parent.parent
    SECRET_KEY = os.environ["SECRET_KEY"]
    DEBUG = False
    ALLOWED_HOSTS = ["shop.test"]
    INSTALLED_APPS = ["django.contrib.staticfiles", "django.contrib.contenttypes"]
    MIDDLEWARE = ["whitenoise.middleware.WhiteNoiseMiddleware", "django.middleware.common.CommonMiddleware"]
    ROOT_URLCONF = "site_of_ours.urls"
    STATIC_URL = "/static/"
    STATIC_ROOT = BASE_DIR / "collected"
    STATICFILES_DIRS = [BASE_DIR / "assets"]
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/tmp/shop.sqlite3"}}
"""
URLS = """
    from django.http import HttpResponse
    from django.urls import path

    urlpatterns = [
        path("", lambda request: HttpResponse("hello world")),
        path("healthz/", lambda request: HttpResponse("ok")),
    ]
"""
ASGI = """
    import os

    from django.core.asgi import get_asgi_application

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_of_ours.settings")
    application = get_asgi_application()
"""
DJANGO = {
    "manage.py": MANAGE,
    "site_of_ours/__init__.py": "",
    "site_of_ours/settings.py": SETTINGS,
    "site_of_ours/local.py": "from .settings import *\nDEBUG = True\nimport nothing_that_an_image_has\n",
    "site_of_ours/urls.py": URLS,
    "site_of_ours/asgi.py": ASGI,
    "assets/shop.css": "body { color: teal }\n",
    "requirements.txt": "django\nwhitenoise\n",
    ".python-version": "3.11\n",
    ".env": "SECRET_KEY=of-the-container\n",
}
PIPFILE = f"""
    [[source]]
    url = "{lab.INDEX}"
    verify_ssl = false
    name = "local"

    [packages]
    fastapi = "*"

    [requires]
    python_version = "3.11"
"""
POETRY_SOURCE = (
    ""
    if lab.SYSTEM
    else f"""
    [[tool.poetry.source]]
    name = "local"
    url = "{lab.INDEX}/"
    priority = "primary"
"""
)
PDM_SOURCE = (
    ""
    if lab.SYSTEM
    else f"""
    [[tool.pdm.source]]
    name = "pypi"
    url = "{lab.INDEX}"
    verify_ssl = false
"""
)


class Kind(NamedTuple):
    """A project: its files, what it is scaffolded with, how it is locked, and what is to be expected of it.

    `member` is the folder of the project where it is a part of a workspace.
    """

    files: dict[str, str]
    options: tuple[str, ...] = ()
    lock: str | None = None
    health: str = "/healthz"
    member: str = ""

    @property
    def here_only(self) -> bool:
        """Whether it needs the index that is made here."""
        return lab.INDEX in repr(self)


def _flat(module: str = "main.py", source: str = FASTAPI, **files: str) -> dict[str, str]:
    return {module: source, ".python-version": "3.11\n", **files}


def _package(build: str, extra: str = "") -> dict[str, str]:
    return {
        "pyproject.toml": textwrap.dedent(PYPROJECT) + textwrap.dedent(build) + textwrap.dedent(extra),
        "src/shop/__init__.py": "",
        "src/shop/main.py": FASTAPI.replace("hello", "hello", 1),
    }


def _declared(extra: str = "") -> dict[str, str]:
    return {
        "pyproject.toml": textwrap.dedent(PYPROJECT) + textwrap.dedent(extra),
        "shop/__init__.py": "",
        "shop/main.py": FASTAPI,
    }


def _workspace() -> dict[str, str]:
    """Return a workspace of uv's, of which one member needs another."""
    library = 'price = "free"\n'
    needs = "[tool.uv.sources]\nlibrary = { workspace = true }\n"
    member = _package(BUILD, needs)
    member["pyproject.toml"] = member["pyproject.toml"].replace('["fastapi"]', '["fastapi", "library"]')
    member["src/shop/main.py"] += "\n\n    from library import price\n"
    return {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["shop", "library"]\n',
        **{f"shop/{name}": text for name, text in member.items()},
        "library/pyproject.toml": '[project]\nname = "library"\nversion = "1.0"\n' + textwrap.dedent(BUILD),
        "library/src/library/__init__.py": library,
    }


KINDS = {
    "requirements": Kind(_flat(**{"requirements.txt": "fastapi\n"})),
    "uvicorn": Kind(_flat(**{"requirements.txt": "fastapi\nuvicorn\n"}), ("--runner", "uvicorn")),
    "included requirements": Kind(
        _flat(
            **{
                "requirements/prod.txt": "-r base.txt\n-c pins.txt\n",
                "requirements/base.txt": "fastapi\n",
                "requirements/pins.txt": "fastapi>0.1\n",
            }
        )
    ),
    "editable requirements": Kind({**_package(BUILD), "requirements.txt": "-e .\n"}, ("--deps", "requirements")),
    "factory": Kind(_flat(source=FACTORY, **{"requirements.txt": "fastapi\n"})),
    "src": Kind(
        {
            "src/shop/__init__.py": "",
            "src/shop/main.py": FASTAPI,
            "requirements.txt": "fastapi\n",
            ".python-version": "3.11\n",
        }
    ),
    "flask": Kind(_flat("app.py", FLASK, **{"requirements.txt": "flask\n"})),
    "flask by uvicorn": Kind(_flat("app.py", FLASK, **{"requirements.txt": "flask\n"}), ("--runner", "uvicorn")),
    "django": Kind(DJANGO, ("--settings", "site_of_ours.settings"), health="/healthz/"),
    "plain": Kind(_flat("asgi.py", PLAIN)),
    "platform's port": Kind(_flat("asgi.py", PLAIN), ("--port-env", "LISTEN_ON", "--runner", "uvicorn")),
    "two workers": Kind(
        _flat("asgi.py", PLAIN), ("--workers", "2", "--port", "9000", "--uid", "4321", "--workdir", "/srv/code")
    ),
    "uv": Kind(_declared(), lock="pip install -q uv && uv lock"),
    "uv package": Kind(_package(BUILD), lock="pip install -q uv && uv lock"),
    "uv workspace": Kind(_workspace(), lock="pip install -q uv && uv lock", member="shop"),
    "uv with a mirror": Kind(_package(BUILD), ("--index-url", lab.INDEX), lock="pip install -q uv && uv lock"),
    "pylock": Kind(
        _declared(), lock="pip install -q uv && uv lock && uv export --no-emit-project -o pylock.toml && rm uv.lock"
    ),
    "pyproject": Kind(_declared()),
    "pyproject package": Kind(_package(BUILD)),
    "poetry": Kind(_declared(POETRY_SOURCE), lock="pip install -q poetry && poetry lock"),
    "poetry package": Kind(_package(POETRY_BUILD, POETRY_SOURCE), lock="pip install -q poetry && poetry lock"),
    "poetry with a mirror": Kind(
        _declared(POETRY_SOURCE), ("--index-url", lab.INDEX), lock="pip install -q poetry && poetry lock"
    ),
    "pdm": Kind(_declared(PDM_SOURCE), lock="pip install -q 'pdm[locked]' && pdm lock"),
    "pdm package": Kind(_package(PDM_BUILD, PDM_SOURCE), lock="pip install -q 'pdm[locked]' && pdm lock"),
    "pipenv": Kind({"main.py": FASTAPI, "Pipfile": PIPFILE}, lock="pip install -q pipenv && pipenv lock"),
    "pipenv with a mirror": Kind(
        {"main.py": FASTAPI, "Pipfile": PIPFILE},
        ("--index-url", lab.INDEX),
        lock="pip install -q pipenv && pipenv lock",
    ),
}


def write(folder: Path, kind: Kind) -> Path:
    """Lay a project out in `folder`, and lock it."""
    for name, text in kind.files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip("\n"))
    if kind.lock is not None:
        script = f"{kind.lock} && rm -rf .venv"
        call = (
            "docker",
            "run",
            "--rm",
            "--volume",
            f"{folder}:/project",
            "--workdir",
            "/project",
            "--env",
            "PIP_ROOT_USER_ACTION=ignore",
        )
        lab.call(*call, lab.BASE, "sh", "-ec", script)
    return folder / kind.member
