"""What is planned for a project: commands, variables, probes, stand-ins, and which files hold them."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.version import Version

from asgictl import __version__, signature
from asgictl.errors import ConfigError
from asgictl.scaffold import plan, rendering, server_command, versions
from asgictl.scaffold.detect import detect
from asgictl.scaffold.project import App, Asking, Dependencies, Health, Migrations, Project, Statics, SystemPackages
from asgictl.scaffold.request import ScaffoldRequest

ROOT = Path("/home/me/shop")
APP = App("main:app", "asgi3", "fastapi", factory=False, folders=(), settings=None, file=ROOT / "main.py")


def project(**fields: Any) -> Project:
    """Return a project as it would be found, but for some fields."""
    found: dict[str, Any] = {
        "root": ROOT,
        "name": "shop",
        "python": "3.13",
        "deps": Dependencies("requirements", ("requirements.txt",), {"fastapi": None}),
        "app": APP,
        "package": False,
        "health": Health("/up", strict=True),
        "websockets": False,
        "statics": None,
        "apt": SystemPackages(),
        "folders": (),
        "needed": (),
        "in_git": False,
        "findings": (),
        "notes": (),
    }
    return Project(**{**found, **fields})


def text(name: str, found: Project | None = None, **options: Any) -> str:
    """Return one planned file."""
    request = ScaffoldRequest(**{"targets": "all", **options})
    return next(file.text for file in plan.plan(found or project(), request) if file.path == name)


def lines(name: str, pattern: str, found: Project | None = None, **options: Any) -> list[str]:
    """Return what follows a pattern in each line of a planned file."""
    return re.findall(rf"(?m){pattern}(.*)$", text(name, found, **options))


def test_which_files() -> None:
    """Each target has its files, `.gitignore` where there is a repository; the shared ones are blocks of lines."""
    request = ScaffoldRequest(targets="all")
    planned = plan.plan(project(in_git=True), request)

    assert [(file.path, file.merged) for file in planned] == [
        ("Dockerfile", False),
        (".dockerignore", True),
        ("compose.yaml", False),
        ("compose.dev.yaml", False),
        ("compose.watch.yaml", False),
        ("compose.prod.yaml", False),
        ("Caddyfile", False),
        ("deploy.sh", False),
        ("stack.yaml", False),
        ("k8s.yaml", False),
        ("kustomization.yaml", False),
        ("shop.service", False),
        ("shop.socket", False),
        (".gitignore", True),
    ]
    assert {file.path for file in planned if not signature.is_untouched(file.text)} == {".dockerignore", ".gitignore"}
    assert plan.plan(project(), request) == tuple(file for file in planned if file.path != ".gitignore")
    paths = [file.path for file in plan.plan(project(in_git=True), ScaffoldRequest(targets="compose,systemd"))]
    assert paths == ["compose.yaml", "shop.service", "shop.socket"]


@pytest.mark.parametrize(("graceful", "compose", "k8s", "unit"), [(1, 8, 30, 13), (13, 20, 30, 25), (14, 21, 31, 26)])
def test_budgets(graceful: int, compose: int, k8s: int, unit: int) -> None:
    """Each level has just the time that the one below needs, and Kubernetes never less than its usual 30 s."""
    assert plan.budgets(graceful) == {"compose": compose, "k8s": k8s, "unit": unit}
    assert lines("compose.yaml", "stop_grace_period: ", graceful=graceful) == [
        f"{compose}s # the server itself takes {graceful}s at most for open requests"
    ]
    assert lines("k8s.yaml", "terminationGracePeriodSeconds: ", graceful=graceful) == [
        f"{k8s} # preStop 10s, then {graceful}s for open requests"
    ]
    assert lines("shop.service", "TimeoutStopSec=", graceful=graceful) == [str(unit)]


FACTORY = APP._replace(name="x:make", factory=True)
WSGI = APP._replace(interface="wsgi")
SERVERS = [
    (APP, {}, "asgictl serve main:app --prod --quiet-path /up"),
    (FACTORY, {}, "asgictl serve x:make --factory --prod --quiet-path /up"),
    (APP, {"graceful": 9}, "asgictl serve main:app --prod --graceful-timeout 9 --quiet-path /up"),
    (APP, {"runner": "uvicorn"}, "uvicorn main:app --timeout-graceful-shutdown 8"),
    (
        FACTORY._replace(interface="asgi2"),
        {"runner": "uvicorn", "graceful": 9},
        "uvicorn x:make --factory --interface asgi2 --timeout-graceful-shutdown 9",
    ),
    (WSGI, {"runner": "uvicorn"}, "uvicorn main:app --interface wsgi --timeout-graceful-shutdown 8"),
    (WSGI, {}, "asgictl serve main:app --prod --quiet-path /up"),
]


@pytest.mark.parametrize(("app", "options", "expected"), SERVERS)
def test_servers(app: App, options: dict[str, Any], expected: str) -> None:
    """The server is started with what it needs to know of the app, in the image and by systemd."""
    found = project(app=app)
    fd = " --fd 3" if "runner" in options else ""

    assert json.loads(lines("Dockerfile", "^CMD ", found, **options)[0]) == expected.split()
    assert lines("shop.service", "^ExecStart=", found, **options) == [f"/srv/shop/.venv/bin/{expected}{fd}"]
    assert lines("shop.service", "^Type=", found, **options) == ["exec" if fd else "notify"]


def test_no_quiet_path() -> None:
    """Where no route for health is known the log keeps each request."""
    assert server_command.server(project(health=Health("/", strict=False)), ScaffoldRequest()) == (
        *("asgictl", "serve", "main:app", "--prod"),
    )


DEVELOPMENT = [
    (APP, {}, "asgictl serve main:app --reload --graceful-timeout 1 --show-errors always"),
    (FACTORY, {"runner": "uvicorn"}, "uvicorn x:make --factory --reload"),
]


@pytest.mark.parametrize(("app", "options", "expected"), DEVELOPMENT)
def test_development(app: App, options: dict[str, Any], expected: str) -> None:
    """While developing the server follows edits, and shows errors where it can."""
    for name in ("compose.dev.yaml", "compose.watch.yaml"):
        service = yaml.load(text(name, project(app=app), **options), Loader=yaml.BaseLoader)["services"]["web"]
        assert service["command"] == expected.split()


PORTS = [
    ({}, "ASGICTL_SERVE_PORT", None),
    ({"runner": "uvicorn"}, "UVICORN_PORT", None),
    ({"port_env": "PORT"}, "PORT", None),
    ({"port_env": "ASGICTL_SERVE_PORT"}, "ASGICTL_SERVE_PORT", None),
    ({"port_env": "UVICORN_PORT", "runner": "uvicorn"}, "UVICORN_PORT", None),
    ({"port_env": "X"}, "X", 'exec asgictl serve main:app --prod --quiet-path /up --port "${X:-9000}"'),
    (
        {"port_env": "PORT", "runner": "uvicorn"},
        "PORT",
        'exec uvicorn main:app --timeout-graceful-shutdown 8 --port "${PORT:-9000}"',
    ),
]


@pytest.mark.parametrize(("options", "variable", "shell"), PORTS)
def test_ports(options: dict[str, Any], variable: str, shell: str | None) -> None:
    """A variable that the server does not read itself is handed on by a shell that gives way to it."""
    command = json.loads(lines("Dockerfile", "^CMD ", port=9000, **options)[0])
    host = {"asgictl": "ASGICTL_SERVE_HOST", "uvicorn": "UVICORN_HOST"}[options.get("runner", "asgictl")]

    assert command[0] in {"asgictl", "uvicorn"} if shell is None else command == ["sh", "-c", shell]
    assert lines("Dockerfile", f"    {host}=", port=9000, **options) == ["0.0.0.0 \\"]
    assert lines("Dockerfile", f"    {variable}=", port=9000, **options) == ["9000"]
    assert f"os.environ.get('{variable}') or 9000)" in text("Dockerfile", port=9000, **options)


def test_how_health_is_asked() -> None:
    """The check asks the path on the port that counts, by TLS where that is served, and takes what is well."""
    assert server_command.health(Health("/up", strict=True), "X", 8000) == [
        "python",
        "-c",
        "import http.client as h,os,sys;"
        "c=h.HTTPConnection('127.0.0.1',int(os.environ.get('X') or 8000),timeout=4);"
        "c.request('GET','/up');sys.exit(c.getresponse().status>=400)",
    ]
    assert server_command.health(Health("/", strict=False), "X", 8000, https=True)[2] == (
        "import http.client as h,os,ssl as s,sys;"
        "c=h.HTTPSConnection('127.0.0.1',int(os.environ.get('X') or 8000),timeout=4,"
        "context=s._create_unverified_context());"
        "c.request('GET','/');sys.exit(c.getresponse().status>=500)"
    )


HOST = ', httpHeaders: [{name: Host, value: "a.b"}]'
PROBES = [
    (Health("/up", strict=True), None, 'httpGet: {path: "/up", port: http}'),
    (Health("/up", strict=True), "a.b", f'httpGet: {{path: "/up", port: http{HOST}}}'),
    (Health("/up", strict=False), "a.b", f'httpGet: {{path: "/up", port: http{HOST}}}'),
    (Health("/up", strict=False), None, "tcpSocket: {port: http}"),
    (Health("/", strict=False), "a.b", "tcpSocket: {port: http}"),
    (Health("/", strict=True), None, 'httpGet: {path: "/", port: http}'),
]


@pytest.mark.parametrize(("health", "domain", "probe"), PROBES)
def test_probes(health: Health, domain: str | None, probe: str) -> None:
    """The kubelet asks the route for health by the name that the app knows, or else whether the port is open."""
    manifest = text("k8s.yaml", project(health=health, asking=Asking(domain)), domain=domain)

    assert re.findall(r"(?m)^ +((?:httpGet|tcpSocket).*)$", manifest) == [probe] * 3


KEY = "only-for-the-build-of-the-image-this-is-not-a-secret-of-anything"
VARIABLES = [
    ("SECRET_KEY", KEY),
    ("APP_SECRET", KEY),
    ("DATABASE_URL", "sqlite:///:memory:"),
    ("MY_DATABASE_URL", "sqlite:///:memory:"),
    ("CACHE_URL", "http://build.invalid"),
    ("URL", "1"),
]


@pytest.mark.parametrize(("name", "value"), VARIABLES)
def test_stand_ins(name: str, value: str) -> None:
    """While static files are collected each variable has a value of the kind that its name promises."""
    found = project(statics=Statics({name: "str", "X": "str"}))

    assert lines("Dockerfile", "^RUN (?=.*collectstatic)", found) == [
        f"{name}={value} X=1 python manage.py collectstatic --noinput"
    ]


SERVER = '"asgictl==${ASGICTL_VERSION}"'
UVICORN = '"uvicorn==${UVICORN_VERSION}"'


def test_versions_are_versions() -> None:
    """What images are built with is pinned to versions as PEP 440 writes them."""
    pinned = [versions.pinned(name, f"3.{minor}") for name in versions.NAMES for minor in range(8, 15)]

    assert [str(Version(it)) for it in pinned] == pinned


A2WSGI, WEBSOCKETS = (f"{name}=={versions.pinned(name, '3.12')}" for name in ("a2wsgi", "websockets"))
INSTALLS = [
    ({}, {}, [], SERVER),
    ({"asgictl": None}, {}, [], None),
    ({"uvicorn": None}, {}, [], SERVER),
    ({}, {"websockets": True, "app": WSGI}, [], SERVER),
    ({}, {}, ["uvicorn"], UVICORN),
    ({"uvicorn": "1"}, {}, ["uvicorn"], None),
    ({}, {"app": WSGI}, ["uvicorn"], f"{UVICORN} {A2WSGI}"),
    ({"a2wsgi": None}, {"app": WSGI}, ["uvicorn"], UVICORN),
    ({}, {"websockets": True}, ["uvicorn"], f"{UVICORN} {WEBSOCKETS}"),
    ({"uvicorn": None}, {"websockets": True}, ["uvicorn"], WEBSOCKETS),
    ({"websockets": None}, {"websockets": True}, ["uvicorn"], UVICORN),
    ({"wsproto": None}, {"websockets": True}, ["uvicorn"], UVICORN),
]


@pytest.mark.parametrize(("pinned", "fields", "runner", "installed"), INSTALLS)
def test_what_is_installed_beside(
    pinned: dict[str, str | None], fields: dict[str, Any], runner: list[Any], installed: str | None
) -> None:
    """The server, and what it lacks for this app, is installed, but not what the project brings."""
    found = project(deps=Dependencies("requirements", ("requirements.txt",), pinned), **fields)
    options = {"runner": runner[0]} if runner else {}
    name, version = ("UVICORN", versions.pinned("uvicorn", "3.12")) if runner else ("ASGICTL", __version__)

    assert lines("Dockerfile", "&& pip --python /opt/venv install ", found, **options) == (
        [installed] if installed else []
    )
    there = installed is not None and f"{name}_VERSION" in installed
    assert lines("Dockerfile", f"^ARG {name}_VERSION", found, **options) == ([f"={version}", ""] if there else [])


OLDER: list[tuple[str, Any, dict[str, Any], list[str]]] = [
    ("3.7", "requirements", {}, ["UVICORN_VERSION=0.22.0"]),
    ("3.8", "poetry", {"index_url": "https://x.example"}, ["POETRY_VERSION=1.8.5", "UVICORN_VERSION=0.33.0"]),
    ("3.9", "pdm", {}, ["PDM_VERSION=2.26.9", "UVICORN_VERSION=0.39.0"]),
    ("3.9.7", "pipenv", {}, ["PIPENV_VERSION=2025.0.4", "UVICORN_VERSION=0.39.0"]),
    ("3.10", "uv", {}, ["UV_VERSION=0.13.9", "UVICORN_VERSION=0.54.0"]),
]


@pytest.mark.parametrize(("python", "kind", "options", "arguments"), OLDER)
def test_an_older_python(python: str, kind: Any, options: dict[str, Any], arguments: list[str]) -> None:
    """An image of an older Python is built with the newest versions that this one can install."""
    found = project(python=python, websockets=True, deps=Dependencies(kind, ("pyproject.toml", "x.lock"), {}))
    dockerfile = text("Dockerfile", found, runner="uvicorn", **options)

    assert re.findall(r"(?m)^ARG (\w+=.*)", dockerfile.partition("FROM")[0]) == [f"PYTHON_VERSION={python}", *arguments]
    beside = re.findall(r"(?:websockets|poetry-plugin-export)==\S+", dockerfile)
    assert (
        beside
        == {
            "3.7": ["websockets==11.0.3"],
            "3.8": ["poetry-plugin-export==1.8.0", "websockets==13.1"],
            "3.9": ["websockets==15.0.1"],
            "3.9.7": ["websockets==15.0.1"],
            "3.10": ["websockets==16.1.1"],
        }[python]
    )


def test_a_python_that_is_too_old() -> None:
    """Where no version of what an image is built with is known for a Python, the error says which Python there is."""
    found = project(python="3.7", deps=Dependencies("uv", ("pyproject.toml", "uv.lock"), {}))

    with pytest.raises(ConfigError) as error:
        text("Dockerfile", found)

    assert (error.value.message, error.value.hint, error.value.option) == (
        "Python 3.7 is too old for every uv that images are built with",
        "pass --python 3.8, or a newer one",
        "python",
    )


ENVIRONMENT = ["PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1", "PYTHONFAULTHANDLER=1", "HOME=/tmp"]
ADDRESS = ["ASGICTL_SERVE_HOST=0.0.0.0", "ASGICTL_SERVE_PORT=8000"]
ENVIRONMENTS = [
    ({}, {}, []),
    ({"app": APP._replace(folders=("src", "lib"))}, {}, ["PYTHONPATH=/app/src:/app/lib"]),
    ({"app": APP._replace(folders=("src",)), "package": True}, {}, []),
    ({"app": APP._replace(settings="x.settings")}, {}, ["DJANGO_SETTINGS_MODULE=x.settings"]),
    ({}, {"workers": 3}, ["WEB_CONCURRENCY=3"]),
]


@pytest.mark.parametrize(("fields", "options", "more"), ENVIRONMENTS)
def test_environment(fields: dict[str, Any], options: dict[str, Any], more: list[str]) -> None:
    """The image has the variables that the server and the app need, systemd's service as well."""
    dockerfile = text("Dockerfile", project(**fields), **options)

    found = re.search(r"(?m)^ENV PATH=/opt/venv/bin:\$PATH \\\n((?:    .*\\\n)*    .*)$", dockerfile)
    assert found is not None
    assert [line.strip(" \\") for line in found[1].splitlines()] == [*ENVIRONMENT, *more, *ADDRESS]
    unit = lines("shop.service", "^Environment=", project(**fields), **options)
    places = [line.replace("/app/", "/srv/shop/") for line in more]
    assert unit[:3] == ["PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1", "HOME=/tmp"]
    assert unit[3:] == (["PYTHONPATH=/srv/shop/src"] if fields.get("package") else places)


