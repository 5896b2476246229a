"""Health checks ask what the app answers: routes in other modules, hosts that it lets in, and HTTPS in front."""

import ast
import re
from typing import Any

import pytest
import yaml

from asgictl.scaffold.detect import detect
from asgictl.scaffold.project import Asking, Health
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.uses import hosts
from tests.scaffold.conftest import APP, Lay, found
from tests.scaffold.test_planned import lines, project, text

FASTAPI = "router = APIRouter()\n@router.get('/health')\ndef health(): ...\n"
IN_API = FASTAPI.replace("APIRouter()", "APIRouter(prefix='/api')")
FLASK = "bp = Blueprint('x', __name__)\n@bp.route('/healthz')\ndef health(): ...\n"
LITESTAR = "@get('/health')\nasync def health() -> str: ...\n"
WITH_PREFIX = "from api import router\napp.include_router(router, prefix={})\n"
CONFIG = "class Base(BaseSettings):\n    V1: str = '/v1'\nclass Settings(Base):\n    API: str = Field('/api')\n"
PREFIXES: list[tuple[str, str, dict[str, str], str]] = [
    ("P = '/v1'\n", "P", {}, "/v1/health"),
    ("P = '/v1'\n", "f'{P}/in'", {}, "/v1/in/health"),
    ("from conf import P\n", "P + '/in'", {"conf.py": "P: str = '/v1'\n"}, "/v1/in/health"),
    ("import conf\n", "conf.P", {"conf.py": "P = '/v1'\n"}, "/v1/health"),
    ("from conf import s\n", "s.V1", {"conf.py": f"{CONFIG}s = Settings()\n"}, "/v1/health"),
    (
        "from conf import s\n",
        "s.API",
        {"conf.py": f"{CONFIG}def get():\n    return Settings()\ns = get()\n"},
        "/api/health",
    ),
    ("from conf import Settings\n", "f'{Settings.API}{Settings.V1}'", {"conf.py": CONFIG}, "/api/v1/health"),
]
UNKNOWN: list[tuple[str, str, dict[str, str]]] = [
    ("from conf import P\n", "P", {"conf.py": "P = environ['P']\n"}),
    ("from conf import P\n", "P", {"conf.py": "from main import P\n"}),
    ("P = f'{P}'\n", "P", {}),
    ("from conf import s\n", "s.OTHER", {"conf.py": f"{CONFIG}s = Settings()\n"}),
    ("from conf import s\n", "s.V1", {"conf.py": "s = s\ns = s()\n"}),
    ("from conf import s\n", "s.V1", {"conf.py": "class s(s):\n    V2 = 1\n"}),
    ("from conf import s\n", "s.V1", {"conf.py": "s = load()['x']\n"}),
]
INCLUDED: list[tuple[str, dict[str, str], str, int]] = [
    ("from api import router\napp.include_router(router)\n", {"api.py": FASTAPI}, "/health", 2),
    ("from api import router\napp.include_router(router, prefix='/v1')\n", {"api.py": IN_API}, "/v1/api/health", 2),
    ("import api\napp.include_router(api.router)\n", {"api.py": IN_API}, "/api/health", 2),
    (
        "from web import api\napp.include_router(api.router)\n",
        {"web/__init__.py": "", "web/api.py": FASTAPI},
        "/health",
        2,
    ),
    ("from api import router as r\ndef f():\n    app.include_router(r)\n", {"api.py": FASTAPI}, "/health", 2),
    (
        "from api import top\napp.include_router(top, prefix='/v1')\n",
        {
            "api.py": "from inner import router\ntop = APIRouter()\ntop.include_router(router, prefix='/in')\n",
            "inner.py": FASTAPI,
        },
        "/v1/in/health",
        2,
    ),
    (
        "from web import router\napp.include_router(router)\n",
        {"web/__init__.py": "from .api import router\n", "web/api.py": FASTAPI},
        "/health",
        2,
    ),
    (
        "from api import router\ndef create():\n    it = FastAPI()\n    it.include_router(router)\n    return it\n"
        "app = create()\n",
        {"api.py": FASTAPI},
        "/health",
        2,
    ),
    (
        "from api import create\napp = create()\n",
        {"api.py": "def create():\n    made = Flask('x')\n    made.get('/up')(f)\n    return made\n"},
        "/up",
        3,
    ),
    ("from api import sub\napp.mount('/sub', sub)\n", {"api.py": FASTAPI.replace("router", "sub")}, "/sub/health", 2),
    ("from api import bp\napp.register_blueprint(bp)\n", {"api.py": FLASK}, "/healthz", 2),
    ("from api import bp\napp.register_blueprint(bp, url_prefix='/x')\n", {"api.py": FLASK}, "/x/healthz", 2),
    ("from api import health\napp = Litestar(route_handlers=[health])\n", {"api.py": LITESTAR}, "/health", 1),
    (
        "from api import health\napp = Litestar(route_handlers=[Router(path='/x', route_handlers=[health])])\n",
        {"api.py": LITESTAR},
        "/x/health",
        1,
    ),
    (
        "from api import Checks\napp = Litestar(route_handlers=[Checks])\n",
        {"api.py": "class Checks(Controller):\n    path = '/x'\n    @get('/health')\n    async def f(self): ...\n"},
        "/x/health",
        3,
    ),
    (
        "from api import routes\napp = Starlette(routes=routes)\n",
        {"api.py": "routes = [Route('/healthz', f)]\n"},
        "/healthz",
        1,
    ),
    (
        "from api import routes\napp = Starlette(routes=[Mount('/x', routes=routes)])\n",
        {"api.py": "routes = [Route('/healthz', f)]\n"},
        "/x/healthz",
        1,
    ),
    ("from api import router\napp.include_router(router, prefix=settings.PREFIX)\n", {"api.py": FASTAPI}, "", 0),
    *(
        (
            f"{start}from api import router\napp.include_router(router, prefix={prefix})\n",
            {"api.py": FASTAPI, **files},
            path,
            2,
        )
        for start, prefix, files, path in PREFIXES
    ),
    ("from api import other\napp.include_router(other)\n", {"api.py": FASTAPI}, "", 0),
    ("from api import app as inner\napp.include_router(inner)\n", {"api.py": "from main import app\n"}, "", 0),
    (
        "from api import router\napp.include_router(router, prefix='/x')\n",
        {"api.py": FASTAPI.replace("health'", "up'")},
        "",
        0,
    ),
    ("from api import router\napp.include_router(router, prefix='/a b')\n", {"api.py": FASTAPI}, "", 0),
    ("from api import router\napp.include_router(router, prefix=\"/');evil('\")\n", {"api.py": FASTAPI}, "", 0),
    ("from api import router\napp.include_router(router, prefix='/{x}')\n", {"api.py": FASTAPI}, "", 0),
]


