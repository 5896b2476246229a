"""The steps of `scaffold --verify`, one by one, with an engine that says what it is told to, and a clock of its own."""

import csv
import http.client
import http.server
import itertools
import json
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asgictl import reading
from asgictl.errors import FileProblemError, StartError
from asgictl.scaffold import verify
from asgictl.scaffold.project import Asking, Health, Project, Statics
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.scaffold.verify import Step
from asgictl.scaffold.verify import engine as engines
from asgictl.scaffold.verify.engine import EngineError
from tests.scaffold.test_planned import APP, project

DOCKERFILE = 'FROM python:3 AS {}\nCMD ["asgictl", "serve", "x"]\n'
STATICS = {"SECRET_KEY": "str", "DATABASE_URL": "db_url"}
STATUS = "Name:\tx\nno colon\nUid:\t{}\t0\t0\t0\nCapEff:\t00000000000{}\n"


def checks(test: list[str] | None, *, podman: bool = False) -> str:
    """Return what an engine says of an image with a check of its own."""
    check = {"Test": test}
    return json.dumps({"Config": None, "HealthCheck": check} if podman else {"Config": {"Healthcheck": check}})


class Clock:
    """Stands still but for what the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Return the time in seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time go on."""
        self.now += seconds


def received_variables(arguments: tuple[str, ...], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that an engine gives to a container: of its own environment, and of a file."""
    words = list(itertools.pairwise(arguments))
    given = {name: environ[name] for option, name in words if option == "--env"}
    for file in (Path(name) for option, name in words if option == "--env-file"):
        assert sys.platform == "win32" or file.parent.stat().st_mode & 0o077 == 0
        given |= dict(line.split("=", 1) for line in file.read_text().splitlines())
    return given


class Engine:
    """Answers each call with what is told, after half a second; an error is raised."""

    name = "docker"
    build_options = ("--format", "x")

    def __init__(self, clock: Clock, port: int) -> None:
        self.clock, self.calls = clock, list[tuple[str, ...]]()
        self.folders: list[Path | None] = []
        self.variables: dict[str, str] = {}
        self.answers: dict[str, Any] = {
            "build": "done",
            "image inspect --format {{.Size}}": "123400000",
            "run": "id",
            "port": f"127.0.0.1:{port}\n[::1]:1",
            "image inspect --format {{json .}}": json.dumps(
                {"Config": {"Healthcheck": {"Test": ["CMD", "well", "?"]}}}
            ),
            "exec NAME well": "",
            "exec NAME cat": STATUS.format(10001, "00000"),
            "inspect": json.dumps({"Status": "running", "ExitCode": 0}),
            "stop": "",
            "logs": "one\n\ntwo\n",
            "rm": EngineError("docker rm failed", ["Error: No such container: x"]),
            "image rm": EngineError("docker image failed", ["no such thing", "image Not Known"]),
        }

    def call(
        self,
        *arguments: str,
        hears: Callable[[str], object] | None = None,
        folder: Path | None = None,
        whole: bool = False,
        environ: Mapping[str, str] | None = None,
    ) -> str:
        """Return the answer whose words the call begins with, the longest first."""
        self.clock.now += 0.5
        if arguments[0] == "run":
            self.variables = received_variables(arguments, environ or {})
        name = next((word for word in arguments if word.startswith("shop-verify-")), "")
        assert whole is (arguments[0] == "run")
        self.calls.append(arguments)
        self.folders.append(folder)
        line = " ".join(arguments).replace(name or "\0", "NAME")
        key = max((key for key in self.answers if line.startswith(key)), key=len)
        answer = self.answers[key]
        answer = answer.pop(0) if isinstance(answer, list) else answer
        if isinstance(answer, Exception):
            raise answer
        if hears is not None:
            hears(answer)
        return str(answer)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Have a clock of the test's own."""
    clock = Clock()
    monkeypatch.setattr(verify, "time", SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep))
    return clock


