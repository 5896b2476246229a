"""Where a text of a project's may stand, and the files that hold it there."""

import json
from collections.abc import Callable
from typing import NamedTuple

from tests.scaffold.conftest import APP

Files = dict[str, str]
# What a text has in the place of the project's folder.
ROOT = "@ROOT@"

DJANGO: Files = {
    "requirements.txt": "django\n",
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'conf.settings')\n",
    "conf/__init__.py": "",
    "conf/asgi.py": "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n",
    "conf/settings.py": "ROOT_URLCONF = 'conf.urls'\nSTATIC_ROOT = 'static'\nX = env('SECRET')\n",
    "conf/urls.py": "urlpatterns = [path('healthz/', x)]\n",
}
FLAT: Files = {"main.py": f"{APP}@app.get('/healthz')\ndef up(): ...\n", "requirements.txt": "fastapi\n"}
FLASK = "import flask\napp = flask.Flask('shop')\n"
_PACKAGE: Files = {"shop/__init__.py": "", "shop/main.py": APP}
_ALONE: Files = {"main.py": FLAT["main.py"]}
_ROUTER = "from fastapi import APIRouter, FastAPI\napp = FastAPI()\nr = APIRouter(prefix={!r})\n"


class Place(NamedTuple):
    """A place for a text: one that is harmless there, the files with a text, and the folder in which to look."""

    harmless: str
    files: Callable[[str], Files]
    folder: Callable[[str], str] = "".format


def table(**values: object) -> str:
    """Return a `[project]` of TOML, whose strings are those of JSON."""
    declared = {"name": "shop", "version": "1", "dependencies": ["fastapi"], **values}
    lines = "".join(f"{json.dumps(key)} = {json.dumps(value)}\n" for key, value in declared.items())
    return f"[project]\n{lines}[build-system]\nrequires = ['hatchling']\n"


def packaged(more: str = "", **values: object) -> Files:
    """Return a package with an extra and a group, what else its `[project]` says, and `more` TOML."""
    declared = "[project.optional-dependencies]\napi = ['x']\n[dependency-groups]\ndev = ['x']\n"
    return {**_PACKAGE, "pyproject.toml": f"{table(**values)}{declared}{more}"}


def settings_of(**lines: str) -> Files:
    """Return Django's files with settings that say something else."""
    base = {"urls": "ROOT_URLCONF = 'conf.urls'", "static": "STATIC_ROOT = 'static'", "more": ""}
    return {**DJANGO, "conf/settings.py": "".join(f"{line}\n" for line in {**base, **lines}.values())}


def moved(files: Files, folder: str) -> Files:
    """Return files that lie in a folder, beside what the project depends on."""
    return {name if name == "requirements.txt" else f"{folder}/{name}": text for name, text in files.items()}


def in_app(lines: str) -> Files:
    """Return an app with further lines."""
    return {**FLAT, "main.py": f"{FLAT['main.py']}{lines}\n"}


def locked(lock: str, text: str) -> Files:
    """Return a package that depends on asgictl, with its lock."""
    return {**packaged(dependencies=["fastapi", "asgictl"]), lock: text}


def entry(name: str = "asgictl", version: str = "0.1.0", more: str = "") -> str:
    """Return an entry of a lock in TOML."""
    return f"[[package]]\nname = {json.dumps(name)}\nversion = {json.dumps(version)}\n{more}\n"


def of_uv(*entries: str, python: str = ">=3.12", links: str = "asgictl") -> Files:
    """Return a package with a lock of uv's."""
    own = f"name = 'shop'\nsource = {{ editable = '.' }}\ndependencies = [{{ name = {json.dumps(links)} }}]\n"
    own += "[package.optional-dependencies]\napi = []\n[package.dev-dependencies]\ndev = []\n"
    head = f"version = 1\nrequires-python = {json.dumps(python)}\n[[package]]\n{own}"
    return locked("uv.lock", "".join((head, *entries)))


def workspace(member: str) -> Files:
    """Return a workspace of uv's with a member in a folder of its own."""
    lock = f"version = 1\n{entry('api', '1', f'source = {{ editable = {json.dumps(member)} }}')}"
    return {
        ".git/HEAD": "",
        "pyproject.toml": f"[tool.uv.workspace]\nmembers = ['*']\n{table(name='all')}",
        "uv.lock": lock,
        f"{member}/pyproject.toml": table(name="api", dependencies=[]),
        f"{member}/main.py": APP,
    }


