"""The rules for compose files, manifests and units, each finding whole; and what a command says of its server."""

from pathlib import Path

import pytest

from asgictl import signature
from asgictl.errors import FileProblemError
from asgictl.scaffold import lint
from asgictl.scaffold.lint import containers
from asgictl.scaffold.lint.command_line import Server, script, server

Told = tuple[str, str, str]
DOCKERFILE = """\
FROM python:3.13-slim AS base
FROM base AS Runtime
USER 1
HEALTHCHECK CMD ["true"]
CMD ["asgictl", "serve", "main:app"]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with a Dockerfile and a compose file."""
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    return tmp_path


def told(root: Path, name: str, text: str) -> list[Told]:
    """Return what is told of one file: rule, place and text."""
    (root / name).write_text(text)
    return [(it.rule, it.place, it.text) for it in lint.problems(root, ["Dockerfile", name])]


def killed(place: str, option: str, seconds: str, wanted: str = "10") -> list[Told]:
    """Return what is told of too little time to stop."""
    text = f"{option} is {seconds} s, and the server takes up to {wanted} s: it would be killed"
    return [("stop-budget", place, text)]


def other_port(published: int, port: int) -> list[Told]:
    """Return what is told of a port that nobody listens on."""
    text = f"port {published} is published, and the server listens on {port}"
    return [("published-port", "compose.yaml: web", text)]


GRACE = "stop_grace_period"
WEB = "compose.yaml: web"
SERVICES = [
    ("build: .", []),
    ("image: x\n    stop_grace_period: 1s", []),
    *(
        (f"build: .\n    stop_grace_period: {text}", [])
        for text in ("10", "10s", "10000ms", "0.2m", "1h", "10sec", "1min")
    ),
    *((f"build: .\n    stop_grace_period: {text}", []) for text in ("1m30s", "5s 5s", "never", "2d")),
    ("build: .\n    stop_grace_period: 9", killed(WEB, GRACE, "9")),
    ("build: .\n    stop_grace_period: 9s", killed(WEB, GRACE, "9")),
    ("build: .\n    stop_grace_period: 9999ms", killed(WEB, GRACE, "9.999")),
    ("build: .\n    stop_grace_period: 0.1m", killed(WEB, GRACE, "6")),
    ("build: .\n    stop_grace_period: 0.1min", killed(WEB, GRACE, "6")),
    ("build: .\n    stop_grace_period: 0.001h", killed(WEB, GRACE, "3.6")),
    ("build: .\n    stop_grace_period: 1s500ms", killed(WEB, GRACE, "1.5")),
    ("build: .\n    stop_grace_period: 0.5sec", killed(WEB, GRACE, "0.5")),
    ("build: .\n    command: asgictl serve x --graceful-timeout 9", killed(WEB, GRACE, "10", "11")),
    ("build: .\n    command: [asgictl, serve, x, --graceful-timeout=8.5]", killed(WEB, GRACE, "10", "10.5")),
    ("build: .\n    command: [asgictl, serve, x, --graceful-timeout, 1]\n    stop_grace_period: 3s", []),
    ("build: .\n    command: sleep 1\n    stop_grace_period: 1s", []),
    ("build: .\n    command: uvicorn x\n    stop_grace_period: 1s", []),
    ("build: ./\n    ports: ['9000']", other_port(9000, 8000)),
    ("build: .\n    ports: ['127.0.0.1:1:9000/tcp', '2:8000']", other_port(9000, 8000)),
    ("build: .\n    ports: [9000, {target: 9001}, {published: 1}]", other_port(9000, 8000) + other_port(9001, 8000)),
    ("build: .\n    ports: ['8000', '$X', '8000-8001']", []),
    ("build: .\n    ports: 9000", []),
    ("build: .\n    command: asgictl serve x --port 9000\n    ports: ['1:9000', '2:8000']", other_port(8000, 9000)),
    ("build: .\n    command: asgictl serve x\n    ports: ['9000']", other_port(9000, 8000)),
    ("build: .\n    command: sleep 1\n    ports: ['9000']", other_port(9000, 8000)),
    ("build: .\n    command: asgictl serve x --port $X\n    ports: ['9000']", other_port(9000, 8000)),
    ("build: ..\n    ports: ['9000']", []),
    *(
        (f"build: {build}\n    ports: ['9000']", other_port(9000, 8000) if ours else [])
        for build, ours in [
            ("{}", True),
            ("{context: .}", True),
            ("{context: ./}", True),
            ("{context: x}", False),
            ("{dockerfile: Dockerfile}", True),
            ("{dockerfile: ./Dockerfile}", True),
            ("{dockerfile: other}", False),
            ("{dockerfile_inline: FROM x}", False),
            ("[.]", False),
        ]
    ),
    ("build: {target: runtime}", []),
    ("build: {target: RUNTIME}", []),
    ("build: {target: nosuch}", [("build-target", WEB, "the Dockerfile has no stage `nosuch`")]),
    ("image: x\n    privileged: true", [("privileged", WEB, "a privileged container is root on the host")]),
    ("image: x\n    privileged: false", []),
    (
        "image: x\n    volumes: ['./x:/x', '/var/run/docker.sock:/x', {source: /run/docker.sock}]",
        [("privileged", WEB, "whoever has docker.sock is root on the host")] * 2,
    ),
    ("image: x\n    volumes: /var/run/docker.sock", []),
    ("build: !reset .\n    ports: !override ['9000']\n    x: !x {}", other_port(9000, 8000)),
]