@pytest.mark.parametrize(
    ("memory", "asked", "limit"),
    [("64M", "64Mi", "64Mi"), ("128M", "128Mi", "128Mi"), ("129M", "128Mi", "129Mi"), ("1G", "128Mi", "1Gi")],
)
def test_memory(memory: str, asked: str, limit: str) -> None:
    """A pod asks for 128 MiB, or for its limit where that is less; the limit is the same everywhere."""
    manifest = text("k8s.yaml", memory=memory)

    assert f"requests: {{cpu: 100m, memory: {asked}}}\n            limits: {{memory: {limit}}}" in manifest
    assert lines("compose.yaml", "mem_limit: ", memory=memory) == [memory.lower()]
    assert lines("shop.service", "^MemoryMax=", memory=memory) == [memory]


FILES = [
    (("requirements.txt",), False, ["requirements.txt ./"]),
    (("a/x.txt", "y.txt", "a/z.txt", "b/c/w.txt"), False, ["a/x.txt a/z.txt a/", "y.txt ./", "b/c/w.txt b/c/"]),
    (("a/x.txt",), True, [". ./"]),
]


@pytest.mark.parametrize(("files", "local", "copied"), FILES)
def test_files_for_the_dependencies(files: tuple[str, ...], local: bool, copied: list[str]) -> None:
    """Before anything is installed the lists are copied to where they lie, or everything where one needs it."""
    found = project(deps=Dependencies("requirements", files, {}, local))

    assert lines("Dockerfile", "^COPY (?!--)", found)[:-1] == copied
    assert lines("Dockerfile", "^WORKDIR ", found) == ["/app" if local else "/src", "/app"]
    assert lines("Dockerfile", "install -r ", found) == [files[0]]
    rebuilt = re.findall(r'action: rebuild\n +path: "(.*)"', text("compose.watch.yaml", found))
    assert rebuilt == [*files, "Dockerfile"]