@pytest.fixture
def answers() -> Iterator[dict[str, Any]]:
    """Have a server that answers with `status`, or to a form with `posted`, and keeps what it was asked for."""
    told: dict[str, Any] = {"status": [200], "text": b"", "posted": 405, "paths": [], "hosts": [], "forms": []}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told["paths"].append(self.path)
            told["hosts"].append((self.headers["Host"], self.headers["X-Forwarded-Proto"]))
            status = told["status"]
            self.send_response(status.pop(0) if len(status) > 1 else status[0])
            self.end_headers()
            self.wfile.write(told["text"])

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            told["forms"].append((self.path, self.headers["Content-Type"], len(self.rfile.read(length))))
            if told["posted"] is not None:
                self.send_response(told["posted"])
                self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        told["port"] = server.server_address[1]
        yield told
        server.shutdown()
        thread.join()


@pytest.fixture
def engine(clock: Clock, answers: dict[str, Any]) -> Engine:
    """Return an engine with which everything goes well."""
    return Engine(clock, answers["port"])


def tried(
    engine: Engine, root: Path, stage: str = "runtime", found: Project | None = None, **options: Any
) -> list[Step]:
    """Return the steps of a trial."""
    (root / "Dockerfile").write_text(DOCKERFILE.format(stage))
    heard: list[str] = []
    asked = (found or project())._replace(root=root)
    steps = list(verify.verify(engine, asked, ScaffoldRequest(**options), heard.append))  # type: ignore[arg-type]
    assert heard in ([], ["done"])
    return steps


def test_all_is_well(
    engine: Engine, answers: dict[str, Any], tmp_path: Path, received: list[http.client.HTTPResponse]
) -> None:
    """Each step tells what was seen and how long it took; the engine is asked for nothing else; nothing stays open."""
    assert tried(engine, tmp_path) == [
        Step("build", passed=True, seen="123 MB", seconds=1),
        Step("ready", passed=True, seen="answers 200 after 0.5 s", seconds=1),
        Step("health", passed=True, seen="its own check of /up passes", seconds=1),
        Step("request", passed=True, seen="GET /up answers 200, GET / answers 200", seconds=0),
        Step("upload", passed=True, seen="POST /up of 5 MB answers 405", seconds=0),
        Step("user", passed=True, seen="uid 10001, no capabilities", seconds=0.5),
        Step("stop", passed=True, seen="status 0 after 0.5 s, 15 s allowed", seconds=1.5),
    ]
    name = engine.calls[-1][-1]
    assert answers["paths"] == ["/up", "/up", "/"]
    assert answers["forms"] == [("/up", "multipart/form-data; boundary=asgictl", 5_000_137)]
    assert [response.closed for response in received] == [True] * 4
    assert [" ".join(call).replace(name, "NAME") for call in engine.calls] == [
        "build --format x --tag NAME .",
        "image inspect --format {{.Size}} NAME",
        "run --detach --name NAME --read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp:size=256m "
        "--publish 127.0.0.1::8000 --env ASGICTL_SERVE_PORT NAME",
        "port NAME 8000",
        "image inspect --format {{json .}} NAME",
        "exec NAME well ?",
        "exec NAME cat /proc/1/status",
        "stop --time 15 NAME",
        "inspect --format {{json .State}} NAME",
        "logs NAME",
        "rm --force --volumes NAME",
        "image rm --force NAME",
    ]
    assert engine.folders == [tmp_path, None, tmp_path, *[None] * 9]
    tried(engine, tmp_path)
    assert engine.calls[-1][-1] != name