@pytest.mark.parametrize(("code", "files", "path", "line"), INCLUDED)
def test_included_routes(lay: Lay, code: str, files: dict[str, str], path: str, line: int) -> None:
    """A route for health in another module is asked by its whole path, where the source says that, and told."""
    health, source = found(lay(files, f"{APP}{code}"), "health", app="main:app")

    assert health == (path or "/")
    assert re.fullmatch(r"\S+\.py:(\d+)" if path else "no route .*", source)
    assert not path or source.endswith(f":{line}")


@pytest.mark.parametrize(("start", "prefix", "files"), UNKNOWN)
def test_a_prefix_that_the_source_does_not_say(lay: Lay, start: str, prefix: str, files: dict[str, str]) -> None:
    """A prefix of which only a run could tell is not guessed: the route is named in a note."""
    code = f"{start}{WITH_PREFIX.format(prefix)}"
    project = detect(ScaffoldRequest(app="main:app"), lay({"api.py": FASTAPI, **files}, f"{APP}{code}"))

    assert project.health == Health("/", strict=False)
    unset = "the app needs variables that have no default, and that `.env` does not set: P (conf.py:1)"
    assert project.notes == (
        "`/health` in api.py:2 may be for health; if so pass --health-path with its whole path",
        *([unset] if "environ['P']" in files.get("conf.py", "") else []),
    )