@pytest.mark.parametrize(("service", "expected"), SERVICES)
def test_compose(root: Path, service: str, expected: list[Told]) -> None:
    """Each finding names the service and says what happens, and what is right is none."""
    assert told(root, "compose.yaml", f"services:\n  other: no\n  web:\n    {service}\n") == expected


@pytest.mark.parametrize(
    "text", ["services: [1]\n", "- x\n", "", "x: 1\n---\n- y\n---\nservices:\n  web: {image: x}\n"]
)
def test_compose_files_of_another_shape(root: Path, text: str) -> None:
    """A file that says nothing of services has no finding."""
    assert told(root, "compose.yaml", text) == []


def test_compose_beside_others(root: Path) -> None:
    """The usual ten seconds are those of the main file; another one has only what it says itself."""
    (root / "Dockerfile").write_text(DOCKERFILE.replace('"main:app"', '"main:app", "--graceful-timeout=20"'))
    web = "services: {web: {build: .}}\n"

    assert told(root, "compose.yaml", web) == killed(WEB, GRACE, "10", "22")
    assert told(root, "compose.dev.yaml", web) == []
    short = "services: {web: {build: ., stop_grace_period: 9s}}\n"
    assert told(root, "compose.dev.yaml", short) == killed("compose.dev.yaml: web", GRACE, "9", "22")


def test_what_is_built_upon(root: Path) -> None:
    """Without the file that another one builds upon, that one has a finding."""
    (root / "compose.dev.yaml").write_text("services: {web: {build: {target: x}, ports: ['9000']}}\n")
    (root / "Dockerfile").unlink()
    assert list(lint.problems(root, lint.present(root))) == [("missing", "compose.yaml", "`Dockerfile` is not there")]
    (root / "compose.yaml").unlink()
    (root / "deploy.sh").write_text(signature.signed(""))
    assert list(lint.problems(root, lint.present(root))) == [
        ("missing", "compose.dev.yaml", "`compose.yaml` is not there"),
        ("missing", "deploy.sh", "`compose.prod.yaml` is not there"),
    ]


def test_what_there_are_rules_for(root: Path) -> None:
    """The files that are looked at are those with the usual names, and all services."""
    others = ["compose.dev.yaml", "compose.watch.yaml", "compose.prod.yaml", "Caddyfile", "k8s.yaml"]
    for name in (*others, "b.service", "a.service", "a.socket", ".dockerignore", "compose.other.yaml"):
        (root / name).write_text("")
    (root / "c.service").mkdir()
    (root / "deploy.sh").write_text("#!/bin/bash\ntheirs\n")

    assert lint.present(root) == ["Dockerfile", "compose.yaml", *others, "a.service", "b.service"]
    (root / "deploy.sh").write_text(signature.signed("ours\n"))
    others.insert(-1, "deploy.sh")
    assert lint.present(root) == ["Dockerfile", "compose.yaml", *others, "a.service", "b.service"]