def with_virtual_environment(name: str) -> Files:
    """Return an app whose `.venv` is of a Python in a folder of that name."""
    home = f".venv/{name}"
    return {**FLAT, ".venv/pyvenv.cfg": f"home = {ROOT}/{home}/bin\n", f"{home}/lib/python3.12/os.py": ""}


_OF_DJANGO: dict[str, Place] = {
    "manage.py": Place(
        "conf.settings",
        lambda it: {**DJANGO, "manage.py": f"import os\nos.environ['DJANGO_SETTINGS_MODULE'] = {it!r}\n"},
    ),
    "asgi.py": Place(
        "conf.settings",
        lambda it: {
            **DJANGO,
            "conf/asgi.py": f"import os\nos.environ['DJANGO_SETTINGS_MODULE'] = {it!r}\n{DJANGO['conf/asgi.py']}",
        },
    ),
    "a variable": Place("SECRET", lambda it: settings_of(more=f"X = os.environ[{it!r}]")),
    "a variable of env": Place("SECRET", lambda it: settings_of(more=f"X = env({it!r})\nY = env.int({it!r})")),
    "a variable's prefix": Place(
        "SHOP_", lambda it: settings_of(more=f"env = Env()\nwith env.prefixed({it!r}):\n    X = env('SECRET')")
    ),
    "a list of variables": Place(
        "SECRET", lambda it: settings_of(more=f"for it in [{it!r}]:\n    X = os.environ[it]\n")
    ),
    "a name of DATABASES": Place("default", lambda it: settings_of(more=f"DATABASES = {{{it!r}: {it!r}}}")),
    "a folder of manage.py": Place("src", lambda it: moved(settings_of(more="DATABASES"), it)),
    "settings beside": Place("local", lambda it: {**DJANGO, f"conf/{it}.py": "", "conf/production.py": ""}),
    "ROOT_URLCONF": Place("conf.urls", lambda it: settings_of(urls=f"ROOT_URLCONF = {it!r}")),
    "STATIC_ROOT": Place("static", lambda it: settings_of(static=f"STATIC_ROOT = {it!r}")),
    "STATIC_ROOT elsewhere": Place("srv/static", lambda it: settings_of(static=f"STATIC_ROOT = {f'/{it}'!r}")),
    "ASGI_APPLICATION": Place("conf.asgi.application", lambda it: settings_of(more=f"ASGI_APPLICATION = {it!r}")),
    "ALLOWED_HOSTS": Place("shop.example", lambda it: settings_of(more=f"ALLOWED_HOSTS = [{it!r}]")),
    "a health route of Django": Place(
        "healthz/", lambda it: {**DJANGO, "conf/urls.py": f"urlpatterns = [path({it!r}, x)]\n"}
    ),
    "an included route of Django": Place(
        "api/",
        lambda it: {
            **DJANGO,
            "conf/urls.py": f"urlpatterns = [path({it!r}, include('conf.more'))]\n",
            "conf/more.py": "urlpatterns = [path('healthz/', x)]\n",
        },
    ),
    "a folder of Django": Place(
        "conf", lambda it: {name.replace("conf/", f"{it}/"): text for name, text in DJANGO.items()}
    ),
}
_OF_SOURCE: dict[str, Place] = {
    "what keeps state": Place("live", lambda it: {**FLAT, f"{it}.py": "import socketio\nx = socketio.AsyncServer()\n"}),
    "a file": Place("web", lambda it: {**FLAT, "main.py": "", f"{it}.py": APP}),
    "a folder": Place("web", lambda it: {"requirements.txt": "fastapi\n", f"{it}/web.py": APP}),
    "a folder below src": Place("shop", lambda it: {"requirements.txt": "fastapi\n", f"src/{it}/web.py": APP}),
    "an app of Flask": Place(
        "web",
        lambda it: {
            "requirements.txt": "flask\nflask-migrate\n",
            f"{it}.py": FLASK,
            "migrations/alembic.ini": "",
        },
    ),
    "a route": Place("/healthz", lambda it: {**FLAT, "main.py": f"{APP}@app.get({it!r})\ndef up(): ...\n"}),
    "a router's prefix": Place(
        "/api",
        lambda it: {
            **FLAT,
            "main.py": f"{_ROUTER.format(it)}@r.get('/healthz')\ndef up(): ...\napp.include_router(r)\n",
        },
    ),
    "an inclusion's prefix": Place(
        "/api",
        lambda it: {
            **FLAT,
            "main.py": f"{_ROUTER.format('')}@r.get('/livez')\ndef up(): ...\napp.include_router(r, prefix={it!r})\n",
        },
    ),
    "allowed_hosts": Place("shop.example", lambda it: in_app(f"app.add_middleware(x, allowed_hosts=[{it!r}])")),
    "an opened file": Place("data.txt", lambda it: {**in_app(f"X = open({it!r}).read()"), it: ""}),
    "an opened file that is usually left out": Place(
        "docs/a.txt", lambda it: {**in_app(f"X = open({it!r}).read()"), it: ""}
    ),
    "an opened certificate": Place(
        "ca", lambda it: {**in_app(f"X = open({f'{it}.pem'!r})"), f"{it}.pem": "-----BEGIN CERTIFICATE-----\n"}
    ),
    "a served folder": Place("static", lambda it: {**in_app(f"StaticFiles(directory={it!r})"), f"{it}/x.css": ""}),
    "a written folder": Place("out", lambda it: in_app(f"Path({it!r}).mkdir()")),
    "a written file": Place("/data/x", lambda it: in_app(f"open({it!r}, 'w')")),
    "a database": Place("./x.db", lambda it: in_app(f"X = {f'sqlite:///{it}'!r}")),
}
_OF_FILES: dict[str, Place] = {
    "alembic.ini": Place("[alembic]", lambda it: {**FLAT, "requirements.txt": "fastapi\nalembic\n", "alembic.ini": it}),
    "a requirement": Place("uvicorn", lambda it: {**FLAT, "requirements.txt": f"fastapi\n{it}\n"}),
    "a pinned asgictl": Place("0.1.0", lambda it: {**FLAT, "requirements.txt": f"fastapi\nasgictl=={it}\n"}),
    "an included file": Place("more.txt", lambda it: {**FLAT, "requirements.txt": f"-r {it}\n", it: "fastapi\n"}),
    "an editable": Place("lib", lambda it: {**FLAT, "requirements.txt": f"fastapi\n-e {it}\n", f"{it}/setup.py": ""}),
    "an index": Place(
        "simple", lambda it: {**FLAT, "requirements.txt": f"--index-url https://x.example/{it}\nfastapi\n"}
    ),
    ".python-version": Place("3.12", lambda it: {**FLAT, ".python-version": it}),
    ".tool-versions": Place("3.12.1", lambda it: {**FLAT, ".tool-versions": f"python {it}\n"}),
    "runtime.txt": Place("3.12", lambda it: {**FLAT, "runtime.txt": f"python-{it}"}),
    "pyvenv.cfg": Place("python", with_virtual_environment),
    "Procfile": Place("main", lambda it: {**FLAT, "Procfile": f"web: uvicorn {it}:app\n"}),
    ".env": Place("A", lambda it: {**FLAT, ".env": f"{it}=1\nA={it}\n"}),
    "compose.yaml": Place("shop", lambda it: {**FLAT, "compose.yaml": f"name: {it}\n"}),
    "kustomization.yaml": Place(
        "2.0", lambda it: {**FLAT, "kustomization.yaml": f"images:\n- name: shop\n  newTag: {it}\n"}
    ),
    "Dockerfile": Place("main", lambda it: {**FLAT, "Dockerfile": f'FROM {it}\nCMD ["uvicorn", "{it}:app"]\n'}),
    "a volume of the Dockerfile": Place(
        "/data", lambda it: {**FLAT, "Dockerfile": f"FROM python:3.12\nVOLUME {it}\nRUN apt-get install {it}\n"}
    ),
}
_OF_PYPROJECT: dict[str, Place] = {
    "a package": Place(
        "shop",
        lambda it: {
            "pyproject.toml": table(name=it) + "[tool.hatch.build]\nx = 1\n",
            f"{it}/__init__.py": "",
            f"{it}/main.py": APP,
        },
    ),
    "the name": Place("shop", lambda it: packaged(name=it)),
    "requires-python": Place(">=3.12", lambda it: packaged(**{"requires-python": it})),
    "a dependency": Place("uvicorn", lambda it: packaged(dependencies=["fastapi", it])),
    "the readme": Place("README.md", lambda it: {**packaged(readme=it), it: ""}),
    "the licence": Place("LICENSE", lambda it: {**packaged(f"[project.license]\nfile = {json.dumps(it)}\n"), it: ""}),
    "a script": Place("shop.main:app", lambda it: packaged(f"[project.scripts]\nx = {json.dumps(it)}\n")),
    "the app in pyproject.toml": Place(
        "main:app", lambda it: {**FLAT, "pyproject.toml": f"[tool.asgictl]\napp = {json.dumps(it)}\n"}
    ),
    "a group": Place("test", lambda it: packaged(f"{json.dumps(it)} = ['x']\n")),
    "an extra": Place("web", lambda it: packaged(f"[project.optional-dependencies.{json.dumps(it)}]\n")),
    "a workspace member": Place("services", workspace, str),
}
_OF_LOCKS: dict[str, Place] = {
    "a version in uv.lock": Place("0.1.0", lambda it: of_uv(entry(version=it))),
    "a name in uv.lock": Place("redis", lambda it: of_uv(entry(it), links=it)),
    "a folder in uv.lock": Place(
        "lib",
        lambda it: {
            **of_uv(entry(more=f"source = {{ directory = {json.dumps(it)} }}")),
            f"{it}/pyproject.toml": table(name="asgictl"),
        },
    ),
    "requires-python in uv.lock": Place(">=3.12", lambda it: of_uv(entry(), python=it)),
    "a version in poetry.lock": Place("0.1.0", lambda it: locked("poetry.lock", entry(version=it))),
    "a folder in poetry.lock": Place(
        "lib",
        lambda it: {
            **locked(
                "poetry.lock",
                entry(more=f"[package.source]\ntype = 'directory'\nurl = {json.dumps(it)}\n"),
            ),
            f"{it}/pyproject.toml": table(name="asgictl"),
        },
    ),
    "a group in poetry.lock": Place(
        "main", lambda it: locked("poetry.lock", entry(more=f"groups = [{json.dumps(it)}]"))
    ),
    "a version in pdm.lock": Place("0.1.0", lambda it: locked("pdm.lock", entry(version=it))),
    "a version in Pipfile.lock": Place(
        "==0.1.0",
        lambda it: {**_ALONE, "Pipfile": "", "Pipfile.lock": json.dumps({"default": {"asgictl": {"version": it}}})},
    ),
    "a Python in Pipfile": Place(
        "3.12",
        lambda it: {
            **_ALONE,
            "Pipfile": f"[requires]\npython_version = {json.dumps(it)}\n",
            "Pipfile.lock": json.dumps({"default": {"fastapi": {}}}),
        },
    ),
    "a version in pylock.toml": Place(
        "0.1.0",
        lambda it: {**_ALONE, "pylock.toml": entry(version=it).replace("[package]", "[packages]")},
    ),
}
PLACES = {**_OF_DJANGO, **_OF_SOURCE, **_OF_FILES, **_OF_PYPROJECT, **_OF_LOCKS}