@pytest.mark.parametrize(
    ("kind", "tool"),
    [
        ("uv", "uv"),
        ("pylock", "uv"),
        ("pyproject", "uv"),
        ("poetry", "poetry"),
        ("pdm", "pdm"),
        ("pipenv", "pipenv"),
        ("requirements", None),
        ("none", None),
    ],
)
def test_tools(kind: Any, tool: str | None) -> None:
    """Each kind of dependencies is installed by its tool, in the version that is known to work."""
    found = project(deps=Dependencies(kind, ("pyproject.toml", "pylock.toml"), {}))

    for name in ("uv", "poetry", "pdm", "pipenv"):
        expected = [f"={versions.pinned(name, '3.12')}", ""] if name == tool else []
        assert lines("Dockerfile", f"^ARG {name.upper()}_VERSION", found) == expected
    synced = lines("Dockerfile", "uv pip sync --python /opt/venv ", found)
    assert synced == (["pylock.toml \\"] if kind == "pylock" else [])


def test_restarts() -> None:
    """A container comes back unless the user has stopped it; the one with the code mounted always does."""
    assert lines("compose.yaml", "restart: ") == ["unless-stopped"]
    assert lines("compose.yaml", "restart: ", mode="bind") == ["always"]
    assert [line for line in text("compose.prod.yaml").splitlines() if "restart" in line] == [
        "    restart: unless-stopped"
    ] * 2


