"""The layouts of real projects, each a few lines: the app that must be found, and why, or what must be said instead."""
# ruff: noqa: E501  # one file a line reads better

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asgictl.discovery import AppRef, find
from asgictl.errors import AsgictlError, ConfigError, StartError
from tests.conftest import Write, linux, mortal

Files = dict[str, str]

FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FACTORY = "from flask import Flask\ndef create_app():\n    app = Flask(__name__)\n    return app\n"
ASGI = "async def {}(scope, receive, send): ...\n"
PLAIN_ASGI = "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n"
PLAIN_WSGI = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
MANAGE = "import os\nfrom django.core.management import execute_from_command_line\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', '{}')\n"
DJANGO = {
    "manage.py": MANAGE.format("site1.settings"),
    "site1/__init__.py": "",
    "site1/settings.py": "",
    "site1/asgi.py": PLAIN_ASGI,
    "site1/wsgi.py": PLAIN_WSGI,
}
SOCKETIO = "import socketio\nfrom django.core.wsgi import get_wsgi_application\napplication = socketio.WSGIApp(socketio.Server(), get_wsgi_application())\n"


def look(folder: Path, **environ: str) -> AppRef:
    """Find the app of a folder, without a name."""
    return find(None, folder, environ, lambda _: None)


# Why it is the one: its files, its import string, and where the banner says that it was found.
FOUND: dict[str, tuple[Files, str, str]] = {
    # The only package is called otherwise than the project.
    "a package of any name": ({"acme/__init__.py": "", "acme/app.py": FASTAPI}, "acme.app:app", "found in acme/app.py, line 2"),
    "a package of any name with a file of any name": ({"acme/__init__.py": "", "acme/gateway.py": FASTAPI}, "acme.gateway:app", "found in acme/gateway.py, line 2"),
    "a package of any name that holds the app itself": ({"acme/__init__.py": FLASK}, "acme:app", "found in acme/__init__.py, line 2"),
    "a plain folder of any name": ({"acme/main.py": FASTAPI}, "acme.main:app", "found in acme/main.py, line 2"),
    "a package in src that is called otherwise": ({"src/acme/__init__.py": "", "src/acme/web.py": FASTAPI}, "acme.web:app", "found in src/acme/web.py, line 2"),
    # The module is called as its folder.
    "a module called as its package": ({"userservice/__init__.py": "", "userservice/userservice.py": FLASK}, "userservice.userservice:app", "found in userservice/userservice.py, line 2"),
    "a package in the middle": ({"services/users/users.py": FASTAPI}, "services.users.users:app", "found in services/users/users.py, line 2"),
    # The file is called otherwise than all others.
    "flask's quickstart": ({"hello.py": FLASK}, "hello:app", "found in hello.py, line 2"),
    "autoapp.py": ({"autoapp.py": "from shop.app import create_app\napp = create_app()\n", "shop/__init__.py": "", "shop/app.py": FACTORY}, "autoapp:app", "found in autoapp.py, line 2"),
    "run.py": ({"run.py": FLASK}, "run:app", "found in run.py, line 2"),
    "web.py with another name": ({"web.py": "from starlette.applications import Starlette\nsite = Starlette()\n"}, "web:site", "found in web.py, line 2"),
    "a bot with a web app beside it": ({"bot.py": "import discord\nbot = discord.Client()\n", "hooks.py": FASTAPI}, "hooks:app", "found in hooks.py, line 2"),
    # Star imports and re-exports.
    "a package that star-imports": ({"httpbin/__init__.py": "from .core import *\n", "httpbin/core.py": FLASK}, "httpbin:app", "found in httpbin/__init__.py, line 1"),
    "a star import of another file": ({"main.py": "from web import *\n", "web.py": FASTAPI}, "main:app", "found in main.py, line 1"),
    "a star import of a star import": ({"main.py": "from a import *\n", "a.py": "from b import *\n", "b.py": FASTAPI}, "main:app", "found in main.py, line 1"),
    "a re-export under another name": ({"main.py": "from web import site as app\n", "web.py": "from fastapi import FastAPI\nsite = FastAPI()\n"}, "main:app", "found in main.py, line 1"),
    # Factories of any name, judged by what they make.
    "falcon's tutorial": ({"look/__init__.py": "", "look/app.py": "import falcon\ndef get_app():\n    app = falcon.App()\n    return app\n"}, "look.app:get_app", "found in look/app.py, line 2"),
    "a factory that configures": ({"main.py": "from flask import Flask\ndef build():\n    return Flask(__name__)\n"}, "main:build", "found in main.py, line 2"),
    "a factory that calls another": ({"main.py": "from web import make\ndef assemble():\n    app = make()\n    return app\n", "web.py": "from fastapi import FastAPI\ndef make(debug: bool):\n    return FastAPI()\n"}, "main:assemble", "found in main.py, line 2"),
    "a factory that imports within": ({"main.py": "def start():\n    from litestar import Litestar\n    return Litestar([])\n"}, "main:start", "found in main.py, line 1"),
    "a factory with defaults": ({"main.py": "from fastapi import FastAPI\ndef get_application(debug=False, *, title='x') -> FastAPI: ...\n"}, "main:get_application", "found in main.py, line 2"),
    # src/py/app, and what else is deep.
    "litestar's full stack": ({"src/py/app/__init__.py": "", "src/py/app/asgi.py": "from litestar import Litestar\ndef create_app():\n    return Litestar([])\n"}, "app.asgi:create_app", "found in src/py/app/asgi.py, line 2"),
    "deep in a package": ({"acme/__init__.py": "", "acme/net/__init__.py": "", "acme/net/http/__init__.py": "", "acme/net/http/edge.py": FASTAPI}, "acme.net.http.edge:app", "found in acme/net/http/edge.py, line 2"),
    # The folder of a monorepo.
    "a backend folder": ({"backend/app/__init__.py": "", "backend/app/main.py": "from app.db import x\n" + FASTAPI, "backend/app/db.py": "", "frontend/package.json": ""}, "app.main:app", "found in backend/app/main.py, line 3"),
    "a server folder": ({"server/main.py": "import words\n" + FASTAPI, "server/words.py": "", "client/index.html": ""}, "main:app", "found in server/main.py, line 3"),
    "a project in a folder with a dash": ({"my-api/app.py": FLASK}, "app:app", "found in my-api/app.py, line 2"),
    "a backend without packages": ({"backend/requirements.txt": "", "backend/app/main.py": "from app.api import x\n" + FASTAPI, "backend/app/api.py": ""}, "app.main:app", "found in backend/app/main.py, line 3"),
    # Ranking over all files.
    "an object for servers before a factory": ({"isso/__init__.py": "from werkzeug.wrappers import Request\ndef make_app(conf=None): ...\n", "isso/run.py": "from isso import make_app\napplication = make_app()\n"}, "isso.run:application", "found in isso/run.py, line 2"),
    "wsgi.py before a factory": ({"app.py": FACTORY, "wsgi.py": "from app import create_app\napp = create_app()\n"}, "wsgi:app", "found in wsgi.py, line 2"),
    "an object in a later file before a factory": ({"main.py": FACTORY, "server.py": FASTAPI}, "server:app", "found in server.py, line 2"),
    "an object elsewhere before a factory": ({"microblog.py": "from app import create_app\napp = create_app()\n", "app/__init__.py": FACTORY}, "microblog:app", "found in microblog.py, line 2"),
    "the project's own before a test's": ({"tests/app.py": FASTAPI, "shop/core.py": FASTAPI, "shop/__init__.py": ""}, "shop.core:app", "found in shop/core.py, line 2"),
    "the project's own before an example's": ({"examples/main.py": FASTAPI, "hello.py": FLASK}, "hello:app", "found in hello.py, line 2"),
    "a package before a stray file": ({"acme/__init__.py": "", "acme/site.py": FASTAPI, "playground.py": FASTAPI}, "acme.site:app", "found in acme/site.py, line 2"),
    "the user's own before an imported one": ({"main.py": "from elsewhere import app\n", "server.py": FASTAPI}, "server:app", "found in server.py, line 2"),
    "an app before what another library makes": ({"main.py": "from mylib import Thing\napp = Thing()\n", "web.py": FASTAPI}, "web:app", "found in web.py, line 2"),
    "what wraps before what is wrapped": ({"main.py": "import socketio\nfrom fastapi import FastAPI\nweb = FastAPI()\nsio = socketio.AsyncServer()\nwhole = socketio.ASGIApp(sio, web)\n"}, "main:whole", "found in main.py, line 5"),
    "what mounts before what is mounted": ({"main.py": "from fastapi import FastAPI\nroot = FastAPI()\nv1 = FastAPI()\nroot.mount('/v1', v1)\n"}, "main:root", "found in main.py, line 2"),
    "what the file itself starts": ({"main.py": "import uvicorn\nfrom fastapi import FastAPI\nweb = FastAPI()\nadmin = FastAPI()\nif __name__ == '__main__':\n    uvicorn.run(admin)\n"}, "main:admin", "found in main.py, line 4"),
    "annotated parameters": ({"acme/__init__.py": "", "acme/edge.py": "async def app(\n    scope: Scope,\n    receive: Receive,\n    send: Send,\n): ...\n"}, "acme.edge:app", "found in acme/edge.py, line 1"),
    "an instance of a class elsewhere": ({"acme/__init__.py": "", "acme/base.py": "from fastapi import FastAPI\nclass Shop(FastAPI): ...\n", "acme/edge.py": "from acme.base import Shop\nshop = Shop()\n"}, "acme.edge:shop", "found in acme/edge.py, line 2"),
    "a factory that is called elsewhere": ({"acme/__init__.py": "", "acme/core.py": "from fastapi import FastAPI\ndef build():\n    return FastAPI()\n", "acme/edge.py": "from acme.core import build\napp = build()\n"}, "acme.edge:app", "found in acme/edge.py, line 2"),
    "another object that runs": ({"main.py": FASTAPI + "from foo import Migrator\nm = Migrator()\nm.run()\n"}, "main:app", "found in main.py, line 2"),
    "NiceGUI's guard": ({"main.py": "import uvicorn\n" + FASTAPI + "if __name__ in {'__main__', '__mp_main__'}:\n    uvicorn.run(app)\n"}, "main:app", "found in main.py, line 3"),
    "a guard with a condition": ({"main.py": "import uvicorn\n" + FASTAPI + "if __name__ == '__main__' and True:\n    uvicorn.run(app)\n"}, "main:app", "found in main.py, line 3"),
    "a server where a variable is set": ({"main.py": "import os, uvicorn\n" + FASTAPI + "if os.environ.get('DEV'):\n    uvicorn.run(app)\n"}, "main:app", "found in main.py, line 3"),
    "unpacked": ({"web.py": "from fasthtml.common import fast_app\nsite, rt = fast_app()\n"}, "web:site", "found in web.py, line 2"),
    "bound in except*": ({"main.py": "from fastapi import FastAPI\ntry:\n    app = FastAPI()\nexcept* ValueError:\n    pass\n"}, "main:app", "found in main.py, line 3"),
    "a name that a function sets": ({"main.py": "from fastapi import FastAPI\napp = None\ndef setup():\n    global app\n    app = FastAPI()\nsetup()\n"}, "main:app", "found in main.py, line 2"),
    "an app beside Django's": ({"main.py": FASTAPI, "a/manage.py": MANAGE.format("x"), "b/manage.py": MANAGE.format("y")}, "main:app", "found in main.py, line 2"),
    "an app beside a broken Django project": ({"main.py": FASTAPI, "legacy/manage.py": MANAGE.format("old.settings"), "legacy/old/settings.py": "print 'x'\n"}, "main:app", "found in main.py, line 2"),
    "an app beside Django in the tests": ({"app/main.py": FASTAPI, **{f"tests/{name}": text for name, text in DJANGO.items()}}, "app.main:app", "found in app/main.py, line 2"),
    # app.py beside app/.
    "a package beside its namesake": ({"app.py": "from app import create_app\napp = create_app()\n", "app/__init__.py": FACTORY}, "app:create_app", "found in app/__init__.py, line 2"),
    "api.py beside api/": ({"api.py": "x = 1\n", "api/__init__.py": FASTAPI}, "api:app", "found in api/__init__.py, line 2"),
    "a plain folder beside its namesake": ({"server.py": FASTAPI, "server/words.py": "x = 1\n"}, "server:app", "found in server.py, line 2"),
    # Bindings of any kind.
    "a handler under another name": ({"main.py": ASGI.format("handler") + "app = handler\n"}, "main:app", "found in main.py, line 2"),
    "a WSGI function under another name": ({"main.py": "def handler(environ, start_response): ...\napp = handler\n"}, "main:app", "found in main.py, line 2"),
    "an ASGI 2 class": ({"main.py": "class App:\n    def __init__(self, scope): ...\napp = App\n"}, "main:app", "found in main.py, line 3"),
    "an object that is called": ({"main.py": "class Site:\n    async def __call__(self, scope, receive, send): ...\nsite = Site()\n"}, "main:site", "found in main.py, line 3"),
    "bound in a match": ({"main.py": "from fastapi import FastAPI\nmatch 1:\n    case _:\n        app = FastAPI()\n"}, "main:app", "found in main.py, line 4"),
    "bound in a loop": ({"main.py": "from fastapi import FastAPI\nfor _ in '1':\n    app = FastAPI()\n"}, "main:app", "found in main.py, line 3"),
    "bound by a walrus": ({"main.py": "from fastapi import FastAPI\nif (app := FastAPI()):\n    pass\n"}, "main:app", "found in main.py, line 2"),
    "bound by with": ({"main.py": "from fastapi import FastAPI\nimport contextlib\nwith contextlib.nullcontext(FastAPI()) as app:\n    pass\n"}, "main:app", "found in main.py, line 3"),
    "bound in the other branch of a guard": ({"main.py": "from fastapi import FastAPI\nif __name__ == '__main__':\n    pass\nelse:\n    app = FastAPI()\n"}, "main:app", "found in main.py, line 5"),
    "bound where the name is another": ({"main.py": "from fastapi import FastAPI\nif __name__ != 'other':\n    app = FastAPI()\n"}, "main:app", "found in main.py, line 3"),
    "a subclass of another file": ({"main.py": "from base import Shop\nweb = Shop()\n", "base.py": "from fastapi import FastAPI\nclass Shop(FastAPI): ...\n"}, "main:web", "found in main.py, line 2"),
    "werkzeug's decorator": ({"main.py": "from werkzeug.wrappers import Request\n@Request.application\ndef application(request): ...\n"}, "main:application", "found in main.py, line 3"),
    "pyramid's configurator": ({"main.py": "from pyramid.config import Configurator\nwith Configurator() as config:\n    site = config.make_wsgi_app()\n"}, "main:site", "found in main.py, line 3"),
    "dash with its server": ({"dashboard.py": "import dash\nweb = dash.Dash(__name__)\nserver = web.server\n"}, "dashboard:server", "found in dashboard.py, line 3"),
    # Folders called like an installed package.
    "a folder called flask": ({"flask/server.py": FLASK}, "server:app", "found in flask/server.py, line 2"),
    "a folder called fastapi": ({"fastapi/app.py": "import words\n" + FASTAPI, "fastapi/words.py": ""}, "app:app", "found in fastapi/app.py, line 3"),
    # What the project itself says.
    "a Procfile": ({"Procfile": "release: true\nweb: gunicorn 'realworld.autoapp:app' -b 0.0.0.0:$PORT\n", "realworld/autoapp.py": FLASK, "main.py": FASTAPI}, "realworld.autoapp:app", "named in Procfile, line 2"),
    "a Procfile that changes the folder": ({"Procfile": "web: cd backend && uvicorn core.web:site\n", "backend/core/web.py": "site = object()\n"}, "core.web:site", "named in Procfile, line 1"),
    "a Dockerfile": ({"Dockerfile": 'FROM python\nCOPY . .\nCMD ["uvicorn", "shop.web:site", \\\n     "--port", "80"]\n', "shop/web.py": "from fastapi import FastAPI\nsite = FastAPI()\n", "shop/main.py": FASTAPI}, "shop.web:site", "named in Dockerfile, line 3"),
    "a Dockerfile with a script": ({"Dockerfile": 'FROM python\nENTRYPOINT ["./start.sh"]\n', "start.sh": "#!/bin/sh\nset -e\nexec gunicorn -k uvicorn.workers.UvicornWorker \\\n  --chdir src web:site\n", "src/web.py": "site = 1 and object()\n"}, "web:site", "named in start.sh, line 4"),
    "a Dockerfile that copies a folder": ({"Dockerfile": "FROM python\nWORKDIR /code\nCOPY ./backend /code\nCMD uvicorn web:site\n", "backend/web.py": "from fastapi import FastAPI\nsite = FastAPI()\n", "app.py": FLASK}, "web:site", "named in Dockerfile, line 4"),
    "a Dockerfile's FLASK_APP": ({"Dockerfile": "FROM python\nENV FLASK_APP=shop.web\nCMD flask run\n", "shop/web.py": FLASK, "main.py": FASTAPI}, "shop.web:app", "named in Dockerfile, line 3"),
    "a compose file": ({"compose.yaml": "services:\n  db: {image: postgres}\n  web:\n    build: .\n    command: uvicorn shop.web:site --host 0.0.0.0\n", "shop/web.py": "from fastapi import FastAPI\nsite = FastAPI()\n", "main.py": FASTAPI}, "shop.web:site", "named in compose.yaml, line 5"),
    "a compose file's service": ({"docker-compose.yml": "services:\n  web:\n    build: {context: backend}\n", "backend/Dockerfile": 'FROM python\nCMD ["python", "serve.py"]\n', "backend/serve.py": "from flask import Flask\nsite = Flask('x')\nif __name__ == '__main__':\n    site.run()\n", "other/main.py": FASTAPI}, "serve:site", "named in backend/Dockerfile, line 2"),
    "a Makefile": ({"Makefile": "run:\n\t@poetry run uvicorn --reload shop.web:site\n", "shop/web.py": "from fastapi import FastAPI\nsite = FastAPI()\n", "main.py": FASTAPI}, "shop.web:site", "named in Makefile, line 2"),
    "a task": ({"pyproject.toml": "[tool.poe.tasks]\ntest = 'pytest'\nserve = { cmd = 'hypercorn shop.web:site' }\n", "shop/web.py": "from fastapi import FastAPI\nsite = FastAPI()\n", "main.py": FASTAPI}, "shop.web:site", "named in pyproject.toml, line 3"),
    "a script of the project": ({"pyproject.toml": "[project]\nname = 'x'\n[project.scripts]\nshop = 'shop.cli:main'\n", "shop/__init__.py": "", "shop/cli.py": "import uvicorn\ndef main():\n    uvicorn.run('shop.web:site')\n", "shop/web.py": "from fastapi import FastAPI\nsite = FastAPI()\n", "main.py": FASTAPI}, "shop.web:site", "named in pyproject.toml, line 4"),
    ".flaskenv": ({".flaskenv": "FLASK_APP=microblog.py\n", "microblog.py": FLASK, "app.py": FASTAPI}, "microblog:app", "named in .flaskenv, line 1"),
    ".env": ({".env": "# local\nFLASK_APP=shop:make('dev')\n", "shop.py": "def make(kind): ...\n", "main.py": FASTAPI}, "shop:make('dev')", "named in .env, line 2"),
    "a Dockerfile that works in a folder": ({"Dockerfile": 'FROM python\nCOPY . /app\nWORKDIR /app/backend\nCMD ["uvicorn", "main:app"]\n', "backend/main.py": FASTAPI, "main.py": FLASK}, "main:app", "named in Dockerfile, line 4"),
    "a Dockerfile with two stages": ({"Dockerfile": 'FROM a AS dev\nCMD ["uvicorn", "dev:app"]\nFROM b\nENTRYPOINT ["uvicorn"]\nCMD ["prod:app", "--port", "80"]\n', "dev.py": FASTAPI, "prod.py": FASTAPI}, "prod:app", "named in Dockerfile, line 5"),
    "a start script that is copied": ({"Dockerfile": 'FROM python\nCOPY docker/entry.sh /entry.sh\nENTRYPOINT ["/entry.sh"]\n', "docker/entry.sh": "MODULE=shop.web\nexec gunicorn ${MODULE}:site\n", "shop/web.py": "from fastapi import FastAPI\nsite = FastAPI()\n", "main.py": FASTAPI}, "shop.web:site", "named in docker/entry.sh"),
    "a shell in a compose file": ({"compose.yaml": 'services:\n  web:\n    build: .\n    command: sh -c "alembic upgrade head && uvicorn shop.web:site"\n', "shop/web.py": "from fastapi import FastAPI\nsite = FastAPI()\n", "main.py": FASTAPI}, "shop.web:site", "named in compose.yaml, line 4"),
    "a Makefile with variables": ({"Makefile": "APP ?= shop.web:site\nrun: ; uvicorn \\\n  $(APP)\n", "shop/web.py": "from fastapi import FastAPI\nsite = FastAPI()\n", "main.py": FASTAPI}, "shop.web:site", "named in Makefile, line 2"),
    "a Makefile that starts a test's app": ({"Makefile": "mock:\n\tuvicorn tests.mock:app\n", "tests/mock.py": FASTAPI, "main.py": FASTAPI}, "main:app", "found in main.py, line 2"),
    "a script whose server is another function's": ({"pyproject.toml": "[project]\nname = 'x'\n[project.scripts]\nx = 'acme.cli:main'\n", "acme/cli.py": "import uvicorn\ndef main(): print()\ndef preview(): uvicorn.run('acme.preview:app')\n", "acme/preview.py": FASTAPI, "main.py": FASTAPI}, "main:app", "found in main.py, line 2"),
    "a module that is run": ({"Procfile": "web: python -m shop\n", "shop/__init__.py": "", "shop/__main__.py": "import uvicorn\nfrom .web import api\nuvicorn.run(api)\n", "shop/web.py": "from fastapi import FastAPI\napi = FastAPI()\napp = FastAPI()\n"}, "shop.web:api", "named in Procfile, line 1"),
    "FLASK_APP before flask run": ({"Procfile": "web: FLASK_APP=two.py flask run --host=0.0.0.0\n", "two.py": FLASK, "main.py": FLASK}, "two:app", "named in Procfile, line 1"),
    "FLASK_APP exported in a Makefile": ({"Makefile": "export FLASK_APP := web\nrun:\n\tcd api && flask run\n", "api/web.py": FLASK, "api/main.py": FLASK}, "web:app", "named in Makefile, line 3"),
    "FLASK_APP exported in a script": ({"Dockerfile": 'CMD ["sh", "start.sh"]\n', "start.sh": "export FLASK_APP=two.py\nflask db upgrade\nflask run\n", "two.py": FLASK, "main.py": FLASK}, "two:app", "named in start.sh, line 1"),
    "a shell over several lines": ({"compose.yaml": 'services:\n  web:\n    build: .\n    command: >\n      sh -c "python wait.py &&\n             uvicorn shop.web:site"\n', "wait.py": "", "shop/web.py": "from fastapi import FastAPI\nsite = FastAPI()\n", "main.py": FASTAPI}, "shop.web:site", "named in compose.yaml, line 6"),
    "a list of PDM's": ({"pyproject.toml": "[tool.pdm.scripts]\nstart.cmd = ['gunicorn', 'two:app']\n", "two.py": FLASK, "main.py": FLASK}, "two:app", "named in pyproject.toml, line 2"),
    "an image of tiangolo's": ({"Dockerfile": "FROM tiangolo/uvicorn-gunicorn-fastapi\nENV MODULE_NAME=shop.web VARIABLE_NAME=site\n", "shop/web.py": "from fastapi import FastAPI\nsite = FastAPI()\n", "main.py": FASTAPI}, "shop.web:site", "named in Dockerfile, line 2"),
    "gunicorn's file": ({"gunicorn.conf.py": "bind = ':80'\nwsgi_app = 'two:app'\n", "two.py": FLASK, "main.py": FLASK}, "two:app", "named in gunicorn.conf.py, line 2"),
    "an app that mounts Django": ({**DJANGO, "Procfile": "web: uvicorn site1.asgi:app\n", "site1/asgi.py": PLAIN_ASGI + FASTAPI + "app.mount('/x', application)\n"}, "site1.asgi:app", "named in Procfile, line 1"),
    "a flag that is not known": ({"Procfile": "web: gunicorn --disable-redirect-access-to-syslog shop:site\n", "shop.py": "from flask import Flask\nsite = Flask('x')\n", "main.py": FASTAPI}, "shop:site", "named in Procfile, line 1"),
    "a manage.py that is not Django's": ({"shop/__init__.py": "", "shop/manage.py": "import click\n", "shop/wsgi.py": "from shop.run import make\napplication = make()\n", "shop/run.py": FLASK + "def make():\n    return app\n"}, "shop.wsgi:application", "found in shop/wsgi.py, line 2"),
    "a Procfile that names nothing here": ({"Procfile": "web: gunicorn gone:app\n", "main.py": FASTAPI}, "main:app", "found in main.py, line 2"),
    # Django.
    "ASGI_APPLICATION": ({**DJANGO, "site1/settings.py": "ASGI_APPLICATION = 'site1.routing.application'\n", "site1/routing.py": "from channels.routing import ProtocolTypeRouter\napplication = ProtocolTypeRouter({})\n"}, "site1.routing:application", "the Django project of manage.py"),
    "ASGI_APPLICATION in the base settings": ({**DJANGO, "manage.py": MANAGE.format("site1.conf.dev"), "site1/conf/dev.py": "from .base import *\n", "site1/conf/base.py": "ASGI_APPLICATION = 'site1.routing.site'\n", "site1/routing.py": "site = object()\n"}, "site1.routing:site", "the Django project of manage.py"),
    "a wrapped wsgi.py beside an untouched asgi.py": ({**DJANGO, "site1/wsgi.py": SOCKETIO}, "site1.wsgi:application", "the Django project of manage.py, whose `site1.wsgi` wraps the app"),
    "both wrapped": ({**DJANGO, "site1/wsgi.py": SOCKETIO, "site1/asgi.py": "from channels.routing import ProtocolTypeRouter\napplication = ProtocolTypeRouter({})\n"}, "site1.asgi:application", "the Django project of manage.py"),
    "a wsgi.py with more in it, and no asgi.py": ({"manage.py": MANAGE.format("site1.settings"), "site1/settings.py": "", "site1/wsgi.py": "import dotenv\ndotenv.load_dotenv()\n" + PLAIN_WSGI}, "site1.wsgi:application", "the Django project of manage.py, which has no `asgi.py`"),
    "settings that manage.py gets from elsewhere": ({"manage.py": "from ara.server.__main__ import main\nmain()\n", "ara/server/__main__.py": "import os\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'ara.server.settings')\n", "ara/server/settings.py": "", "ara/server/wsgi.py": SOCKETIO, "ara/__init__.py": "", "ara/server/__init__.py": ""}, "ara.server.wsgi:application", "the Django project of manage.py and ara/server/__main__.py, which has no `asgi.py`"),
    "settings as a default of the environment": ({**DJANGO, "manage.py": "import os\nfrom django.core.management import execute_from_command_line\nos.environ['DJANGO_SETTINGS_MODULE'] = os.environ.get('DJANGO_SETTINGS_MODULE', 'site1.settings')\n"}, "site1.asgi:application", "the Django project of manage.py"),
    "manage.py one level below": ({f"app/{name}": text for name, text in DJANGO.items()}, "site1.asgi:application", "the Django project of app/manage.py"),
    "manage.py below src": ({f"src/{name}": text for name, text in DJANGO.items()}, "site1.asgi:application", "the Django project of src/manage.py"),
}  # fmt: skip


