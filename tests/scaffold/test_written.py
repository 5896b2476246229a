"""Everything that is written parses, validates, and says the same everywhere, whatever the names and options."""

import configparser
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgictl import image
from asgictl.errors import ConfigError
from asgictl.scaffold import ignore_files, lint, plan
from asgictl.scaffold.accepted import as_name, check, is_name
from asgictl.scaffold.detect import detect
from asgictl.scaffold.lint import containers
from asgictl.scaffold.request import TARGETS, ScaffoldRequest
from tests.conftest import linux

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
APP = """
from fastapi import FastAPI
app = FastAPI()
@app.get("/healthz")
def healthz(): return "ok"
@app.websocket("/ws")
async def ws(websocket): ...
"""
WORD = st.text("abcxyz-_.019 äß$\"'{}\\#%:", min_size=1, max_size=12)
LABEL = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True).filter(is_name)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "name": LABEL,
        "mode": st.sampled_from(["copy", "bind"]),
        "runner": st.sampled_from(["asgictl", "uvicorn"]),
        "python": st.sampled_from(["3.11", "3.13"]),
        "port": st.integers(1, 65535),
        "port_env": st.from_regex(r"X[A-Za-z0-9_]{0,8}", fullmatch=True) | st.just("PORT"),
        "health_path": st.from_regex(r"/([A-Za-z0-9._~%+@:-][A-Za-z0-9._~/%+@:-]{0,12})?", fullmatch=True),
        "workers": st.integers(1, 512),
        "workdir": st.from_regex(r"(/x[A-Za-z0-9_-]{0,6}){1,3}", fullmatch=True),
        "apt": st.lists(st.sampled_from(["libpq5", "g++", "libgl1"]), max_size=2, unique=True).map(tuple),
        "index_url": st.sampled_from(["https://mirror.example.com/simple", "http://[::1]:3141/x/+simple/?a=%20&b=1"]),
        "index_secret": st.sampled_from(["netrc", "/etc/netrc", "~/.netrc", "../netrc"]),
        "registry_prefix": st.sampled_from(["registry.example.com:5000/hub", "mirror/"]),
        "domain": st.sampled_from(["localhost", "shop.example.com", "a-b.c1.dev"]),
        "replicas": st.integers(1, 1000),
        "image": st.sampled_from(["registry.example.com:5000/team/shop", "me/shop"]),
        "ingress_class": st.sampled_from(["nginx", "traefik", "internal.example.com"]),
        "proxy_namespace": LABEL,
        "pull_secret": LABEL,
        "memory": st.sampled_from(["64M", "2G"]),
        "restart": st.sampled_from(["no", "always", "unless-stopped", "on-failure", "on-failure:5"]),
        "tty": st.booleans(),
        "uid": st.integers(1, 2**31 - 2),
        "graceful": st.integers(1, 3600),
        "factory": st.booleans(),
    },
)
KINDS: dict[str, dict[str, str]] = {
    "none": {"main.py": "async def app(scope, receive, send):\n    if scope['path'] == '/healthz': ...\n"},
    "requirements": {"requirements.txt": "fastapi\n", "main.py": APP},
    "folders": {"requirements/prod.txt": "-r base.txt\npsycopg2\n", "requirements/base.txt": "fastapi\n"},
    "uv": {
        "uv.lock": 'version = 1\n[[package]]\nname = "fastapi"\nversion = "1.0"\n'
        '[[package]]\nname = "x"\nsource = { virtual = "." }\ndependencies = [{ name = "fastapi" }]\n',
        "pyproject.toml": "",
    },
    "poetry": {"poetry.lock": '[[package]]\nname = "fastapi"\nversion = "1.0"\n', "pyproject.toml": ""},
    "pdm": {"pdm.lock": '[[package]]\nname = "fastapi"\nversion = "1.0"\n', "pyproject.toml": ""},
    "pipenv": {"Pipfile.lock": '{"default": {"fastapi": {"version": "==1.0"}}}', "Pipfile": "[packages]\n"},
    "pylock": {"pylock.toml": 'lock-version = "1.0"\n[[packages]]\nname = "fastapi"\nversion = "1.0"\n'},
    "pyproject": {"pyproject.toml": '[project]\nname = "x"\ndependencies = ["fastapi"]\n'},
}