@pytest.mark.parametrize(("options", "asked", "most"), [({}, "2", "6"), ({"replicas": 5}, "5", "15")])
def test_replicas(options: dict[str, Any], asked: str, most: str) -> None:
    """As many replicas run as are asked for, or two; Kubernetes' autoscaler holds up to three times as many."""
    web = yaml.load(text("compose.prod.yaml", **options), Loader=yaml.BaseLoader)["services"]["web"]

    assert web["deploy"] == {"replicas": asked}
    assert lines("k8s.yaml", "[rR]eplicas: ", **options) == [asked, most]


def test_who_is_believed() -> None:
    """The proxy in front is trusted for the client's address where no port is published."""
    web = yaml.load(text("compose.prod.yaml"), Loader=yaml.BaseLoader)["services"]["web"]

    assert (web["ports"], web["environment"]) == ([], {"FORWARDED_ALLOW_IPS": "*"})


def test_the_socket_of_a_service() -> None:
    """The service comes with a socket that is systemd's, and so stays open while the service restarts."""
    assert lines("shop.service", "^Requires=") == ["shop.socket"]
    assert re.sub(r"(?m)^#.*\n", "", text("shop.socket", port=9000)).split() == [
        *("[Unit]", "Description=shop,", "its", "socket"),
        *("[Socket]", "ListenStream=127.0.0.1:9000", "NoDelay=true", "Backlog=2048"),
        *("[Install]", "WantedBy=sockets.target"),
    ]