POD = """\
kind: {kind}
metadata: {{name: shop}}
spec:
  template:
    spec:
      securityContext: {{runAsNonRoot: true}}
      {more}
      containers:
      - readinessProbe: {{x: 1}}
        {container}
"""
ENOUGH = "terminationGracePeriodSeconds: 10"
LEVEL = "terminationGracePeriodSeconds"
DEPLOYMENT = "k8s.yaml: Deployment shop"
MORE_MEMORY = [("memory", DEPLOYMENT, "more memory is requested than the limit allows")]
CONTAINERS = [
    ("", "image: x", []),
    (ENOUGH, "image: x", []),
    ("terminationGracePeriodSeconds: 9", "image: x", killed(DEPLOYMENT, LEVEL, "9")),
    ("", "command: [asgictl, serve, x, --graceful-timeout=28]", []),
    ("", "command: [asgictl, serve, x, --graceful-timeout=29]", killed(DEPLOYMENT, LEVEL, "30", "31")),
    ("", "command: [asgictl]\n        args: [--graceful-timeout, 29]", killed(DEPLOYMENT, LEVEL, "30", "31")),
    ("terminationGracePeriodSeconds: 1", "command: [uvicorn, x]", []),
    ("terminationGracePeriodSeconds: 1", "command: [sleep, '1']", []),
    ("terminationGracePeriodSeconds: 1", "command: []", killed(DEPLOYMENT, LEVEL, "1")),
    (ENOUGH, "lifecycle: {preStop: {exec: {command: [sleep, '1.5']}}}", killed(DEPLOYMENT, LEVEL, "10", "11.5")),
    (ENOUGH, "lifecycle: {preStop: {exec: {command: [sh, -c, 'x; sleep 2']}}}", killed(DEPLOYMENT, LEVEL, "10", "12")),
    (ENOUGH, "lifecycle: {preStop: {exec: {command: [nosleep, '1']}}}", []),
    (ENOUGH, "lifecycle: {preStop: {sleep: {seconds: 3}}}", killed(DEPLOYMENT, LEVEL, "10", "13")),
    (ENOUGH, "lifecycle: {postStart: {sleep: {seconds: 3}}}", []),
    (ENOUGH, "ports: [{containerPort: 8000}, x]", []),
    (ENOUGH, "ports: [{containerPort: 1}, {containerPort: 8000}]", []),
    (
        ENOUGH,
        "ports: [{containerPort: 80}, {containerPort: 81}]",
        [("published-port", DEPLOYMENT, "containerPort is 80, and the server listens on 8000")],
    ),
    (ENOUGH, "ports: 80", []),
    (ENOUGH, "command: [asgictl, --port, $X]\n        ports: [{containerPort: 80}]", []),
    *(
        (
            ENOUGH,
            f"resources: {{requests: {{memory: {wanted}}}, limits: {{memory: {limit}}}}}",
            MORE_MEMORY if more else [],
        )
        for wanted, limit, more in [
            ("2Mi", "1Mi", True),
            ("1Mi", "1Mi", False),
            ("1Mi", "2Mi", False),
            ("2Gi", "1025Mi", True),
            ("1Gi", "1024Mi", False),
            ("1G", "999M", True),
            ("1G", "1000M", False),
            ("1Mi", "1M", True),
            ("1M", "1Mi", False),
            ("1Gi", "1G", True),
            ("2Ki", "1Ki", False),
            ("x2Mi", "1Mi", False),
        ]
    ),
    (ENOUGH, "resources: {requests: {memory: 2Mi}}", []),
    (ENOUGH, "resources: {limits: {memory: 2Mi}}", []),
]


@pytest.mark.parametrize(("more", "container", "expected"), CONTAINERS)
def test_kubernetes(root: Path, more: str, container: str, expected: list[Told]) -> None:
    """Each finding names the workload and says what happens, and what is right is none."""
    assert told(root, "k8s.yaml", POD.format(kind="Deployment", more=more, container=container)) == expected