def laid_out(folder: Path, kind: str) -> Path:
    """Lay a project out in a folder that it makes."""
    folder.mkdir()
    for name, text in {"main.py": APP, **KINDS[kind]}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def written(root: Path, request: ScaffoldRequest) -> list[str]:
    """Write the files of a request below `root`; return their names."""
    check(request)
    planned = plan.plan(detect(request, root), request)
    for file in planned:
        (root / file.path).write_text(file.text)
    return [file.path for file in planned]


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(sorted(KINDS)), folder=WORD, options=OPTIONS)
def test_every_file_is_sound(kind: str, folder: str, options: dict[str, Any]) -> None:
    """Each file parses, passes our own rules, and agrees with the others on port, user and name."""
    with tempfile.TemporaryDirectory() as base:
        root = laid_out(Path(base) / f"p{folder.replace('/', '')}", kind)
        left = {"watch", "prod", "swarm", "k8s"} if options.get("mode") == "bind" else set()
        request = ScaffoldRequest(targets=",".join(it for it in TARGETS if it not in left), **options)
        names = written(root, request)

        assert list(lint.problems(root, lint.present(root))) == []

        found = image.read(root / "Dockerfile")
        command = image.words(found.last("CMD").value)  # type: ignore[union-attr]
        assert command
        assert found.last("USER").value == f"{request.uid}:{request.uid}"  # type: ignore[union-attr]
        assert found.last("EXPOSE").value == str(request.port)  # type: ignore[union-attr]
        services = containers.documents(root / "compose.yaml")[0]["services"]
        assert services["web"]["ports"][0].endswith(f":{request.port}")
        for name in (name for name in names if name.startswith("compose.")):
            assert containers.documents(root / name)
        kinds = [it["kind"] for it in containers.documents(root / "k8s.yaml")] if "k8s.yaml" in names else []
        policy = ["NetworkPolicy"] if request.proxy_namespace else []
        others = ["PodDisruptionBudget", "HorizontalPodAutoscaler", "Ingress"]
        assert left or kinds == ["Deployment", "Service", *policy, *others]
        unit = next(name for name in names if name.endswith(".service"))
        parser = configparser.RawConfigParser(strict=False)
        parser.read(root / unit)
        assert parser["Service"]["execstart"].startswith(f"/srv/{unit.removesuffix('.service')}/.venv/bin/")


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=80))
def test_a_name_from_anything(text: str) -> None:
    """What is made of a folder's name is a name, or nothing; a name stays as it is."""
    name = as_name(text)

    assert name is None or is_name(name)
    assert not is_name(text) or name == text


@settings(max_examples=200, deadline=None)
@given(
    field=st.sampled_from(
        [
            "name",
            "port_env",
            "workdir",
            "health_path",
            "base",
            "registry_prefix",
            "image",
            "ingress_class",
            "gateway",
            "proxy_namespace",
            "pull_secret",
            "python",
            "domain",
            "memory",
            "restart",
        ]
    ),
    value=st.text("\n\r\t \"'`$\\{}#&|;<>\0é", min_size=1, max_size=6).map(lambda text: f"x{text}"),
)
def test_what_could_break_out_of_a_file_is_refused(field: str, value: str) -> None:
    """A quote, a line's end or a shell's sign gets into no file by way of an option."""
    broken: dict[str, Any] = {field: value}

    with pytest.raises(ConfigError) as refused:
        check(ScaffoldRequest(**broken))

    assert refused.value.hint