@pytest.mark.parametrize(("runner", "prefix"), [("asgictl", "ASGICTL_SERVE"), ("uvicorn", "UVICORN")])
def test_https_in_the_container(runner: Any, prefix: str) -> None:
    """With `--https` the pair comes as secrets, the server is told where, and is asked over TLS how it is."""
    compose = yaml.load(text("compose.yaml", https=True, runner=runner), Loader=yaml.BaseLoader)
    web = compose["services"]["web"]

    assert compose["secrets"] == {"cert.pem": {"file": "./ssl/cert.pem"}, "cert.key": {"file": "./ssl/cert.key"}}
    assert web["secrets"] == ["cert.pem", "cert.key"]
    assert web["environment"] == {
        f"{prefix}_SSL_CERTFILE": "/run/secrets/cert.pem",
        f"{prefix}_SSL_KEYFILE": "/run/secrets/cert.key",
    }
    asked = server_command.health(Health("/up", strict=True), f"{prefix}_PORT", 8000, https=True)
    assert web["healthcheck"] == {"test": ["CMD", *asked]}
    assert "healthcheck" not in text("compose.yaml")


def test_where_images_come_from() -> None:
    """A prefix for images is in front of Python's and Caddy's, with or without a slash at its end."""
    for prefix in ("mirror.example/hub", "mirror.example/hub/"):
        assert set(lines("Dockerfile", "^FROM mirror.example/hub/", registry_prefix=prefix)) == {
            "python:${PYTHON_VERSION}-slim AS build",
            "python:${PYTHON_VERSION}-slim AS server",
        }
        assert lines("compose.prod.yaml", "image: ", registry_prefix=prefix) == [
            f"mirror.example/hub/caddy:{versions.CADDY}"
        ]
    assert lines("compose.prod.yaml", "image: ") == [f"caddy:{versions.CADDY}"]