# Projects that hold nothing but what one expects.
HARMLESS: list[Files] = [
    *(
        DJANGO,
        FLAT,
        packaged(),
        packaged(name="other"),
        {**FLAT, "main.py": APP},
        {**FLAT, "requirements.txt": "x\n-e .\n"},
    ),
    {**DJANGO, "conf/urls.py": ""},
    {**DJANGO, "manage.py": "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = ''\n"},
    {**DJANGO, "manage.py": "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'x.settings'\n"},
    {name: text for name, text in DJANGO.items() if not name.startswith("conf/")},
    settings_of(),
    settings_of(static=""),
    settings_of(more="X = os.environ['A']"),
    settings_of(urls="", static=""),
    {"requirements.txt": "fastapi\n", "src/shop/main.py": APP},
    {**packaged(readme="README.md"), "README.md": ""},
    {**FLAT, "requirements.txt": "fastapi\npsycopg2\n"},
    {**FLAT, "requirements.txt": "-r inner/x.txt\n", "inner/x.txt": "fastapi\n"},
    {**FLAT, "requirements.txt": "fastapi\nalembic\n", "alembic.ini": ""},
    moved(settings_of(more="DATABASES"), "src"),
    settings_of(more="DATABASES"),
    settings_of(more="X = env('A'), env('B')"),
    {**FLAT, "live.py": "import socketio\nx = socketio.AsyncServer()\n"},
    {**FLAT, "requirements.txt": "asgictl\n"},
    {**FLAT, "requirements.txt": "uvicorn\n"},
    {"pyproject.toml": table(dependencies=[]), "main.py": APP},
    *(locked(lock, entry("redis")) for lock in ("poetry.lock", "pdm.lock")),
    of_uv(entry("redis"), links="redis"),
]