@linux
@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("runner", ["asgictl", "uvicorn"])
@pytest.mark.parametrize("index", [None, "https://mirror.example.com/simple"])
def test_hadolint_has_nothing_to_say(tmp_path: Path, kind: str, runner: Any, index: str | None) -> None:
    """No Dockerfile has a finding, not even one of style."""
    root = laid_out(tmp_path / "shop", kind)
    request = ScaffoldRequest(runner=runner, index_url=index, index_secret=index and "netrc", apt=("libpq5",))
    written(root, request)

    done = tool("hadolint", "--failure-threshold", "style", "--no-color", "Dockerfile", folder=root)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    "options", [{}, {"mode": "bind"}, {"https": True}, {"index_secret": "netrc"}, {"domain": "a.b"}]
)
@linux
def test_compose_takes_the_files(tmp_path: Path, options: dict[str, Any]) -> None:
    """`docker compose config` takes each set of files."""
    root = laid_out(tmp_path / "shop", "requirements")
    left = {
        "swarm",
        "k8s",
        "systemd",
        *(["prod"] if "https" in options else ["prod", "watch"] if "mode" in options else []),
    }
    targets = ",".join(target for target in TARGETS if target not in left)
    written(root, ScaffoldRequest(targets=targets, **options))

    for more in ("", ".dev", *(f".{target}" for target in ("watch", "prod") if target in targets)):
        files = ["-f", "compose.yaml", *(["-f", f"compose{more}.yaml"] if more else [])]
        done = tool("docker-compose", *files, "config", "--format", "json", folder=root, DOMAIN="a.b")
        assert done.returncode == 0, done.stderr
        web = json.loads(done.stdout)["services"]["web"]
        assert web["stop_grace_period"] == "15s"


@pytest.mark.parametrize("version", ["1.28", "1.37"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"domain": "shop.example.com", "replicas": 7, "graceful": 60, "uid": 1},
        {"image": "localhost:5000/x", "pull_secret": "y", "ingress_class": "nginx", "proxy_namespace": "z"},
        {"volume": ("data:/data",), "replicas": 1, "ingress_class": "traefik", "port_env": "PORT"},
        {"gateway": "infra/public"},
    ],
)
def test_kubernetes_takes_the_manifest(tmp_path: Path, version: str, options: dict[str, Any]) -> None:
    """The manifest is valid, strictly, for an old and a new version of Kubernetes."""
    root = laid_out(tmp_path / "shop", "requirements")
    (root / "requirements.txt").write_text("fastapi\nalembic\n")
    (root / "alembic.ini").write_text("")
    written(root, ScaffoldRequest(targets="k8s", **options))

    done = tool("kubernetes-validate", "--strict", "-k", version, "k8s.yaml", folder=root)

    assert done.returncode == 0, done.stdout + done.stderr


@linux
def test_caddy_takes_the_file(tmp_path: Path) -> None:
    """The Caddyfile is valid, formatted as Caddy would, and limits the head of a request in time and size."""
    root = laid_out(tmp_path / "shop", "requirements")
    written(root, ScaffoldRequest(targets="prod"))
    command = ("caddy", "validate", "--adapter", "caddyfile", "--config", "Caddyfile")

    assert tool(*command, folder=root, DOMAIN="localhost").returncode == 0
    assert tool("caddy", "fmt", "--diff", "Caddyfile", folder=root).returncode == 0
    adapted = tool("caddy", "adapt", "--config", "Caddyfile", folder=root, DOMAIN="localhost")
    (server,) = json.loads(adapted.stdout)["apps"]["http"]["servers"].values()
    assert (server["read_header_timeout"], server["max_header_bytes"]) == (30_000_000_000, 64_000)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("runner", ["asgictl", "uvicorn"])
def test_systemd_takes_the_units(tmp_path: Path, runner: Any) -> None:
    """Systemd has nothing to say of the units, and finds the service well secured."""
    root = laid_out(tmp_path / "shop", "requirements")
    (root / "requirements.txt").write_text("fastapi\nalembic\n")
    (root / "alembic.ini").write_text("")
    request = ScaffoldRequest(targets="systemd", runner=runner, volume=("data:/data", "up:/app/up"), workers=2)
    for file in plan.plan(detect(request, root)._replace(interpreters=("/home/me/python", "/root/x+y~")), request):
        text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", file.text)
        (root / file.path).write_text(text)

    for service in (root / "shop.service", root / "shop-migrate@.service"):
        verified = tool("systemd-analyze", "verify", "--recursive-errors=yes", "--man=no", str(service), folder=root)
        rated = tool("systemd-analyze", "security", "--offline=true", "--threshold=20", str(service), folder=root)

        assert (verified.returncode, verified.stderr) == (0, "")
        keys = re.findall(r"(?m)^(\w+)=", service.read_text())
        assert {key for key in keys if keys.count(key) > 1} == {"Environment", "BindPaths"}
        assert rated.returncode == 0, rated.stdout[-300:]