def test_a_path_by_its_keyword(lay: Lay) -> None:
    """A route of a controller that nothing in the source includes is named, however its path is given."""
    controller = "class Checks(Controller):\n    @get(name='x', path='/health')\n    async def f(self): ...\n"

    assert detect(ScaffoldRequest(), lay({"api.py": controller})).notes == (
        "`/health` in api.py:2 may be for health; if so pass --health-path with its whole path",
    )


SETTINGS = "ROOT_URLCONF = 'site_.urls'\nM = 'whitenoise.middleware'\n"
DJANGO = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\n",
    **dict.fromkeys(("site_/__init__.py", "shop/__init__.py"), ""),
    "site_/urls.py": "urlpatterns = [path('in/', include('shop.urls'))]\n",
    "shop/urls.py": "urlpatterns = [path('healthz/', x)]\n",
    "site_/asgi.py": "application = get_asgi_application()\n",
    "requirements.txt": "django\n",
}
UNSET = "the app needs variables that have no default, and that `.env` does not set: HOSTS (site_/settings.py:3)"
OF_SETTINGS = (
    "the hosts of site_/settings.py:3 are not all in the source: a check may be answered 400, which counts as healthy"
)
HOSTS = [
    ("", {}, None, False, ()),
    ("ALLOWED_HOSTS = ['a.b']", {}, "a.b", True, ()),
    ("ALLOWED_HOSTS = ['.a.b']", {}, "a.b", True, ()),
    ("ALLOWED_HOSTS = ['*']", {}, None, False, ()),
    ("ALLOWED_HOSTS = ['127.0.0.1', 'a.b']", {}, None, False, ()),
    ("ALLOWED_HOSTS = ['a.b']", {"domain": "c.d"}, "c.d", True, ()),
    ("ALLOWED_HOSTS = env.list('HOSTS')", {}, None, False, (UNSET, f"{OF_SETTINGS}, unless --domain says one")),
    ("ALLOWED_HOSTS = env.list('HOSTS')", {"domain": "c.d"}, "c.d", True, (UNSET,)),
]


@pytest.mark.parametrize(("line", "options", "host", "strict", "notes"), HOSTS)
def test_hosts_of_django(
    lay: Lay, line: str, options: dict[str, Any], host: str | None, strict: bool, notes: tuple[str, ...]
) -> None:
    """A check asks by a host that Django lets in, and then 400 is not well; where none is known, that is said."""
    found = detect(ScaffoldRequest(**options), lay({**DJANGO, "site_/settings.py": f"{SETTINGS}{line}\n"}, None))

    assert (found.health, found.asking.host) == (Health("/in/healthz/", strict=strict), host)
    assert found.notes == notes


MIDDLEWARE = [
    ("app.add_middleware(TrustedHostMiddleware, allowed_hosts=['app.example.com'])", "app.example.com", False, 0),
    ("x = [Middleware(TrustedHostMiddleware, allowed_hosts=['a.b', 'c.d'])]", "a.b", False, 0),
    ("AllowedHostsConfig(allowed_hosts=['a.b'])", "a.b", False, 0),
    ("AllowedHostsConfig(allowed_hosts=['a\\nRUN EVIL', \"a'b\", 'c.d'])", "c.d", False, 0),
    ("app.config['TRUSTED_HOSTS'] = ['a.b']", "a.b", False, 0),
    ("app.add_middleware(TrustedHostMiddleware, allowed_hosts=['*.example.com'])", None, False, 1),
    ("app.add_middleware(TrustedHostMiddleware, allowed_hosts=settings.hosts)", None, False, 1),
    ("app.add_middleware(TrustedHostMiddleware, allowed_hosts=None)", None, False, 0),
    ("app.add_middleware(HTTPSRedirectMiddleware)", None, True, 0),
    ("SECURE_SSL_REDIRECT = env.bool('X', default=True)", None, True, 0),
    ("SECURE_SSL_REDIRECT = False", None, False, 0),
    ("Talisman(app)", None, True, 0),
]