def test_debian_packages() -> None:
    """What the build needs of Debian's packages is installed in its stage alone, what the server needs in its own."""
    found = project(apt=SystemPackages(build=("libpq-dev", "git"), runtime=("libpq5",)))
    stages = text("Dockerfile", found).split("\nFROM ")[1:]

    installed = [re.findall(r"apt-get install -y --no-install-recommends (.*) \\\n", stage) for stage in stages]
    assert installed == [["libpq-dev git"], ["libpq5"], []]
    assert "apt-get" not in text("Dockerfile")


def test_a_terminal() -> None:
    """A container has a terminal when it is asked for, and with the code mounted always."""
    assert lines("compose.yaml", "tty: ") == []
    assert lines("compose.yaml", "tty: ", tty=True) == ["true"]
    assert lines("compose.yaml", "tty: ", mode="bind") == ["true"]


def test_the_proxy_tries_again() -> None:
    """A request that meets a replica which is just restarting goes to another one, for five seconds."""
    proxy = re.search(r"reverse_proxy \{\n(.*)\n\t\}", text("Caddyfile", port=9000), re.DOTALL)

    assert proxy
    assert proxy[1].split() == [
        *("dynamic", "a", "web", "9000", "{", "refresh", "1s", "}"),
        *("lb_policy", "least_conn"),
        *("lb_try_duration", "5s"),
        *("lb_try_interval", "100ms"),
        *("lb_retry_match", "{", "method", "GET", "HEAD", "OPTIONS"),
        *("#", "any", "other", "one", "only", "where", "no", "replica", "has", "had", "it", "}"),
        *("fail_duration", "10s"),
        *("stream_close_delay", "5m", "#", "or", "a", "reload", "would", "cut", "every", "WebSocket"),
        *("transport", "http", "{", "dial_timeout", "1s", "keepalive", "3s"),
        *("#", "the", "server", "closes", "an", "idle", "connection", "after", "5", "s", "}"),
    ]