def test_what_goes_along(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index, its password, variables, another port and the mounted code are handed to the engine."""
    (tmp_path / ".env").write_text("export A='x y' # why\nB=$HOME/${A}\nX=1\n")
    monkeypatch.setenv("PIP_INDEX_URL", "https://x.example")
    monkeypatch.setenv("HOME", "/home/me")

    tried(engine, tmp_path, "server", index_secret="~/.netrc", graceful=20, port_env="X", workdir="/srv/x")

    name = engine.calls[-1][-1]
    calls = [" ".join(call).replace(name, "NAME") for call in engine.calls]
    assert calls[0] == ("build --format x --tag NAME --secret id=netrc,src=/home/me/.netrc --build-arg PIP_INDEX_URL .")
    assert calls[2].endswith(
        f"--publish 127.0.0.1::8000 --env A --env B --env X "
        f'--mount type=bind,"source={tmp_path}",target=/srv/x,readonly NAME'
    )
    assert engine.variables == {"A": "x y", "B": "/home/me/x y", "X": "8000"}
    assert "stop --time 27 NAME" in calls


def test_values_are_on_no_command_line(engine: Engine, tmp_path: Path) -> None:
    """The values of `.env` reach the container, and no list of processes; what the engine obeys is not said to it."""
    (tmp_path / ".env").write_text(
        "KEY='one\ntwo'\nEMPTY=\nHTTPS_PROXY=http://me:secret@proxy\nDOCKER_HOST=secret\nLD_PRELOAD=./secret.so\n"
    )

    assert all(step.passed for step in tried(engine, tmp_path))

    assert engine.variables == {
        "KEY": "one\ntwo",
        "EMPTY": "",
        "HTTPS_PROXY": "http://me:secret@proxy",
        "DOCKER_HOST": "secret",
        "LD_PRELOAD": "./secret.so",
        "ASGICTL_SERVE_PORT": "8000",
    }
    run = engine.calls[2]
    assert not any("secret" in word or "two" in word for word in run)
    assert [run[at + 1] for at, word in enumerate(run) if word == "--env"] == ["KEY", "EMPTY", "ASGICTL_SERVE_PORT"]
    assert not Path(run[run.index("--env-file") + 1]).exists()


def test_lines_that_no_file_holds(engine: Engine, tmp_path: Path) -> None:
    """A value that can get into the container in no safe way is an error, and nothing is left behind."""
    (tmp_path / ".env").write_text("LD_PRELOAD='a\nb'\n")

    with pytest.raises(FileProblemError) as error:
        tried(engine, tmp_path)

    assert error.value.message == "`LD_PRELOAD` has several lines, and container engines read that name themselves"
    assert error.value.hint == "give LD_PRELOAD one line in .env, or the app another name to read"
    assert [call[0] for call in engine.calls] == ["build", "image", "rm", "image"]


def test_the_port_of_the_image(engine: Engine, tmp_path: Path) -> None:
    """The port is the one that the image's own command has."""
    engine.answers["port NAME 9000"] = engine.answers["port"]
    (tmp_path / "Dockerfile").write_text('FROM python:3\nCMD ["asgictl", "serve", "x", "--port", "9000"]\n')

    steps = list(verify.verify(engine, project(root=tmp_path), ScaffoldRequest(), lambda _: None))  # type: ignore[arg-type]

    assert all(step.passed for step in steps)
    assert "--publish 127.0.0.1::9000 --env ASGICTL_SERVE_PORT" in " ".join(engine.calls[2])
    assert engine.variables == {"ASGICTL_SERVE_PORT": "9000"}


@pytest.mark.parametrize(
    ("said", "seen", "asked"),
    [
        (checks(["CMD", "well", "?"], podman=True), "its own check of /up passes", ("well", "?")),
        (checks(["CMD-SHELL", "well ?"]), "its own check of /up passes", ("sh", "-c", "well ?")),
        (checks(["NONE"]), "the image has no check of its own", None),
        (checks(None), "the image has no check of its own", None),
        ("{}", "the image has no check of its own", None),
    ],
)
def test_checks_of_the_image(
    engine: Engine, tmp_path: Path, said: str, seen: str, asked: tuple[str, ...] | None
) -> None:
    """The image's own check is run in whatever form it has, and one that has none is told."""
    engine.answers["image inspect --format {{json .}}"] = said
    engine.answers["exec NAME sh"] = ""

    steps = tried(engine, tmp_path)

    assert (steps[2].seen, steps[-1].name) == (seen, "stop")
    assert [call[2:] for call in engine.calls if call[0] == "exec" and "cat" not in call] == ([asked] if asked else [])


ENDED = json.dumps({"Status": "exited", "ExitCode": 3})
LOGS = ("one", "two")
SAID = tuple(str(number) for number in range(20))
FAULTS: list[tuple[dict[str, Any], str, str, tuple[str, ...]]] = [
    ({"build": EngineError("docker build failed", SAID)}, "build", "docker build failed", SAID[-12:]),
    ({"run": EngineError("docker run failed", ["no"])}, "ready", "docker run failed", ("no",)),
    (
        {"port": EngineError("docker port failed", ["no"]), "inspect": ENDED},
        "ready",
        "the container exited with status 3",
        LOGS,
    ),
    ({"port": "", "inspect": ENDED}, "ready", "the container exited with status 3", LOGS),
    ({"port": EngineError("docker port failed", ["no"])}, "ready", "docker port failed", ("no",)),
    ({"port": "NOBODY", "inspect": ENDED}, "ready", "the container exited with status 3", LOGS),
    ({"port": "NOBODY"}, "ready", "there is no answer after 60 s", LOGS),
    ({"port": "NOBODY", "logs": "\n".join(SAID)}, "ready", "there is no answer after 60 s", SAID[-12:]),
    (
        {"exec NAME well": EngineError("docker exec failed", ["no"])},
        "health",
        "the image's own check fails",
        LOGS,
    ),
    ({"exec NAME cat": STATUS.format(0, "00000")}, "user", "the server runs as root", ()),
    ({"inspect": json.dumps({"ExitCode": 3})}, "stop", "the server exited with status 3", LOGS),
    (
        {"inspect": json.dumps({"ExitCode": 137})},
        "stop",
        "the server was killed after 0.5 s: the signal did not reach it",
        LOGS,
    ),
    ({"logs": "a\n Shutdown FAILED: x \nb"}, "stop", "Shutdown FAILED: x", ("a", " Shutdown FAILED: x ", "b")),
]


@pytest.mark.parametrize(("told", "step", "seen", "lines"), FAULTS)
def test_what_goes_wrong(  # the columns of the table
    engine: Engine, tmp_path: Path, told: dict[str, Any], step: str, seen: str, lines: tuple[str, ...]
) -> None:
    """The first step that fails says why, with the last lines, and is the last; all is removed afterwards."""
    with socket.socket() as nobody:  # bound, and so taken, but not listening
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        engine.answers |= {key: address if it == "NOBODY" else it for key, it in told.items()}

        *before, failed = tried(engine, tmp_path)

    assert all(it.passed for it in before)
    assert failed._replace(seconds=0) == Step(step, passed=False, seen=seen, seconds=0, lines=lines)
    assert "60 s" not in seen or failed.seconds == pytest.approx(61.45)
    assert [call[0] for call in engine.calls[-2:]] == ["rm", "image"]


def test_a_container_that_lacks_a_variable(engine: Engine, tmp_path: Path) -> None:
    """A variable without which the app ends is named with the file for it, however far up its container said so."""
    logs = "KeyError: 'TOKEN'" + "\nx" * 50
    engine.answers |= {"port": "", "inspect": ENDED, "logs": logs}

    failed = tried(engine, tmp_path)[-1]

    assert (failed.hint, failed.lines) == (
        f"set TOKEN in `{reading.shown(tmp_path / '.env')}`, which compose and --verify read",
        ("x",) * 12,
    )


def test_a_container_that_lacks_what_the_source_needs(engine: Engine, tmp_path: Path) -> None:
    """What the source needs, and nothing sets, is named where the container does not start, and in no other case."""
    found = project(variables={"TOKEN": "main.py:1", "SET": "main.py:2"})
    (tmp_path / ".env").write_text("SET=1\n")
    engine.answers |= {"port": "", "inspect": ENDED}

    failed = tried(engine, tmp_path, found=found)[-1]
    engine.answers["build"] = EngineError("docker build failed", ["no"])
    unbuilt = tried(engine, tmp_path, found=found)[-1]

    advice = f"set TOKEN in `{reading.shown(tmp_path / '.env')}`, which compose and --verify read"
    assert (failed.name, failed.hint) == ("ready", advice)
    assert (unbuilt.name, unbuilt.hint) == ("build", None)


def test_a_container_that_may_not_write(engine: Engine, tmp_path: Path) -> None:
    """What is read-only is told with the option that changes it, and with that the trial has the place."""
    engine.answers |= {"port": "", "inspect": ENDED, "logs": "OSError: [Errno 30] Read-only file system: 'uploads'"}

    failed = tried(engine, tmp_path, volume=("uploads:/app/uploads", "data:/data"))[-1]

    assert failed.hint == "only volumes and /tmp are writable: pass --volume NAME:/app/uploads, or its folder"
    started = next(" ".join(call) for call in engine.calls if call[0] == "run")
    assert "--tmpfs /tmp:size=256m " in started
    assert " --mount type=volume,target=/app/uploads --mount type=volume,target=/data " in started


def test_how_a_trial_asks(engine: Engine, answers: dict[str, Any], tmp_path: Path) -> None:
    """The app is asked by the host that it lets in, as the proxy would ask."""
    found = project(asking=Asking("a.b", https=True))

    assert all(step.passed for step in tried(engine, tmp_path, found=found))
    assert set(answers["hosts"]) == {("a.b", "https")}


def test_capabilities(engine: Engine, tmp_path: Path) -> None:
    """What the server may do beyond a user is told."""
    engine.answers["exec NAME cat"] = STATUS.format(7, "000ff")

    assert tried(engine, tmp_path)[5].seen == "uid 7, capabilities ff"


@pytest.mark.parametrize(
    ("status", "strict", "passed"),
    [(399, True, True), (400, True, False), (400, False, True), (499, False, True), (500, False, False)],
)
def test_what_is_well(
    engine: Engine, answers: dict[str, Any], tmp_path: Path, status: int, strict: bool, passed: bool
) -> None:
    """A route for health answers below 400, but a redirect is told; where none is known anything below 500 will do."""
    answers["status"] = [status]

    steps = tried(engine, tmp_path, found=project(health=Health("/x", strict=strict)))

    led = ", a redirect: pass --health-path with where it leads" if strict and passed else ""
    assert steps[3]._replace(seconds=0) == Step(
        "request",
        passed=passed,
        seen=f"GET /x answers {status}{led}{f', GET / answers {status}' if passed else ''}",
        seconds=0,
        lines=() if passed else LOGS,
    )
    assert len(steps) == (7 if passed else 4)


APP_OF_DJANGO = APP._replace(settings="site.settings")
NO_HOST = "the app does not accept the host `127.0.0.1`"
VARIABLE = "if they come from a variable, set that in `.env`"
TURNED_AWAY: list[tuple[dict[str, Any], str, str, str]] = [
    (
        {"app": APP_OF_DJANGO, "health": Health("/x", strict=False)},
        "an own page",
        f"GET /x answers 400, GET / answers 400: {NO_HOST}",
        f"pass --domain with one of ALLOWED_HOSTS; {VARIABLE}",
    ),
    (
        {"app": APP_OF_DJANGO, "asking": Asking("a.b")},
        "",
        "GET /up answers 400: the app does not accept the host `a.b`",
        f"add a.b to ALLOWED_HOSTS, or pass --domain with one of them; {VARIABLE}",
    ),
    (
        {"health": Health("/", strict=False)},
        "Invalid host header",
        f"GET / answers 400: {NO_HOST}",
        f"pass --domain with one of the hosts that it accepts; {VARIABLE}",
    ),
]


@pytest.mark.parametrize(("fields", "text", "seen", "hint"), TURNED_AWAY)
def test_a_host_that_is_turned_away(
    engine: Engine, answers: dict[str, Any], tmp_path: Path, fields: dict[str, Any], text: str, seen: str, hint: str
) -> None:
    """An app that answers everybody 400, because of the host, has not been tried: that is said, with what to do."""
    answers |= {"status": [400], "text": text.encode()}

    failed = tried(engine, tmp_path, found=project(**fields))[-1]

    assert failed._replace(seconds=0) == Step("request", passed=False, seen=seen, seconds=0, lines=LOGS, hint=hint)


def test_a_check_that_is_turned_away(engine: Engine, answers: dict[str, Any], tmp_path: Path) -> None:
    """The image's own check fails for the same reason."""
    answers |= {"status": [400], "text": b"<p>Host '127.0.0.1' is not trusted.</p>"}
    engine.answers["exec NAME well"] = EngineError("docker exec failed", ["no"])

    failed = tried(engine, tmp_path)[-1]

    assert (failed.name, failed.seen) == ("health", f"its own check fails: {NO_HOST}")
    assert failed.hint == f"pass --domain with one of the hosts that it accepts; {VARIABLE}"


@pytest.mark.parametrize(("status", "text"), [([400], "a query is missing"), ([400, 400, 400, 404], "a page")])
def test_400_for_another_reason(
    engine: Engine, answers: dict[str, Any], tmp_path: Path, status: list[int], text: str
) -> None:
    """An answer of 400 that has nothing to do with the host is as good as any below 500, where no route is known."""
    answers |= {"status": status, "text": text.encode()}
    app = APP if len(status) == 1 else APP_OF_DJANGO

    steps = tried(engine, tmp_path, found=project(app=app, health=Health("/x", strict=False)))

    assert steps[3].seen == "GET /x answers 400, GET / answers 400"
    assert steps[-1].name == "stop"


@pytest.mark.parametrize(
    ("statuses", "passed", "seen"),
    [
        ([200, 200, 404], True, "GET /up answers 200, GET / answers 404"),
        ([200, 200, 500], False, "GET / answers 500"),
    ],
)
def test_the_front_page(
    engine: Engine, answers: dict[str, Any], tmp_path: Path, statuses: list[int], passed: bool, seen: str
) -> None:
    """The app's own page is asked for beside the route for health, and an error there is one of the image."""
    answers["status"] = statuses

    assert tried(engine, tmp_path)[3]._replace(seconds=0, lines=()) == Step("request", passed, seen, 0)


@pytest.mark.parametrize(
    ("status", "passed", "seen"),
    [
        (413, True, "POST /up of 5 MB answers 413"),
        (500, False, "POST /up of 5 MB answers 500"),
        (None, True, "POST /up of 5 MB is refused before all of it is sent"),
    ],
)
def test_a_large_body(
    engine: Engine, answers: dict[str, Any], tmp_path: Path, status: int | None, passed: bool, seen: str
) -> None:
    """A form with a large file is sent; a server may refuse it, and must not fail."""
    answers["posted"] = status

    assert tried(engine, tmp_path)[4]._replace(seconds=0, lines=()) == Step("upload", passed, seen, 0)


COMPOSE = """\
services:
  web:
    volumes:
      - data:/app/data
      - cache:/var/cache:rw
      - /app/anonymous
      - ./conf:/conf:ro
      - {type: volume, source: media, target: /app/media}
      - {type: bind, source: ./more, target: /more}
"""


def test_volumes(engine: Engine, tmp_path: Path) -> None:
    """The volumes of --volume and compose.yaml are there, each once; what else that mounts is told as not tried."""
    (tmp_path / "compose.yaml").write_text(COMPOSE)

    tried(engine, tmp_path, volume=("data:/app/data", "more:/more"))

    run = " ".join(engine.calls[2])
    assert re.findall(r"--mount type=volume,target=(\S+)", run) == [
        "/app/data",
        "/more",
        "/var/cache",
        "/app/anonymous",
        "/app/media",
    ]
    assert verify.untried(project(root=tmp_path), ScaffoldRequest()) == (
        "other routes than /up and /",
        "other services, like a database",
        "`./conf`, which compose.yaml mounts",
        "`./more`, which compose.yaml mounts",
    )
    (tmp_path / "compose.yaml").write_text("services: 1\n")
    assert len(verify.untried(project(root=tmp_path), ScaffoldRequest())) == 2


@pytest.mark.parametrize(
    "mount",
    [
        '{type: volume, source: x, target: "/:/host"}',
        '{type: volume, source: x, target: "/x,type=bind,source=/"}',
        "{type: volume, source: x, target: /x/../etc}",
        "{type: volume, source: x, target: x}",
        '{type: volume, source: x, target: "/x\\n"}',
        "x:/x,readonly=false",
        "x:$HOME",
        "/x,type=bind",
        "{type: volume, source: x, target: {a: b}}",
    ],
)
def test_a_volume_that_says_something_else(engine: Engine, tmp_path: Path, mount: str) -> None:
    """A volume whose path would be an instruction to the engine is left out of the trial, which says so."""
    (tmp_path / "compose.yaml").write_text(f"services:\n  web:\n    volumes:\n      - {mount}\n")

    assert all(step.passed for step in tried(engine, tmp_path))

    assert {"--mount", "--volume", "-v"} & set(engine.calls[2]) == set()
    source = "/x,type=bind" if mount.startswith("/x,") else "x"
    assert verify.untried(project(root=tmp_path), ScaffoldRequest())[2:] == (f"`{source}`, which compose.yaml mounts",)


@pytest.mark.parametrize("name", ["a:b", "a,type=volume", 'a"b'])
def test_a_folder_of_any_name(engine: Engine, tmp_path: Path, name: str) -> None:
    """The mounted folder is the project's own, read-only, whatever its name holds."""
    (tmp_path / name).mkdir()

    tried(engine, tmp_path / name, "server")

    run = engine.calls[2]
    (fields,) = csv.reader([run[run.index("--mount") + 1]])
    assert fields == ["type=bind", f"source={tmp_path / name}", "target=/app", "readonly"]


def test_variables_that_settings_need(engine: Engine, tmp_path: Path) -> None:
    """What `.env` does not set of the variables that the settings need has a stand-in, which is told."""
    (tmp_path / ".env").write_text("SECRET_KEY=real\n")
    found = project(statics=Statics(STATICS), root=tmp_path)

    tried(engine, tmp_path, found=found)

    assert engine.variables == {
        "SECRET_KEY": "real",
        "DATABASE_URL": "sqlite:///:memory:",
        "ASGICTL_SERVE_PORT": "8000",
    }
    assert verify.untried(found, ScaffoldRequest(https=True, targets="prod")) == (
        "other routes than /up and /",
        "other services, like a database",
        "HTTPS",
        "the proxy",
        "real values of DATABASE_URL, which .env does not set",
    )


@pytest.mark.parametrize(
    ("asking", "options", "hosts"),
    [
        (Asking(), {}, "127.0.0.1"),
        (Asking("a.b"), {}, "a.b"),
        (Asking("a.b"), {"build_env": ("APP_ALLOWED_HOSTS=c.d",)}, "c.d"),
    ],
)
def test_hosts_that_settings_need(
    engine: Engine, tmp_path: Path, asking: Asking, options: dict[str, Any], hosts: str
) -> None:
    """A stand-in for the hosts that are let in is the host that is asked by, unless --build-env says another."""
    found = project(statics=Statics({"APP_ALLOWED_HOSTS": "list"}), asking=asking)

    tried(engine, tmp_path, found=found, **options)

    assert engine.variables["APP_ALLOWED_HOSTS"] == hosts


@pytest.mark.parametrize(
    ("call", "command"),
    [("rm", "docker rm --force --volumes NAME"), ("image rm", "docker image rm --force NAME")],
)
@pytest.mark.parametrize(("said", "reason"), [(["it", "is busy"], "is busy"), ([], "docker x failed")])
def test_what_cannot_be_removed(  # the columns of two tables
    engine: Engine, tmp_path: Path, call: str, command: str, said: list[str], reason: str
) -> None:
    """What is left is an error that names it, with the command that removes it; signals mean what they did before."""
    engine.answers[call] = EngineError("docker x failed", said)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    with pytest.raises(StartError) as error:
        tried(engine, tmp_path)

    name = engine.calls[0][engine.calls[0].index("--tag") + 1]
    assert error.value.message == f"cannot remove `{name}`: {reason}"
    assert error.value.hint == f"remove it with `{command.replace('NAME', name)}`"
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_signals_while_removing(engine: Engine, tmp_path: Path) -> None:
    """While things are removed no signal gets in between."""
    seen = []

    class Removing(Engine):
        def call(self, *arguments: str, **options: Any) -> str:
            if "rm" in arguments:
                seen.append([signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)])
            return super().call(*arguments, **options)

    removing = Removing(engine.clock, 1)
    removing.answers = {**engine.answers, "rm": "", "image rm": ""}
    assert tried(removing, tmp_path)[-1].passed
    assert seen == [[signal.SIG_IGN, signal.SIG_IGN]] * 2