def tool(*command: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a program, of the extras for development or the system's."""
    path = f"{PROGRAMS}:/usr/local/bin:/usr/bin:/bin"
    program = shutil.which(command[0], path=path)
    assert program, command[0]
    environ = {"PATH": path, "HOME": str(folder), **environ}
    return subprocess.run([program, *command[1:]], cwd=folder, env=environ, capture_output=True, text=True, check=False)


def test_this_repositorys_own_files() -> None:
    """The Dockerfile and the compose files here are what scaffold writes for this project."""
    from asgictl.scaffold.write import compare

    request = ScaffoldRequest(app="demo")
    changes = compare.compare(ROOT, plan.plan(detect(request, ROOT), request))

    assert {change.path: change.diff() for change in changes if change.state != "same"} == {}


def test_secrets_stay_out(tmp_path: Path) -> None:
    """Keys, certificates and variables are left out, wherever they lie; the example of them is not."""
    root = laid_out(tmp_path / "shop", "requirements")
    written(root, ScaffoldRequest(targets="docker"))
    ignored = ignore_files.left_out((root / ".dockerignore").read_text().splitlines())

    names = (".env", "prod.env", "cert.pem", "cert.key", "client.p12", "client.pfx", "id_rsa", ".netrc", "pip.conf")
    assert [name for name in names for path in (name, f"deep/er/{name}") if not ignored(path)] == []
    assert not any(ignored(path) for path in (".env.example", "main.py", "requirements.txt"))


@pytest.mark.parametrize(("health_path", "limit"), [("/well", 400), (None, 500)])
def test_what_is_well(tmp_path: Path, health_path: str | None, limit: int) -> None:
    """A route for health answers below 400; where none is known anything below 500 will do."""
    root = laid_out(tmp_path / "shop", "requirements")
    (root / "main.py").write_text(APP.replace("/healthz", "/users"))
    written(root, ScaffoldRequest(targets="docker", health_path=health_path))

    assert f".status>={limit})" in (root / "Dockerfile").read_text()


@linux
def test_the_port_inside_is_the_files_own(tmp_path: Path) -> None:
    """A PORT in `.env` is the one outside, though the server reads that name; behind the proxy none is published."""
    root = laid_out(tmp_path / "shop", "requirements")
    (root / ".env").write_text("PORT=9000\n")
    written(root, ScaffoldRequest(targets="docker,compose,prod", port_env="PORT"))

    def web(*files: str) -> dict[str, Any]:
        done = tool("docker-compose", *files, "config", "--format", "json", folder=root, DOMAIN="a.b")
        service: dict[str, Any] = json.loads(done.stdout)["services"]["web"]
        return service

    alone, behind = web("-f", "compose.yaml"), web("-f", "compose.yaml", "-f", "compose.prod.yaml")
    assert alone["environment"]["PORT"] == "8000"
    assert (alone["ports"][0]["published"], alone["ports"][0]["target"]) == ("9000", 8000)
    assert "ports" not in behind


@pytest.mark.parametrize("graceful", [1, 8, 60, 3600])
def test_each_level_leaves_the_one_below_its_time(graceful: int) -> None:
    """The server's grace fits into compose's and systemd's, and into Kubernetes' together with what comes before."""
    budgets = plan.budgets(graceful)

    assert graceful + 2 <= budgets["compose"] <= budgets["unit"]
    assert plan.PRESTOP + budgets["compose"] <= budgets["k8s"]


def test_a_pod_asks_for_no_more_than_its_limit(tmp_path: Path) -> None:
    """Little memory is asked for where little is the limit."""
    root = laid_out(tmp_path / "shop", "requirements")
    written(root, ScaffoldRequest(targets="k8s", memory="64M"))

    assert "requests: {cpu: 100m, memory: 64Mi}\n            limits: {memory: 64Mi}" in (root / "k8s.yaml").read_text()