@pytest.mark.parametrize(
    ("kind", "looked"),
    [
        *((kind, True) for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")),
        *((kind, False) for kind in ("Job", "Service", "Pod")),
    ],
)
def test_workloads(root: Path, kind: str, looked: bool) -> None:
    """Each kind of workload that serves is looked at, in any document, and nothing else."""
    pod = POD.format(kind=kind, more="", container="image: x").replace("readinessProbe", "other")
    text = f"kind: Service\n---\n{pod.replace('runAsNonRoot: true', 'runAsNonRoot: false')}"

    place = f"k8s.yaml: {kind} shop"
    probes = ("probes", place, "there is no readinessProbe: requests come before the server is ready")
    non_root = ("non-root", place, "runAsNonRoot is not set")
    assert told(root, "k8s.yaml", text) == ([probes, non_root] if looked else [])


def test_several_containers(root: Path) -> None:
    """Of several containers only one whose command is the server's is looked at; one may set what holds for itself."""
    pod = POD.format(kind="Deployment", more="terminationGracePeriodSeconds: 1", container="image: x")
    pod = pod.replace("      securityContext: {runAsNonRoot: true}\n", "")
    own = "      - securityContext: {runAsNonRoot: true}\n        command: [asgictl, serve, x]\n      - no\n"

    assert told(root, "k8s.yaml", f"{pod}      - image: y\n") == [
        ("non-root", DEPLOYMENT, "runAsNonRoot is not set"),
    ]
    assert told(root, "k8s.yaml", f"{pod}{own}") == [
        *killed(DEPLOYMENT, LEVEL, "1"),
        ("probes", DEPLOYMENT, "there is no readinessProbe: requests come before the server is ready"),
    ]
    assert told(root, "k8s.yaml", "kind: Deployment\n") == [
        ("non-root", "k8s.yaml: Deployment None", "runAsNonRoot is not set"),
    ]


TIMEOUT = "TimeoutStopSec"
AS_ROOT = [("non-root", "x.service", "the server runs as root: set DynamicUser=yes, or User=")]
UNITS = [
    ("User=web", []),
    ("DynamicUser=yes", []),
    ("Group=web", AS_ROOT),
    ("User=root", AS_ROOT),
    ("User=0", AS_ROOT),
    ("dynamicuser=yes", AS_ROOT),
    ("# User=web", AS_ROOT),
    ("; User=web", AS_ROOT),
    ("User=root\nUser=web", []),
    ("User=web\nTimeoutStopSec=10", []),
    ("User=web\nTimeoutStopSec=1min", []),
    ("User=web\nTimeoutStopSec=infinity", []),
    ("User=web\nTimeoutStopSec=9", killed("x.service", TIMEOUT, "9")),
    ("User=web\nTimeoutStopSec=", []),
    ("User=web\nExecStart=asgictl --graceful-timeout 88", []),
    ("User=web\nExecStart=asgictl --graceful-timeout 89", killed("x.service", TIMEOUT, "90", "91")),
    ("User=web\nExecStart=asgictl \\\n  --graceful-timeout 89", killed("x.service", TIMEOUT, "90", "91")),
    ("ExecStart=/bin/sleep 1\nTimeoutStopSec=1", []),
    ("ExecStart=/x/bin/uvicorn\nTimeoutStopSec=1", AS_ROOT),
    ("ExecStart", []),
]


@pytest.mark.parametrize(("lines", "expected"), UNITS)
def test_units(root: Path, lines: str, expected: list[Told]) -> None:
    """Each finding of a unit says what happens, and what is right is none."""
    exec_start = "" if "ExecStart" in lines else "ExecStart=/srv/shop/.venv/bin/asgictl serve x\n"

    assert told(root, "x.service", f"[Unit]\nx=1\n[Service]\n{exec_start}{lines}\n") == expected
    assert told(root, "x.service", "[Unit]\nUser=root\n") == []


YAML = "expected ',' or ']', but got '<stream end>' in line 2"
UNREADABLE = [
    ("compose.yaml", b"x: [1\n", YAML),
    ("k8s.yaml", b"x: [1\n", YAML),
    ("compose.yaml", b"\xff", "it is not UTF-8"),
    ("compose.yaml", b"x: 2024-13-45\n", "month must be in 1..12"),
    ("x.service", b"\xff", "it is not UTF-8"),
    ("x.service", b"x=1\n", "File contains no section headers. file: '<string>', line: 1 'x=1\\n'"),
]


@pytest.mark.parametrize(("name", "content", "reason"), UNREADABLE)
def test_unreadable(root: Path, name: str, content: bytes, reason: str) -> None:
    """A file that is none of its kind is an error that says where."""
    (root / name).write_bytes(content)

    with pytest.raises(FileProblemError) as error:
        list(lint.problems(root, [name]))

    assert (error.value.message, error.value.hint) == (
        f"cannot read `{root / name}`: {reason}",
        "put it right, or remove it",
    )


def test_documents(tmp_path: Path) -> None:
    """The tags of compose stand for their values, and a document that is no mapping is passed over."""
    (tmp_path / "x.yaml").write_text("a: !reset null\nb: !override [1, {c: 2}]\nd: !x {e: [3]}\n---\n- 1\n---\nf: 1\n")

    assert containers.documents(tmp_path / "x.yaml") == [
        {"a": "null", "b": [1, {"c": 2}], "d": {"e": [3]}},
        {"f": 1},
    ]


COMMANDS: list[tuple[str, dict[str, str], Server | None]] = [
    ("asgictl serve x", {}, Server("asgictl", 8, None)),
    ("/opt/venv/bin/asgictl serve x", {}, Server("asgictl", 8, None)),
    ("C:\\venv\\asgictl serve x", {}, Server("asgictl", 8, None)),
    ("uvicorn x", {}, Server("uvicorn", None, None)),
    ("python -m uvicorn x", {}, Server("uvicorn", None, None)),
    ("gunicorn x", {}, None),
    ("my-uvicorn x", {}, None),
    ("", {}, None),
    ("asgictl --graceful-timeout 3 --port 9", {}, Server("asgictl", 3, 9)),
    ("asgictl --graceful-timeout=3.5 --port=9", {}, Server("asgictl", 3.5, 9)),
    ("asgictl --port 1 --port 2", {}, Server("asgictl", 8, 2)),
    ("asgictl --port", {}, Server("asgictl", 8, None)),
    ("asgictl --port nine --graceful-timeout x", {}, Server("asgictl", 8, None)),
    ("asgictl --port-env 9 --graceful-timeouts 9", {}, Server("asgictl", 8, None)),
    ("uvicorn --graceful-timeout 3", {}, Server("uvicorn", None, None)),
    ("uvicorn --timeout-graceful-shutdown 3 --port 9", {}, Server("uvicorn", 3, 9)),
    ("asgictl --timeout-graceful-shutdown 3", {}, Server("asgictl", 8, None)),
    ("asgictl", {"ASGICTL_SERVE_GRACEFUL_TIMEOUT": "3", "PORT": "9"}, Server("asgictl", 3, 9)),
    ("asgictl", {"ASGICTL_SERVE_PORT": "7", "PORT": "9"}, Server("asgictl", 8, 7)),
    ("asgictl --port 5", {"ASGICTL_SERVE_PORT": "7", "PORT": "9"}, Server("asgictl", 8, 5)),
    ("asgictl", {"UVICORN_PORT": "7", "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "3"}, Server("asgictl", 8, None)),
    ("uvicorn", {"UVICORN_PORT": "7", "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "3"}, Server("uvicorn", 3, 7)),
    ("uvicorn", {"PORT": "7"}, Server("uvicorn", None, None)),
    ("asgictl --port $X", {}, Server("asgictl", 8, 0)),
    ("asgictl --port $X", {"X": "4"}, Server("asgictl", 8, 4)),
    ("asgictl --port ${X}", {"X": "4"}, Server("asgictl", 8, 4)),
    ("asgictl --port ${X:-6}", {}, Server("asgictl", 8, 6)),
    ("asgictl --port ${X:-6}", {"X": "4"}, Server("asgictl", 8, 4)),
    ("asgictl --port ${X:-6}", {"X": ""}, Server("asgictl", 8, 6)),
    ("asgictl --port ${X:?6}", {}, Server("asgictl", 8, None)),
]


@pytest.mark.parametrize(("command", "environ", "expected"), COMMANDS)
def test_servers(command: str, environ: dict[str, str], expected: Server | None) -> None:
    """A command line and its variables say which server there is, its grace and its port."""
    assert server(command.split(), environ) == expected
    assert server(["sh", "-c", command.replace("\\", "/")], environ) == expected
    assert server(["uvicorn"]) == Server("uvicorn", None, None)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["sh", "-c", "x"], "x"),
        (["bash", "-c", "x", "y"], "x"),
        (["/bin/dash", "-c", "x"], "x"),
        (["/usr/local/bin/sh", "-c", "x"], "x"),
        (["ksh", "-c", "x"], None),
        (["sh", "-e", "x"], None),
        (["sh", "-c"], None),
        ([], None),
    ],
)
def test_scripts(words: list[str], expected: str | None) -> None:
    """What a shell is given to run is known, and nothing else is taken for a shell."""
    assert script(words) == expected


def test_a_script_that_does_not_end() -> None:
    """What no shell could run starts no server."""
    assert server(["sh", "-c", "asgictl 'x"]) is None