def test_no_dockerfile(engine: Engine, tmp_path: Path) -> None:
    """Without a Dockerfile nothing is built."""
    with pytest.raises(FileProblemError) as error:
        list(verify.verify(engine, project(root=tmp_path), ScaffoldRequest(), lambda _: None))  # type: ignore[arg-type]

    assert error.value.message == f"there is no `Dockerfile` in `{tmp_path}`"
    assert error.value.hint == "write it: `asgictl scaffold`"
    assert engine.calls == []


SCRIPT = f"#!{sys.executable}\nimport os, sys\n"


def program(folder: Path, name: str, code: str) -> engines.Engine:
    """Return an engine that is a script."""
    (folder / name).write_text(SCRIPT + code)
    (folder / name).chmod(0o755)
    return engines.Engine(str(folder / name))


@pytest.fixture
def typed() -> Iterator[None]:
    """A standard input on which somebody has typed."""
    before = os.dup(0)
    reads, writes = os.pipe()
    os.write(writes, b"typed")
    os.close(writes)
    os.dup2(reads, 0)
    yield
    os.dup2(before, 0)
    os.close(before)
    os.close(reads)


@pytest.mark.usefixtures("typed")
def test_calls(tmp_path: Path) -> None:
    """A call has BuildKit and no input, runs where it is to, and each line is heard at once; the last are kept."""
    code = "print(*sys.argv[1:], os.environ['DOCKER_BUILDKIT'], os.getcwd(), repr(sys.stdin.read()))\n"
    code += "sys.stdout.flush()\nos.write(2, b'\\xff \\n')\n"
    heard: list[str] = []
    engine = program(tmp_path, "docker", code)

    assert engine.call("a", "b", hears=heard.append, folder=tmp_path) == f"a b 1 {tmp_path} ''\n\ufffd"
    assert heard == [f"a b 1 {tmp_path} ''", "\ufffd"]
    many = program(tmp_path, "docker", "print(*range(300), sep='\\n')")
    assert many.call("x").splitlines() == [str(number) for number in range(100, 300)]
    asks = program(tmp_path, "asks", "print(os.environ.get('X'), 'PATH' in os.environ)")
    assert (asks.call("x", environ={"X": "1"}), asks.call("x")) == ("1 True", "None True")
    assert (engine.name, engine.build_options) == ("docker", ())
    assert program(tmp_path, "podman", "").build_options == ("--format", "docker")