@pytest.mark.parametrize(("line", "host", "https", "notes"), MIDDLEWARE)
def test_hosts_of_middleware(lay: Lay, line: str, host: str | None, https: bool, notes: int) -> None:
    """A check asks as the proxy in front would, where the app lets certain hosts in, or HTTPS alone."""
    root = lay({"requirements.txt": "fastapi\n"}, f"{APP}{line}\n")
    project = detect(ScaffoldRequest(), root)

    assert project.asking == Asking(host, https=https)
    assert (
        project.notes
        == ("the hosts of main.py:3 are not all in the source: a check is turned away, unless --domain says one",)
        * notes
    )
    assert detect(ScaffoldRequest(domain="x.y"), root).asking == Asking("x.y", https=True)
    told = detect(ScaffoldRequest(targets="k8s"), root).notes  # the Ingress asks for the same option
    assert [it for it in told if "--domain" in it] == ["the Ingress is for app.example.com: pass --domain"]


def test_what_a_list_of_hosts_says() -> None:
    """A list that is not written out says what it can."""
    found = list(hosts.allowed(ast.walk(ast.parse("ALLOWED_HOSTS = ['a.b', HOST]\n"))))

    assert found == [(("a.b",), False, 1)]


def test_how_a_proxy_asks() -> None:
    """The host and the scheme are sent by the image's check and by the kubelet; over TLS the scheme need not be."""
    asked = project(asking=Asking("a.b", https=True))
    headers = "{'Host': 'a.b', 'X-Forwarded-Proto': 'https'}"

    assert f"c.request('GET','/up',headers={headers})" in text("Dockerfile", asked)
    assert "c.request('GET','/up',headers={'Host': 'a.b'})" in text("Dockerfile", asked, https=True)
    assert "c.request('GET','/up',headers={'Host': 'a.b'})" in text("compose.yaml", asked, https=True)
    container = next(yaml.safe_load_all(text("k8s.yaml", asked)))["spec"]["template"]["spec"]["containers"][0]
    sent = [{"name": "Host", "value": "a.b"}, {"name": "X-Forwarded-Proto", "value": "https"}]
    asked_for = {"path": "/up", "port": "http", "httpHeaders": sent}
    probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")]
    assert probes == [asked_for] * 3


BOTH = [
    (("/livez", "/readyz"), "/readyz", Asking(live="/livez")),
    (("/livez", "/readyz", "/healthz"), "/healthz", Asking(live="/livez", ready="/readyz")),
    (("/health/live", "/health/ready"), "/health/ready", Asking(live="/health/live")),
    (("/live",), "/live", Asking()),
    (("/live", "/health"), "/health", Asking(live="/live")),
    (("/healthz", "/ping"), "/healthz", Asking()),
]


@pytest.mark.parametrize(("paths", "path", "asking"), BOTH)
def test_alive_and_ready(lay: Lay, paths: tuple[str, ...], path: str, asking: Asking) -> None:
    """Where one route tells that the app lives and another that it is ready, each is asked what it is for."""
    routes = "".join(f"@app.get('{it}')\ndef f(): ...\n" for it in paths)
    found = detect(ScaffoldRequest(), lay({}, f"{APP}{routes}"))

    assert (found.health.path, found.asking) == (path, asking)
    manifest = text("k8s.yaml", found)
    probes = re.findall(r'httpGet: \{path: "(.*)", port', manifest)
    assert probes == [asking.ready or path, asking.ready or path, asking.live or path]
    assert f"c.request('GET','{asking.ready or path}')" in text("Dockerfile", found)
    quiet = [word for it in filter(None, (path, asking.live, asking.ready)) for word in ("--quiet-path", it)]
    assert lines("shop.service", "^ExecStart=", found)[0].split()[-len(quiet) :] == quiet


@pytest.mark.parametrize(("seconds", "failures"), [(60, 30), (1, 1), (301, 151)])
def test_slow_starts(seconds: int, failures: int) -> None:
    """A start may take as long as it is given, in every file."""
    probe = next(yaml.safe_load_all(text("k8s.yaml", startup_time=seconds)))["spec"]["template"]["spec"]["containers"][
        0
    ]

    assert f"--start-period={seconds}s " in text("Dockerfile", startup_time=seconds)
    assert (probe["startupProbe"]["periodSeconds"], probe["startupProbe"]["failureThreshold"]) == (2, failures)
    assert lines("shop.service", "^TimeoutStartSec=", startup_time=seconds) == [str(seconds)]