@pytest.mark.parametrize("case", FOUND)
def test_finds_the_app(write: Write, case: str) -> None:
    """Finds what the project's own start command would start, and says where it was read."""
    files, expected, how = FOUND[case]

    ref = look(write(files))

    assert (str(ref), ref.found) == (expected, how)


def test_stands_in_the_package_of_a_django_project(write: Write) -> None:
    """`manage.py` above counts for who stands beside the settings, or in an app."""
    folder = write({**DJANGO, "polls/models.py": ""})

    for inner in ("site1", "polls"):
        ref = look(folder / inner)
        assert (str(ref), ref.found) == ("site1.asgi:application", "the Django project of ../manage.py")


def test_stands_in_a_service(write: Write) -> None:
    """A service of a monorepo is found from its own folder, by its own name."""
    folder = write({"services/users/users.py": FASTAPI, "services/orders/orders.py": FASTAPI})

    assert str(look(folder / "services/users")) == "users:app"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("FLASK_APP", "shop", "shop:web"),
        ("FLASK_APP", "shop.py", "shop:web"),
        ("FLASK_APP", "shop:web", "shop:web"),
        ("FLASK_APP", "shop:make()", "shop:make"),
        ("FLASK_APP", "shop:make('dev', debug=True)", "shop:make('dev', debug=True)"),
        ("QUART_APP", "shop:web", "shop:web"),
        ("LITESTAR_APP", "shop:web", "shop:web"),
    ],
)
def test_variables_of_frameworks(write: Write, name: str, value: str, expected: str) -> None:
    """What `flask`, `quart` and `litestar` read from the environment counts before what lies around."""
    source = "from flask import Flask\nweb = Flask('x')\ndef make(kind='x', debug=False): ...\n"
    folder = write({"shop.py": source, "main.py": FASTAPI})

    ref = look(folder, **{name: value})

    assert (str(ref), ref.found) == (expected, f"named by the variable {name}")