def test_a_call_that_fails(tmp_path: Path) -> None:
    """What a call has said before it fails is kept, without blank lines."""
    with pytest.raises(EngineError) as error:
        program(tmp_path, "podman", "print('a\\n\\nb')\nsys.exit(3)").call("image", "rm")

    assert (str(error.value), error.value.lines) == ("podman image failed", ("a", "b"))


def test_a_call_that_is_interrupted(tmp_path: Path) -> None:
    """When the user interrupts, the call is ended as well."""
    code = "import pathlib, signal, time\n"
    code += "signal.signal(signal.SIGTERM, lambda *_: sys.exit(pathlib.Path(sys.argv[1]).touch()))\n"
    code += "print('begun', flush=True)\ntime.sleep(30)\n"

    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        program(tmp_path, "docker", code).call(str(tmp_path / "ended"), hears=interrupted)

    assert (tmp_path / "ended").exists()


def test_a_call_that_is_waited_for(tmp_path: Path) -> None:
    """What the engine has begun for good is waited for, so that it can be undone after it."""
    code = "import pathlib, time\nprint('begun', flush=True)\ntime.sleep(0.3)\npathlib.Path(sys.argv[1]).touch()\n"

    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        program(tmp_path, "docker", code).call(str(tmp_path / "done"), hears=interrupted, whole=True)

    assert (tmp_path / "done").exists()


