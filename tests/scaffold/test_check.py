"""`scaffold --check`: every rule, on what was written and then broken by hand."""

import re
import shutil
from pathlib import Path

import pytest

from asgictl.scaffold import ignore_files, lint
from tests import answers
from tests.scaffold.conftest import run


@pytest.fixture
def root(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a project with all files, and with no other program to ask."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("asgictl.scaffold.lint.tools._which", shutil.which)
    assert run("--for", "all", "--domain", "a.b", "--image", "r.test/shop", "--save").exit_code == 0
    return project


def changed(file: Path, old: str, new: str) -> None:
    """Replace what a pattern finds in a file, which has to be there."""
    text, count = re.subn(rf"(?m){old}", new, file.read_text())
    assert count
    file.write_text(text)


def test_sound(root: Path) -> None:
    """What was just written is sound; programs that are missing are named as skipped, in one line."""
    (root / ".env").write_text("X=1\n")
    result = run("--check")

    assert root.exists()
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines() == [
        "note: every pod of the cluster reaches the app, and is believed for a proxy: pass --proxy-namespace, where "
        "that runs, for a NetworkPolicy",
        "note: skipped, not installed: hadolint, docker compose, caddy, shellcheck, docker stack config, "
        "kubernetes-validate, kubectl kustomize, systemd-analyze",
        "note: sound: Dockerfile, compose.yaml, compose.dev.yaml, compose.watch.yaml, compose.prod.yaml, "
        "Caddyfile, deploy.sh, stack.yaml, k8s.yaml, kustomization.yaml, shop.service",
    ]


def test_drift(root: Path) -> None:
    """A file that is out of date or missing is a finding; one that was edited is the user's, and only a note."""
    (root / "Caddyfile").unlink()
    changed(root / "compose.dev.yaml", "tty: true", "tty: false")

    result = run("--check", "--for", "all", "--port", "9000")

    assert result.exit_code == 1
    assert "compose.yaml: out of date" in result.stdout.splitlines()
    assert "Caddyfile: missing" in result.stdout.splitlines()
    assert "note: `compose.dev.yaml` is yours: it is not compared with what scaffold would write" in result.stderr
    assert "hint: bring them up to date: `asgictl scaffold`, with the options" in result.stderr


def test_what_was_never_asked_for(root: Path) -> None:
    """Without --for, a file that does not exist is not reported as missing."""
    (root / "compose.dev.yaml").unlink()
    (root / "pyproject.toml").unlink()

    result = run("--check", "--domain", "a.b", "--image", "r.test/shop")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines()[-1] == (
        "note: sound: Dockerfile, compose.yaml, compose.watch.yaml, compose.prod.yaml, "
        "Caddyfile, deploy.sh, stack.yaml, k8s.yaml, kustomization.yaml, shop.service"
    )
    named = run("--check", "--domain", "a.b", "--image", "r.test/shop", "--for", "docker,compose,dev")
    assert (named.exit_code, named.stdout) == (1, "compose.dev.yaml: missing\n")


def test_json(root: Path) -> None:
    """`--json` has the drift, the problems and the runs."""
    changed(root / "Dockerfile", "^USER .*", "USER app")

    result = run("--check", "--json")

    answer = answers.result(result.stdout)
    assert result.exit_code == 1
    assert answer["drift"] == {"Dockerfile": "edited"}
    assert [problem["rule"] for problem in answer["problems"]] == ["numeric-user"]
    assert {entry["passed"] for entry in answer["tools"]} == {None}


def test_nothing_to_check(root: Path) -> None:
    """In a project without such files there is nothing to check."""
    for file in root.iterdir():
        if file.name not in {"main.py", "requirements.txt"}:
            file.unlink()

    result = run("--check")

    assert result.exit_code == 4
    assert result.stderr.splitlines()[-1] == "hint: write it: `asgictl scaffold`"


DOCKERFILE = [
    ("^CMD .*", "CMD asgictl serve main:app", ["exec-form"]),
    ("^CMD .*", 'CMD ["sh", "-c", "asgictl serve main:app"]', ["exec-form"]),
    ("^CMD .*", 'CMD ["/bin/sh", "-c", "asgictl serve main:app"]', ["exec-form"]),
    ("^CMD .*", 'CMD ["sh", "-c"]', []),
    ("^CMD .*", 'CMD ["sh", "-c", "python manage.py migrate && exec asgictl serve main:app"]', []),
    ("^CMD .*", 'ENTRYPOINT ["uvicorn", "main:app"]\nCMD ["--port", "9000"]', ["graceful-limit", "expose-port"]),
    ("^EXPOSE .*", 'EXPOSE 8000\nENV UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN=8\nCMD ["uvicorn", "main:app"]\n#', []),
    ("^EXPOSE .*", "EXPOSE 9000\nEXPOSE 8000", []),
    ("^EXPOSE .*", "EXPOSE 8000\nRUN echo $((1 << 2))", []),
    ("^EXPOSE .*", "EXPOSE 8000\nENV TOKENIZERS_PARALLELISM=false SECRET_KEY_FILE=/run/secrets/k", []),
    ("^EXPOSE .*", "EXPOSE 8000\nRUN git clone https://t0ken@example.com/x", ["credentials"]),
    ("^ARG PYTHON_VERSION.*", "ARG PYTHON_VERSION=3.14\nARG PIP_INDEX_URL=https://u:p@h/simple", ["credentials"]),
    (
        "^CMD .*",
        "ENV ASGICTL_SERVE_PORT=9000\nEXPOSE 9000\nCMD exec asgictl serve main:app --port $ASGICTL_SERVE_PORT",
        [],
    ),
    ("^CMD .*", "CMD exec uvicorn main:app --timeout-graceful-shutdown 8 --port $PORT", []),
    (r"^COPY \. \.", "COPY . .\nRUN true \\\n && python <<EOF\nfrom x import y\nEOF", []),
    ("^FROM python:.* AS server", "FROM python AS server", ["pinned-base"]),
    ("^FROM python:.* AS build", "FROM server AS build", []),
    (r"^COPY \. \.", 'COPY --chown=1:1 ["main.py", "requirements.txt", "/app/"]', []),
    ("^CMD .*", "CMD exec asgictl serve main:app", []),
    ("^CMD .*", 'CMD ["sh", "-c", "exec asgictl serve main:app --port ${PORT:-8000}"]', []),
    ("^CMD .*", 'ENTRYPOINT asgictl serve main:app\nCMD ["x"]', ["exec-form"]),
    ("^CMD .*", 'CMD ["uvicorn", "main:app"]', ["graceful-limit"]),
    ("^CMD .*", 'CMD ["uvicorn", "main:app", "--timeout-graceful-shutdown=8"]', []),
    ("^CMD .*", 'CMD ["gunicorn", "main:app"]', []),
    ("^USER .*", "USER app", ["numeric-user"]),
    ("^USER .*", "USER 0", ["numeric-user"]),
    ("^USER .*", "", ["numeric-user"]),
    ("^EXPOSE .*", "EXPOSE 9000", ["expose-port"]),
    ("^EXPOSE .*", "EXPOSE 8000/tcp 9000", []),
    ("^HEALTHCHECK (.|\n)*?CMD .*", "HEALTHCHECK NONE", ["health-check"]),
    ("^FROM python:.* AS server", "FROM python:latest AS server", ["pinned-base"]),
    (r"^COPY \. \.", "COPY . .\nCOPY nosuch.txt ./", ["copied-sources"]),
    (r"^COPY \. \.", "COPY . .\nCOPY --from=build /x ./", []),
    (r"^COPY \. \.", "COPY . .\nCOPY *.py ./", []),
    (r"^COPY \. \.", "COPY . .\nCOPY tests ./", ["copied-sources"]),
    (r"^COPY \. \.", "COPY . .\nRUN --mount=type=bind,source=tests,target=/t true", ["copied-sources"]),
    (r"^COPY \. \.", "COPY . .\nRUN <<EOF\nCOPY nosuch ./\nEOF", []),
    ("^EXPOSE .*", "EXPOSE 8000\nENV PASSWORD=x", ["credentials"]),
    ("^EXPOSE .*", "EXPOSE 8000\nRUN pip install -i https://me:pw@x/simple y", ["credentials"]),
    ("^EXPOSE .*", "EXPOSE 8000\nRUN <<EOF\npip install -i https://me:pw@x/simple y\nEOF", ["credentials"]),
    ("^EXPOSE .*", "EXPOSE 8000\nARG API_TOKEN", []),
    ("^EXPOSE .*", "EXPOSE 8000\nARG PIP_INDEX_URL", ["index-in-history"]),
]


@pytest.mark.parametrize(("old", "new", "rules"), DOCKERFILE)
def test_dockerfile(root: Path, old: str, new: str, rules: list[str]) -> None:
    """Each rule for a Dockerfile is told where it is broken, and only there."""
    (root / "tests").mkdir()
    changed(root / "Dockerfile", old, new.replace("\\", r"\\"))

    assert [problem.rule for problem in lint.problems(root, ["Dockerfile"])] == rules


OTHERS = [
    ("compose.yaml", "stop_grace_period: 15s", "stop_grace_period: 9s", ["stop-budget"]),
    ("compose.yaml", "    stop_grace_period: .*\n", "", []),
    ("compose.yaml", "stop_grace_period: 15s", "stop_grace_period: 1m30s", []),
    ("compose.yaml", r":8000\"$", ':9000"', ["published-port"]),
    ("compose.yaml", "init: true", "privileged: true", ["privileged"]),
    ("compose.prod.yaml", "./Caddyfile:/etc/caddy/Caddyfile:ro", "/var/run/docker.sock:/x", ["privileged"]),
    ("stack.yaml", "stop_grace_period: 15s #", "stop_grace_period: 9s #", ["stop-budget"]),
    ("stack.yaml", "    stop_grace_period: 15s #.*\n", "", []),
    ("stack.yaml", "version: .*\n", "name: shop\n", ["stack-option", "stack-option"]),
    ("stack.yaml", "cap_drop: .*\n    stop", "mem_limit: 5m\n    stop", ["stack-option"]),
    ("stack.yaml", "    read_only: true", "    tmpfs: [/tmp]", ["stack-option"]),
    ("stack.yaml", "    read_only: true", "    env_file: [{path: .env}]", ["stack-option"]),
    ("stack.yaml", "image: r.test/.*", "build: .", ["stack-option", "stack-option"]),
    ("stack.yaml", "    read_only: true", "    ports: ['8000:8000']", ["rolling-update"]),
    ("stack.yaml", "    read_only: true", "    ports: [{target: 8000, published: 80, mode: host}]", ["rolling-update"]),
    ("stack.yaml", "    read_only: true", "    healthcheck: {disable: true}", ["rolling-update"]),
    ("stack.yaml", "    init: true", "    privileged: true", ["stack-option", "privileged"]),
    ("stack.yaml", "limits: {memory: 512M}", "limits: {memory: 64M}", ["memory"]),
    ("stack.yaml", "constraints: .*", "max_replicas_per_node: 1", ["placement"]),
    ("stack.yaml", "shop-caddyfile-[0-9a-f]+", "shop-caddyfile-0123456789ab", ["config-name"]),
    ("stack.yaml", "name: shop-caddyfile.*", "name: of-my-own", []),
    ("k8s.yaml", "terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds: 19", ["stop-budget"]),
    ("k8s.yaml", "containerPort: 8000", "containerPort: 80", ["published-port"]),
    ("k8s.yaml", "runAsNonRoot: true", "runAsNonRoot: false", ["non-root"]),
    ("k8s.yaml", r"command: \[sleep, \"10\"\]", 'command: [/bin/sh, -c, "sleep 25"]', ["stop-budget"]),
    ("k8s.yaml", "terminationGracePeriodSeconds: 30.*", "terminationGracePeriodSeconds: null", []),
    ("k8s.yaml", "limits: {memory: 512Mi}", "limits: {memory: 64Mi}", ["memory"]),
    ("compose.yaml", "target: runtime", "target: final", ["build-target"]),
    ("compose.yaml", "    ports:\n.*\n", "    ports: 8000\n    volumes: 3\n", []),
    ("compose.yaml", "context: .", "context: ./elsewhere", []),
    ("compose.yaml", "context: .", "context: [.]", []),
    ("compose.yaml", "target: runtime", "target: x\n      dockerfile: Dockerfile.worker", []),
    ("k8s.yaml", "kind: Deployment", "kind: [a]", []),
    ("compose.yaml", "init: true", "command: [asgictl, serve, x, --port, '9000']", ["published-port"]),
    ("k8s.yaml", "readinessProbe:", "x-probe:", ["probes"]),
    ("shop.service", "TimeoutStopSec=20", "TimeoutStopSec=9", ["stop-budget"]),
    ("shop.service", "TimeoutStopSec=20", "TimeoutStopSec=5", ["stop-budget"]),
    ("shop.service", "asgictl serve", "asgictl \\\\\n  serve", []),
    ("shop.service", r"DynamicUser=yes\nUser=shop\n", "", ["non-root"]),
    ("shop.service", r"DynamicUser=yes\n", "", []),
    ("shop.service", "TimeoutStopSec=20", "TimeoutStopSec=2d", []),
]


@pytest.mark.parametrize(("file", "old", "new", "rules"), OTHERS)
def test_orchestration(root: Path, file: str, old: str, new: str, rules: list[str]) -> None:
    """So is each rule for the other files."""
    changed(root / file, old, new)

    assert [problem.rule for problem in lint.problems(root, ["Dockerfile", file])] == rules


def test_grace_in_the_image(root: Path) -> None:
    """A longer grace in the image's command needs longer budgets everywhere, and the same command in the stack."""
    changed(root / "Dockerfile", '"--prod"', '"--prod", "--graceful-timeout", "40"')

    assert {(it.rule, it.place) for it in lint.problems(root, lint.present(root))} == {
        ("stop-budget", "compose.yaml: web"),
        ("stop-budget", "k8s.yaml: Deployment shop"),
        ("stack-command", "stack.yaml: web"),
    }
    changed(root / "stack.yaml", '"--prod"', '"--prod", "--graceful-timeout", "40"')

    assert {it.place for it in lint.problems(root, ["Dockerfile", "stack.yaml"]) if it.rule == "stop-budget"} == {
        "stack.yaml: web"
    }


@pytest.mark.parametrize(
    ("gone", "rule"),
    [(".dockerignore", "dockerignore"), ("Dockerfile", "missing"), ("compose.yaml", "missing")],
)
def test_what_is_built_upon(root: Path, gone: str, rule: str) -> None:
    """A file that another one needs is missing wherever it is."""
    (root / gone).unlink()

    assert rule in {problem.rule for problem in lint.problems(root, lint.present(root))}


def test_the_app_is_left_out(root: Path) -> None:
    """A `.dockerignore` that leaves out the app's own file is told."""
    (root / ".dockerignore").write_text("*.py\n")

    rules = [problem.rule for problem in lint.problems(root, ["Dockerfile"], ["main.py"])]

    assert rules == ["copied-sources"]


def test_secrets(root: Path) -> None:
    """A secret that would get into the image is told."""
    (root / ".dockerignore").write_text("*.key\n")
    for name in ("a.key", "deep/b.key", ".env", ".env.example", "deep/.netrc", "deep/cert.pem", "id_rsa"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("x")

    found = [problem.text.split("`")[1] for problem in lint.problems(root, ["Dockerfile"]) if problem.rule == "secrets"]

    assert sorted(found) == [".env", "deep/.netrc", "deep/b.key", "id_rsa"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, "\t{ no\n") for name in ("Dockerfile", "compose.yaml", "k8s.yaml", "shop.service")),
        ("compose.yaml", "x: 2024-13-45\n"),
        ("shop.service", "[Service]\nFoo\n  bar\n"),
        (".dockerignore", "[z-a]\n"),
    ],
)
def test_what_cannot_be_read(root: Path, name: str, text: str) -> None:
    """A file that is no such file is an error with its name."""
    (root / name).write_text(text)

    result = run("--check")

    assert result.exit_code == 4
    assert name in result.stderr.splitlines()[-2]
    assert result.stderr.splitlines()[-1].startswith("hint: ")