@pytest.mark.parametrize(
    ("options", "host", "domain"),
    [
        ({}, "app.example.com", "${DOMAIN:?set DOMAIN, for example app.example.com}"),
        ({"domain": "shop.test"}, "shop.test", "${DOMAIN:-shop.test}"),
    ],
)
def test_domains(options: dict[str, Any], host: str, domain: str) -> None:
    """A domain that is given is the ingress's, and the one that Caddy serves unless a variable says otherwise."""
    ingress = list(yaml.safe_load_all(text("k8s.yaml", **options)))[-1]["spec"]
    proxy = yaml.load(text("compose.prod.yaml", **options), Loader=yaml.BaseLoader)["services"]["proxy"]

    assert ingress["tls"] == [{"hosts": [host], "secretName": "shop-tls"}]
    assert [rule["host"] for rule in ingress["rules"]] == [host]
    assert proxy["environment"] == {"DOMAIN": domain}
    assert "{$DOMAIN} {" in text("Caddyfile").splitlines()


def test_code_that_is_mounted() -> None:
    """With `--mode bind` an image without the code is built, and the code mounted, which the server cannot change."""
    services = [yaml.safe_load(text("compose.yaml", mode=mode))["services"]["web"] for mode in ("bind", "copy")]

    assert [web["build"]["target"] for web in services] == ["server", "runtime"]
    assert [web.get("volumes") for web in services] == [[".:/app:ro"], None]
    assert [web.get("command") for web in services] == [
        [*server_command.production(project(), ScaffoldRequest(runner="asgictl"))],
        None,
    ]


def test_edits_that_are_copied() -> None:
    """An edit is copied to where the server looks for it; a change of what is installed rebuilds the image."""
    watched = yaml.safe_load(text("compose.watch.yaml"))["services"]["web"]["develop"]["watch"]

    assert watched == [
        {
            "action": "sync",
            "path": ".",
            "target": "/app",
            "ignore": [".git/", ".venv/", "venv/", "node_modules/", "**/__pycache__/"],
        },
        {"action": "rebuild", "path": "requirements.txt"},
        {"action": "rebuild", "path": "Dockerfile"},
    ]


def test_paths_while_developing() -> None:
    """A package that is installed gives way to the code that is mounted."""
    src = APP._replace(folders=("src",))

    for name in ("compose.dev.yaml", "compose.watch.yaml"):
        assert lines(name, "PYTHONPATH: ", project(app=src, package=True)) == ["/app/src:/app"]
        assert lines(name, "PYTHONPATH: ", project(package=True)) == ["/app"]
        assert lines(name, "PYTHONPATH: ", project(app=src)) == []
    assert lines("compose.dev.yaml", "target: ", project(package=True)) == ["runtime"]
    assert lines("compose.dev.yaml", "target: ", project()) == ["server"]


def test_what_poetry_needs_for_a_mirror() -> None:
    """For a mirror the lock is exported, by a plugin of Poetry's in the version that is known to work."""
    found = project(deps=Dependencies("poetry", ("pyproject.toml", "poetry.lock"), {}))

    assert lines("Dockerfile", 'pip install "poetry==', found) == ['${POETRY_VERSION}" \\']
    assert lines("Dockerfile", 'pip install "poetry==', found, index_url="https://x.example") == [
        f'${{POETRY_VERSION}}" poetry-plugin-export=={versions.pinned("poetry-plugin-export", "3.12")} \\'
    ]


def test_quoting() -> None:
    """Strings and lists are written so that YAML, JSON and compose read them as they are."""
    assert rendering.quoted('a "b" $c ä') == '"a \\"b\\" $c ä"'
    assert rendering.quoted(Path("/x")) == '"/x"'
    assert rendering.flow(["$a", 1, "ä"]) == '["$$a", "1", "ä"]'
    assert lines("shop.service", "--quiet-path ", project(health=Health("/a%20b", strict=True))) == ["/a%%20b"]
    with pytest.raises(Exception, match="'name' is undefined"):
        rendering.render("compose.yaml.j2", {})