NOT_HERE = "no docker here", "no podman here"
ENGINES = [
    ({}, None, NOT_HERE),
    ({"docker": ""}, "docker", ()),
    ({"podman": ""}, "podman", ()),
    ({"docker": "", "podman": ""}, "docker", ()),
    ({"docker": "sys.exit(1)", "podman": ""}, "podman", ()),
    ({"docker": "print('a'); print('c'); print('b'); sys.exit(1)"}, None, ("docker: b", "no podman here")),
    ({"docker": "sys.exit(1)"}, None, ("docker: no answer", "no podman here")),
    ({"podman": "sys.exit(sys.argv[1:] != ['info'])"}, "podman", ()),
]


@pytest.mark.parametrize(("programs", "found", "reasons"), ENGINES)
def test_which_engine(tmp_path: Path, programs: dict[str, str], found: str | None, reasons: tuple[str, ...]) -> None:
    """The first engine that answers is taken; without any the error says of each why not."""
    for name, code in programs.items():
        program(tmp_path, name, code)

    if found:
        assert engines.find({"PATH": str(tmp_path)}).program == str(tmp_path / found)
        return
    with pytest.raises(StartError) as error:
        engines.find({"PATH": str(tmp_path)})
    assert error.value.message == f"there is no container engine that answers: {'; '.join(reasons)}"
    assert error.value.hint == "install Docker or Podman, or start it"