def test_a_variable_of_another_project(write: Write) -> None:
    """A variable that names nothing here is passed over, and told."""
    ref = look(write({"main.py": FASTAPI}), FLASK_APP="gone")

    assert str(ref) == "main:app"
    assert ref.notes == ("`gone`, named by the variable FLASK_APP, cannot be served from here: it is passed over",)


NAMELESS = "name yours as `module:attribute`; `asgictl serve demo` shows the bundled app"

# What must be refused: files, the kind of error, the message after the folder's name, the hint.
REFUSED: dict[str, tuple[Files, type[AsgictlError], str, str]] = {
    "a script": ({"main.py": "print('x')\n"}, StartError, "no app was found in `{}`: `main.py` holds no app", NAMELESS),
    "a manifest alone": ({"requirements.txt": "flask\n"}, StartError, "no app was found in `{}`", NAMELESS),
    "notebooks": ({"data.ipynb": "{}"}, StartError, "no app was found in `{}`: `data.ipynb` holds no app", "a notebook cannot be served: copy its app into a `.py` file"),
    "celery": ({"worker.py": "from celery import Celery\napp = Celery()\n"}, StartError, "no app was found in `{}`: `worker.py` holds `app` (celery.Celery, not a web app), line 2", NAMELESS),
    "a command line": ({"main.py": "import typer\napp = typer.Typer()\n"}, StartError, "no app was found in `{}`: `main.py` holds `app` (typer.Typer, not a web app), line 2", NAMELESS),
    "a window": ({"main.py": "from PyQt6.QtWidgets import QApplication\napp = QApplication([])\n"}, StartError, "no app was found in `{}`: `main.py` holds `app` (PyQt6.QtWidgets.QApplication, not a web app), line 2", NAMELESS),
    "a bot": ({"bot.py": "from telegram.ext import Application\nimport flask\napplication = Application.builder().token('x').build()\n"}, StartError, "no app was found in `{}`: `bot.py` holds `application` (telegram.ext.Application.builder.token.build, not a web app), line 3", NAMELESS),
    "only a number": ({"main.py": "app = 5\n"}, StartError, "no app was found in `{}`: `main.py` holds no app", NAMELESS),
    "a factory with arguments": ({"main.py": "from flask import Flask\ndef create_app(config):\n    return Flask(config)\n"}, StartError, "no app was found in `{}`: `main.py` holds `create_app` (Flask), line 2, which needs arguments (config)", "give them defaults, or name it with literals for them: `main:create_app(...)`"),
    "an async factory": ({"main.py": "from fastapi import FastAPI\nasync def create_app():\n    return FastAPI()\n"}, StartError, "no app was found in `{}`: `main.py` holds `create_app` (FastAPI), line 2, which is async", "make it a plain function, and do what has to be awaited in the lifespan"),
    "an app in the guard": ({"main.py": "from fastapi import FastAPI\nif __name__ == '__main__':\n    app = FastAPI()\n"}, StartError, "no app was found in `{}`: `main.py` creates `app` (FastAPI) only when it is run as a script, line 3", "move `app` out of the `if __name__ == ...`"),
    "an app in a function": ({"main.py": "import uvicorn\nfrom fastapi import FastAPI\ndef main():\n    app = FastAPI()\n    uvicorn.run(app)\n"}, StartError, "no app was found in `{}`: `main` in `main.py` creates `app` (FastAPI) and does not return it, line 4", "create the app outside of the function that starts the server"),
    "examples of a library": ({"lib/__init__.py": "", "examples/basic.py": FASTAPI}, StartError, "no app was found in `{}`: `examples/basic.py` holds `app` (FastAPI), line 2", "serve it: `asgictl serve examples/basic.py`"),
    "tests of a library": ({"lib/__init__.py": "", "tests/conftest.py": FLASK}, StartError, "no app was found in `{}`: `tests/conftest.py` holds `app` (Flask), line 2", "serve it: `asgictl serve tests/conftest.py`"),
    "migrations": ({"migrations/env.py": FLASK}, StartError, "no app was found in `{}`: `migrations/env.py` holds `app` (Flask), line 2", "serve it: `asgictl serve migrations/env.py`"),
    "an app whose name is taken by a package": ({"hooks.py": FASTAPI, "hooks/__init__.py": ""}, StartError, "no app was found in `{}`: `hooks.py` holds `app`, but the package `hooks` takes its name", "rename one of them"),
    "a factory that starts the server": ({"main.py": "import uvicorn\nfrom fastapi import FastAPI\ndef main():\n    app = FastAPI()\n    uvicorn.run(app)\n    return app\n"}, StartError, "no app was found in `{}`: `main` in `main.py` starts a server itself, line 5", "create the app outside of the function that starts the server"),
    "a file that hides its framework": ({"fastapi.py": FASTAPI}, StartError, "no app was found in `{}`: `fastapi.py` hides the installed package `fastapi`, which it imports", "rename it"),
    "Django in the tests of a library": ({"lib/__init__.py": "", **{f"tests/{name}": text for name, text in DJANGO.items()}}, StartError, "no app was found in `{}`: `tests/site1/asgi.py` holds `application` (Django), line 2; `tests/site1/wsgi.py` holds `application` (Django WSGI), line 2", "serve it: `asgictl serve tests/site1/asgi.py`"),
    "a Lambda handler": ({"app.py": "def application(event, context): return {}\n"}, StartError, "no app was found in `{}`: `app.py` holds `application` (AWS Lambda handler, not a web app), line 1", NAMELESS),
    "a stack of AWS": ({"app.py": "import aws_cdk as cdk\napp = cdk.App()\n"}, StartError, "no app was found in `{}`: `app.py` holds `app` (aws_cdk.App, not a web app), line 2", NAMELESS),
    "pyramid's cookiecutter": ({"shop/__init__.py": "from pyramid.config import Configurator\ndef main(global_config, **settings):\n    with Configurator(settings=settings) as config:\n        pass\n    return config.make_wsgi_app()\n"}, StartError, "no app was found in `{}`: `shop/__init__.py` holds `main` (Pyramid), line 2, which needs arguments (global_config)", "give them defaults, or name it with literals for them: `shop/__init__.py:main(...)`"),
    "bottle's tutorial": ({"app.py": "from bottle import route, run\nrun(host='localhost')\n"}, StartError, "no app was found in `{}`: `app.py` starts a server, line 2", "give its app a name, like `app = bottle.default_app()`, and start it only in a script"),
    "a file that begins with a number": ({"01_main.py": FLASK}, StartError, "no app was found in `{}`: `01_main.py` holds `app`, but `01_main` is not a module's name", "rename it, for example to `app_01_main.py`"),
    # Several.
    "a stray app beside a factory": ({"shop/__init__.py": "", "shop/main.py": FACTORY, "mock_server.py": FASTAPI}, ConfigError, "`{}` holds 2 apps that rank alike: `mock_server:app` (FastAPI) in `mock_server.py`, line 2; `shop.main:create_app` (Flask) in `shop/main.py`, line 2", "name one: `asgictl serve mock_server:app`"),
    "two files of any name": ({"one.py": FASTAPI, "two.py": FLASK}, ConfigError, "`{}` holds 2 apps that rank alike: `one:app` (FastAPI) in `one.py`, line 2; `two:app` (Flask) in `two.py`, line 2", "name one: `asgictl serve one:app`"),
    "two services": ({"services/a/main.py": FASTAPI, "services/b/main.py": FASTAPI}, ConfigError, "`{}` holds 2 apps that rank alike: `services.a.main:app` (FastAPI) in `services/a/main.py`, line 2; `services.b.main:app` (FastAPI) in `services/b/main.py`, line 2", "name one: `asgictl serve services/a/main.py:app`"),
    "two folders": ({"users/app.py": FASTAPI, "orders/app.py": FASTAPI}, ConfigError, "`{}` holds 2 apps that rank alike: `orders.app:app` (FastAPI) in `orders/app.py`, line 2; `users.app:app` (FastAPI) in `users/app.py`, line 2", "name one: `asgictl serve orders/app.py:app`"),
    "two Django projects": ({f"{top}/{name}": text for top in ("a", "b") for name, text in DJANGO.items()}, ConfigError, "`{}` holds 2 Django projects: `a/`, `b/`", "name one: `asgictl serve a/`"),
    # Frameworks with a server of their own.
    "aiohttp": ({"app.py": "from aiohttp import web\napp = web.Application()\n"}, StartError, "no app was found in `{}`: `app.py` holds `app` (aiohttp), line 2", "it has a server of its own: start it with `python app.py`"),
    "aiohttp in a function": ({"app.py": "from aiohttp import web\ndef main():\n    app = web.Application()\n    web.run_app(app)\n"}, StartError, "no app was found in `{}`: `app.py` holds an aiohttp app, line 3", "it has a server of its own: start it with `python app.py`"),
    "aiohttp from an async factory": ({"app.py": "from aiohttp import web\nasync def create_app():\n    return web.Application()\n"}, StartError, "no app was found in `{}`: `app.py` holds `create_app` (aiohttp), line 2", "it has a server of its own: start it with `python app.py`"),
    "tornado": ({"server.py": "import tornado.web\ndef make_app():\n    return tornado.web.Application([])\n"}, StartError, "no app was found in `{}`: `server.py` holds `make_app` (Tornado), line 2", "it has a server of its own: start it with `python server.py`"),
    "robyn": ({"app.py": "from robyn import Robyn\napp = Robyn(__file__)\n"}, StartError, "no app was found in `{}`: `app.py` holds `app` (Robyn), line 2", "it has a server of its own: start it with `python app.py`"),
    "streamlit": ({"Home.py": "import streamlit as st\nst.title('x')\n"}, StartError, "no app was found in `{}`: `Home.py` is a Streamlit app, line 1", "it has a server of its own: start it with `streamlit run Home.py`"),
    "gradio": ({"app.py": "import gradio as gr\ndemo = gr.Interface(fn=print)\ndemo.launch()\n"}, StartError, "no app was found in `{}`: `app.py` holds `demo` (Gradio), line 2", "it has a server of its own: start it with `python app.py`, or mount it: `gradio.mount_gradio_app`"),
    "nicegui": ({"main.py": "from nicegui import app, ui\nui.label('x')\nui.run()\n"}, StartError, "no app was found in `{}`: `main.py` holds `app` (NiceGUI), line 1", "it has a server of its own: start it with `python main.py`, or add it to a FastAPI app: `ui.run_with`"),
    "reflex": ({"shop/shop.py": "import reflex as rx\napp = rx.App()\n"}, StartError, "no app was found in `{}`: `shop/shop.py` holds `app` (Reflex), line 2", "it has a server of its own: start it with `reflex run`"),
    "shiny express": ({"app.py": "from shiny.express import ui\nui.h1('x')\n"}, StartError, "no app was found in `{}`: `app.py` is a Shiny Express app, line 1", "it has a server of its own: start it with `shiny run app.py`"),
    "dash without its server": ({"app.py": "from dash import Dash\napp = Dash(__name__)\n"}, StartError, "no app was found in `{}`: `app.py` holds `app` (Dash), line 2", "serve the Flask app inside it: `asgictl serve app:app.server`"),
    "an MCP server": ({"server.py": "from mcp.server.fastmcp import FastMCP\nmcp = FastMCP('x')\n"}, StartError, "no app was found in `{}`: `server.py` holds `mcp` (MCP server), line 2", "serve its HTTP app: `asgictl serve 'server:mcp.streamable_http_app()'`"),
    "a FastMCP server": ({"server.py": "from fastmcp import FastMCP\nmcp = FastMCP('x')\n"}, StartError, "no app was found in `{}`: `server.py` holds `mcp` (MCP server), line 2", "serve its HTTP app: `asgictl serve 'server:mcp.http_app()'`"),
    "a server at import": ({"main.py": "import uvicorn\n" + FASTAPI + "uvicorn.run(app)\n"}, StartError, "no app was found in `{}`: `main.py` starts a server of its own when it is imported: `uvicorn.run`, line 4", 'put it below `if __name__ == "__main__":`'),
    "flask's server at import": ({"main.py": FLASK + "app.run(debug=True)\n"}, StartError, "no app was found in `{}`: `main.py` starts a server of its own when it is imported: `app.run`, line 3", 'put it below `if __name__ == "__main__":`'),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_and_says_what_is_there(write: Write, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """Where nothing can be served, or several rank alike, what lies there is named, and what to do."""
    files, kind, message, hint = REFUSED[case]
    folder = write(files)
    monkeypatch.chdir(folder)

    with pytest.raises(kind) as caught:
        look(folder)

    texts = (caught.value.message, caught.value.hint)
    assert tuple(str(text).replace(str(folder), "{}") for text in texts) == (message, hint)


def test_what_is_named_and_broken_is_told(write: Write) -> None:
    """An app that a file names, and that cannot be served, is not passed over in silence."""
    folder = write({"Procfile": "web: uvicorn shop.web:app\n", "shop/web.py": "def (\n", "main.py": FASTAPI})

    ref = look(folder)

    assert str(ref) == "main:app"
    assert ref.notes == (
        f"`shop.web:app`, named in Procfile, line 1, is passed over: cannot load `{folder}/shop/web.py`: "
        f"SyntaxError: invalid syntax ({folder}/shop/web.py:1)",
    )


def test_nothing_leads_out_of_the_project(write: Write) -> None:
    """No file of a project leads to an app outside of it."""
    folder = write(
        {"evil/main.py": FASTAPI, "sub/Procfile": "web: uvicorn --app-dir ../evil main:app\n", "sub/hello.py": FLASK}
    )

    assert str(look(folder / "sub")) == "hello:app"


def test_a_folder_that_is_named(write: Write) -> None:
    """A folder that is named is looked at as if one stood in it."""
    folder = write(
        {"svc/pyproject.toml": "[tool.asgictl]\napp = 'two:app'\n", "svc/two.py": FASTAPI, "svc/main.py": FASTAPI}
    )

    named, stood = find("./svc", folder, {}, lambda _: None), look(folder / "svc")

    assert str(named) == str(stood) == "two:app"


@linux
def test_a_folder_that_cannot_be_read(write: Write) -> None:
    """A database's volume in the folder does not hold up the search."""
    folder = write({"app.py": FASTAPI, "requirements.txt": "fastapi\n", "pgdata/x": "", "secret/main.py": FASTAPI})
    for name in ("pgdata", "secret"):
        (folder / name).chmod(0)

    for arguments in (["serve", "--dry-run"], ["scaffold", "--dry-run"]):
        command = [*mortal(), sys.executable, "-m", "asgictl", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, "app:app" in done.stdout) == (0, True), done.stderr
    for name in ("pgdata", "secret"):
        (folder / name).chmod(0o700)


def test_a_special_file_is_no_empty_folder(tmp_path: Path) -> None:
    """Where the app's file is a FIFO, that is said, and nothing else is served."""
    os.mkfifo(tmp_path / "main.py")

    with pytest.raises(StartError) as caught:
        look(tmp_path)

    assert caught.value.message == (
        f"no app was found in `{tmp_path}`: `main.py` cannot be read: it is not a regular file"
    )