def test_a_tool_that_finds_something(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another program says is a finding, and one that is content is named."""
    for name, script in {"hadolint": "echo Dockerfile:1 DL0000 no; exit 1", "caddy": "exit 0"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    result = run("--check")

    assert root.exists()
    assert (result.exit_code, result.stdout) == (1, "Dockerfile: hadolint: Dockerfile:1 DL0000 no\n")
    assert "note: hadolint: Dockerfile failed" in result.stderr
    assert "note: caddy: Caddyfile passed" in result.stderr


@pytest.mark.parametrize(
    ("lines", "path", "expected"),
    [
        (["*.pem"], "cert.pem", True),
        (["*.pem"], "ssl/cert.pem", False),
        (["**/*.pem"], "ssl/cert.pem", True),
        (["**/*.pem"], "cert.pem", True),
        (["docs"], "docs/a/b.md", True),
        (["docs"], "src/docs/a.md", False),
        (["*", "!src/x.py"], "src/x.py", False),
        (["*", "!src"], "src/x.py", False),
        (["*", "!src"], "notes/x.txt", True),
        (["notes/*"], "notes/old/x.txt", True),
        ([".env.*", "!.env.example"], ".env.example", False),
        (["/src/"], "src/x.py", True),
        (["./src"], "src/x.py", True),
        (["src/"], "src", True),
        (["! src", "src"], "src", True),
        (["src", "! src"], "src", False),
        (["# src", ""], "src/x.py", False),
    ],
)
def test_dockerignore(lines: list[str], path: str, expected: bool) -> None:
    """Lines of a `.dockerignore` mean what they mean to the engine."""
    assert ignore_files.matches(lines, path) is expected