def test_the_same_by_detection(tmp_path: Path) -> None:
    """What is found in a real folder is planned as what is written down here."""
    root = tmp_path / "shop"
    root.mkdir()
    (root / "main.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n@app.get('/up')\ndef up(): ...\n")
    (root / "requirements.txt").write_text("fastapi\n")
    (root / ".python-version").write_text("3.13\n")
    request = ScaffoldRequest(targets="all")

    assert plan.plan(detect(request, root), request) == plan.plan(project(), request)


def test_interpreters_that_a_unit_sees() -> None:
    """Homes are hidden from the service, but for the interpreters that uv or pyenv has installed for root."""
    assert lines("shop.service", "ProtectHome=") == ["tmpfs"]
    assert lines("shop.service", "BindReadOnlyPaths=") == ["-/root/.local/share/uv/python -/root/.pyenv/versions"]


@pytest.mark.parametrize("name", ["123", "0x1f", "2020-01-01", "null", "no", "1-2", "data"])
@pytest.mark.parametrize("target", ["compose", "swarm"])
def test_a_volume_is_called_as_it_is(name: str, target: str) -> None:
    """Whatever else YAML could take its name for, a volume is called so in each file."""
    file = {"compose": "compose.yaml", "swarm": "stack.yaml"}[target]
    written = yaml.safe_load(text(file, volume=(f"{name}:/data",)))

    assert name in written["volumes"]
    assert any(it == f"{name}:/data" for it in written["services"]["web"]["volumes"])


def test_static_files_of_a_unit(tmp_path: Path) -> None:
    """A version of a service has Django's static files before it serves: its command collects them in its folder."""
    app = APP._replace(settings="conf.live", folders=("src",))
    found = project(
        app=app, statics=Statics({"KEY": "str"}, "src/manage.py"), migrations=Migrations(("python", "x"), "x")
    )
    python = tmp_path / "shop-2/.venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$PWD $DJANGO_SETTINGS_MODULE $PYTHONPATH $KEY" "$@"\n')
    python.chmod(0o755)

    first, new = (line for line in text("shop.service", found, build_env=("KEY=it's $x",)).splitlines() if "-m" in line)
    collecting, _, others = new.removeprefix("#   ").partition(" && systemctl")
    ran = subprocess.run(
        ["/bin/sh", "-c", collecting.replace("/srv", str(tmp_path))], capture_output=True, text=True, check=True
    )
    assert ran.stdout == f"{tmp_path}/shop-2 conf.live src it's $x src/manage.py collectstatic --noinput\n"
    assert first == "#   systemctl start shop-migrate@shop"
    assert others == " start shop-migrate@shop-2 && ln -sfT shop-2 /srv/shop && systemctl restart shop"
    assert f"#   {collecting.replace('shop-2', 'shop')}\n#   systemctl start" in text(
        "shop.service", found, build_env=("KEY=it's $x",)
    )
    assert "collectstatic" not in text("shop.service", found._replace(statics=None))
    made = (
        "#   (cd /srv/shop && mkdir -p media logs && PYTHONPATH=src "  # as in the image: settings may open a log there
    )
    assert made in text("shop.service", found, volume=("m:/app/media", "d:/data", "l:/app/logs"))


@pytest.mark.parametrize("name", ["compose.yaml", "compose.prod.yaml", "stack.yaml"])
def test_every_container_has_its_limits(name: str) -> None:
    """No service of production, the proxy included, takes all memory, or fills the disk with its log."""
    found = project(migrations=Migrations(("alembic", "upgrade", "head"), "alembic.ini"))
    services = yaml.load(text(name, found), Loader=yaml.BaseLoader)["services"]
    # One that extends another has its limits, as one in compose.prod.yaml has those of compose.yaml.
    own = {
        key: it for key, it in services.items() if "extends" not in it and (name, key) != ("compose.prod.yaml", "web")
    }

    rotated = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}
    assert {key: it["logging"] for key, it in own.items()} == dict.fromkeys(own, rotated)
    limits = [it.get("mem_limit") or it["deploy"]["resources"]["limits"]["memory"] for it in own.values()]
    assert limits == ["512M" if name == "stack.yaml" else "512m"] * len(own)
