"""What each rule of `scaffold --check` says, with its place; and what is beside each rule and no finding."""

from pathlib import Path

import pytest

from asgictl.scaffold import lint
from asgictl.scaffold.lint import dockerfile

SOUND = """\
FROM python:3.13-slim
COPY main.py ./
USER 10001:10001
EXPOSE 8000
HEALTHCHECK CMD ["true"]
CMD ["asgictl", "serve", "main:app"]
"""
Told = tuple[str, str, str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with a sound Dockerfile."""
    (tmp_path / "main.py").write_text("")
    (tmp_path / "tests").mkdir()
    (tmp_path / "Dockerfile").write_text(SOUND)
    (tmp_path / ".dockerignore").write_text("tests\n")
    return tmp_path


def told(root: Path, old: str = "", new: str = "", *, needed: tuple[str, ...] = ()) -> list[Told]:
    """Return what is told of the Dockerfile with `new` in place of `old`: rule, place and text."""
    assert old in SOUND
    (root / "Dockerfile").write_text(SOUND.replace(old, new) if old else SOUND)
    return [(it.rule, it.place, it.text) for it in lint.problems(root, ["Dockerfile"], needed)]


def test_sound(root: Path) -> None:
    """A sound Dockerfile has no finding."""
    assert told(root) == []


def pinned(base: str, line: int = 1) -> list[Told]:
    """Return what is told of a base without a version."""
    return [("pinned-base", f"Dockerfile:{line}", f"`{base}` is another image tomorrow: name a version")]


FROM = "FROM python:3.13-slim"
KEEPS = "keeps SIGTERM from the server: it is killed after the grace period, without its shutdown; write it as a list"
SHELL_FORM = [("exec-form", "Dockerfile:6", f"the shell form {KEEPS} in JSON")]
A_SHELL = [("exec-form", "Dockerfile:6", f"a shell {KEEPS} in JSON")]
NO_LIMIT = (
    "graceful-limit",
    "Dockerfile",
    "uvicorn waits for open connections as long as they last: pass --timeout-graceful-shutdown",
)
CMD = 'CMD ["asgictl", "serve", "main:app"]'
IS_ROOT = "the server runs as root"
NOT_ROOT = "is a name: Kubernetes cannot tell that it is not root, write a number"
NO_CHECK = [("health-check", "Dockerfile", "there is no HEALTHCHECK: nothing notices a server that hangs")]
IN_URL = "credentials in a URL stay in the image's history: mount them, RUN --mount=type=secret"
INDEX = (
    "an index given as --build-arg stays in the last stage's history, with its credentials: "
    "move it to a stage that is left behind"
)


def expose(said: str, port: int, line: int = 4) -> list[Told]:
    """Return what is told of a port that is not the server's."""
    return [("expose-port", f"Dockerfile:{line}", f"EXPOSE says {said}, and the server listens on {port}")]


def stays(variable: str, line: int = 4) -> Told:
    """Return what is told of a variable with a secret."""
    text = f"the value of {variable} stays in the image: set it where the container runs"
    return "credentials", f"Dockerfile:{line}", text


RULES: list[tuple[str, str, list[Told]]] = [
    (FROM, "FROM python", pinned("python")),
    (FROM, "# syntax=x\n\nFROM --platform=linux/amd64 python", pinned("python", 3)),
    (FROM, "FROM python:latest", pinned("python:latest")),
    (FROM, "FROM x.example:5000/python", pinned("x.example:5000/python")),
    (FROM, "FROM x.example:5000/python:3", []),
    (FROM, "FROM python@sha256:00", []),
    (FROM, "ARG BASE\nFROM ${BASE}", []),
    (FROM, "FROM scratch", []),
    (FROM, "FROM Scratch", []),
    (FROM, "FROM python:3 AS Base\nFROM BASE", []),
    (FROM, "FROM python:3 AS base\nFROM other", pinned("other", 2)),
    (CMD, "CMD asgictl serve main:app", SHELL_FORM),
    (CMD, "CMD x; exec asgictl serve main:app", []),
    (CMD, "CMD x && exec asgictl serve main:app", []),
    (CMD, "CMD x | exec asgictl serve main:app", []),
    (CMD, "CMD  exec  asgictl serve main:app", []),
    (CMD, "CMD execute asgictl serve main:app", SHELL_FORM),
    (CMD, "CMD x exec asgictl serve main:app", SHELL_FORM),
    (CMD, "CMD 'asgictl", SHELL_FORM),
    *((CMD, f'CMD ["{shell}", "-c", "asgictl serve x"]', A_SHELL) for shell in ("sh", "/bin/bash", "/usr/bin/dash")),
    (CMD, 'CMD ["sh", "-c", " exec asgictl serve x"]', []),
    (CMD, 'CMD ["zsh", "-c", "asgictl serve x"]', []),
    (CMD, 'CMD ["sh", "-x", "asgictl serve x"]', []),
    (CMD, "ENTRYPOINT asgictl\nCMD serve main:app", [*SHELL_FORM, ("exec-form", "Dockerfile:7", SHELL_FORM[0][2])]),
    (CMD, 'CMD ["uvicorn", "main:app"]', [NO_LIMIT]),
    (CMD, 'CMD ["uvicorn", "main:app", "--timeout-graceful-shutdown", "3"]', []),
    (CMD, 'ENV UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN=3\nCMD ["uvicorn", "main:app"]', []),
    (CMD, 'ENV UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN="3"\nCMD ["uvicorn", "main:app"]', []),
    (CMD, "", []),
    ("USER 10001:10001\n", "", [("numeric-user", "Dockerfile", f"there is no USER: {IS_ROOT}")]),
    ("USER 10001:10001", "USER root", [("numeric-user", "Dockerfile:3", IS_ROOT)]),
    ("USER 10001:10001", "USER 0:1", [("numeric-user", "Dockerfile:3", IS_ROOT)]),
    ("USER 10001:10001", "USER web:1", [("numeric-user", "Dockerfile:3", f"`web` {NOT_ROOT}")]),
    ("USER 10001:10001", "USER 1", []),
    ("USER 10001:10001", "USER root\nRUN true\nUSER 1:root", []),
    ("USER 10001:10001", "USER 1\nUSER 0", [("numeric-user", "Dockerfile:4", IS_ROOT)]),
    ("EXPOSE 8000", "EXPOSE 9000", expose("9000", 8000)),
    ("EXPOSE 8000", "EXPOSE 9000\nEXPOSE 9001/tcp 9002", expose("9000, 9001, 9002", 8000, 5)),
    ("EXPOSE 8000", "EXPOSE 8000/udp", []),
    ("EXPOSE 8000", "EXPOSE $PORT", []),
    ("EXPOSE 8000", "EXPOSE 9000 7000-7100", []),
    ("EXPOSE 8000\n", "", []),
    ("EXPOSE 8000", "ENV ASGICTL_SERVE_PORT=9000\nEXPOSE 8000", expose("8000", 9000, 5)),
    ("EXPOSE 8000", "ENV PORT=9000\nEXPOSE 8000", expose("8000", 9000, 5)),
    (CMD, 'CMD ["asgictl", "serve", "--port=9000"]', expose("8000", 9000)),
    (CMD, 'CMD ["asgictl", "serve", "--port", "9000"]', expose("8000", 9000)),
    (CMD, 'CMD ["sh", "-c", "exec asgictl serve --port ${X:-9000}"]', expose("8000", 9000)),
    (CMD, 'CMD ["sh", "-c", "exec asgictl serve --port $X"]', []),
    (CMD, 'CMD ["gunicorn", "--port", "9000"]', []),
    ('HEALTHCHECK CMD ["true"]', "HEALTHCHECK none", NO_CHECK),
    ('HEALTHCHECK CMD ["true"]\n', "", NO_CHECK),
    ("EXPOSE", "RUN pip install -i https://me:pw@x/y z\nEXPOSE", [("credentials", "Dockerfile:4", IN_URL)]),
    ("EXPOSE", "RUN pip install -i http://pw@x/y z\nEXPOSE", [("credentials", "Dockerfile:4", IN_URL)]),
    ("EXPOSE", "RUN pip install -i https://x/y@1 me@x.example\nEXPOSE", []),
    ("EXPOSE", "ENV PASSWORD=https://me:pw@x/y\nEXPOSE", [("credentials", "Dockerfile:4", IN_URL)]),
    *(
        ("EXPOSE", f"{instruction} MY_{name}S=x\nEXPOSE", [stays(f"MY_{name}S")])
        for instruction in ("ENV", "ARG")
        for name in ("PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY", "PRIVATE_KEY", "password")
    ),
    *(("EXPOSE", f"ENV TOKEN{end}=x\nEXPOSE", []) for end in ("_FILE", "_PATH", "_URL", "_NAME", "_OLD_FILE")),
    *(("EXPOSE", f"ENV TOKEN{end}=x\nEXPOSE", [stays(f"TOKEN{end}")]) for end in ("_FILES", "_KEY", "FILE")),
    *(
        ("EXPOSE", f"ENV TOKEN={value}\nEXPOSE", [])
        for value in ("true", "FALSE", "12", '""', "''", "/run/x", "$X", '"${X}"', "'false'")
    ),
    ("EXPOSE", "ENV TOKEN=12x\nEXPOSE", [stays("TOKEN")]),
    ("EXPOSE", "ENV TOKEN x\nEXPOSE", [stays("TOKEN")]),
    ("EXPOSE", "ENV X=1 TOKEN=x Y=2 SECRET=y\nEXPOSE", [stays("TOKEN"), stays("SECRET")]),
    ("EXPOSE", "LABEL TOKEN=x\nEXPOSE", []),
    (FROM, f"ARG TOKEN=x\n{FROM}", [stays("TOKEN", 1)]),
    (FROM, f"FROM python:3 AS first\nENV TOKEN=x\n{FROM}", [stays("TOKEN", 2)]),
    *(
        ("EXPOSE", f"ARG {name}\nEXPOSE", [("index-in-history", "Dockerfile:4", INDEX)])
        for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
    ),
    *(
        ("EXPOSE", f"{line}\nEXPOSE", [])
        for line in ("ARG MY_PIP_INDEX_URL", "ENV PIP_INDEX_URL=x", "ARG PIP_INDEX_URLS")
    ),
    (FROM, f"FROM python:3 AS first\nARG PIP_INDEX_URL\n{FROM}", []),
    (FROM, "FROM python:3 AS first\nARG PIP_INDEX_URL\nFROM first", [("index-in-history", "Dockerfile:2", INDEX)]),
]


@pytest.mark.parametrize(("old", "new", "expected"), RULES)
def test_rules(root: Path, old: str, new: str, expected: list[Told]) -> None:
    """Each finding says what happens because of which line, and what is right is none."""
    assert told(root, old, new) == expected


def absent(path: str, line: int = 2) -> list[Told]:
    """Return what is told of a source that is not there."""
    return [("copied-sources", f"Dockerfile:{line}", f"`{path}` is not there")]


def left(path: str, line: int = 2) -> list[Told]:
    """Return what is told of a source that the engine does not get."""
    return [("copied-sources", f"Dockerfile:{line}", f"`.dockerignore` leaves out `{path}`")]


COPIES = [
    ("COPY a.txt b.txt main.py ./", absent("a.txt") + absent("b.txt")),
    ("COPY ./a/ ./", absent("a")),
    ("COPY tests ./", left("tests")),
    ("COPY ./tests/ main.py ./", left("tests")),
    ("ADD tests ./", left("tests")),
    ("ADD https://x.example/y.tar.gz /y", []),
    ("ADD a.txt https://x.example/y /y/", absent("a.txt")),
    ("COPY --chown=1:1 --link a.txt ./", absent("a.txt")),
    ('COPY --chown=1:1 ["a b.txt", "main.py", "./"]', absent("a b.txt")),
    ("COPY --from=build a.txt ./", []),
    *((f"COPY {source} ./", []) for source in ("*.txt", "?.txt", "[ab].txt", "$X", "./main.py")),
    ("COPY <<EOF /x\na b\nEOF", []),
    ("RUN --mount=type=bind,source=a.txt,target=/a true", absent("a.txt")),
    ("RUN --mount=type=bind,target=/a,src=tests true", left("tests")),
    ("RUN --mount=type=bind,source=a.txt --mount=type=bind,src=tests true", absent("a.txt") + left("tests")),
    ("RUN --mount=type=bind,from=build,source=a.txt true", []),
    ("RUN --mount=type=cache,source=a.txt true", []),
    ("RUN --mount=type=bind,target=/a true", []),
    ("RUN cp a.txt b.txt", []),
    ("RUN \\\n  true\nCOPY a.txt ./", absent("a.txt", 4)),
    ("RUN python <<'EOF' && true\nCOPY a.txt ./\nEOF\nCOPY b.txt ./", absent("b.txt", 5)),
    ("RUN cat <<<EOF\nCOPY a.txt ./", absent("a.txt", 3)),
    ("LABEL a=<<EOF\nCOPY a.txt ./", absent("a.txt", 3)),
    ("RUN cat <<-EOF\nCOPY a.txt ./\n\tEOF\nCOPY b.txt ./", absent("b.txt", 5)),
    ("RUN true \\\n && cat <<EOF\nCOPY a.txt ./\nEOF\nCOPY b.txt ./", absent("b.txt", 6)),
]


@pytest.mark.parametrize(("lines", "expected"), COPIES)
def test_what_is_copied(root: Path, lines: str, expected: list[Told]) -> None:
    """A source that is missing or left out is told for each way to name one, with its own line."""
    assert told(root, "COPY main.py ./", lines) == expected


@pytest.mark.parametrize("copy", ["COPY . .", "COPY ./ /x/", "COPY main.py . ./", "ADD . /x"])
def test_everything_is_copied(root: Path, copy: str) -> None:
    """Where everything is copied, what the app is in must be there, and a `.dockerignore`."""
    (root / ".dockerignore").write_text("*.py\n")
    out = [] if "main" not in copy else left("main.py")
    assert told(root, "COPY main.py ./", copy, needed=("main.py", "Makefile")) == [
        *out,
        ("copied-sources", "Dockerfile:2", "`.dockerignore` leaves out `main.py`, which the app is in"),
    ]
    (root / ".dockerignore").unlink()
    text = "there is no `.dockerignore`: everything gets into the image"
    assert told(root, "COPY main.py ./", copy, needed=("main.py",)) == [("dockerignore", "Dockerfile:2", text)]


def secret(path: str) -> Told:
    """Return what is told of a secret."""
    return "secrets", "Dockerfile:2", f"`{path}` gets into the image: name it in `.dockerignore`"


SECRETS = [
    *(".env", ".env.local", "prod.env", "a.pem", "a.key", "a.p12", "a.pfx", "a.jks", "a.keystore", "id_rsa"),
    *("id_ecdsa", "id_ed25519", ".ssh/config", ".aws/config", ".netrc", "netrc", "pip.conf", ".pypirc"),
    *("credentials.json", "service-account-1.json"),
]


@pytest.mark.parametrize("name", SECRETS)
def test_each_kind_of_secret(root: Path, name: str) -> None:
    """Each kind of secret is told wherever it lies, unless it is left out."""
    for path in (root / name, root / "deep/er" / name):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("-----BEGIN PRIVATE KEY-----")

    assert sorted(told(root, "COPY main.py ./", "COPY . .")) == sorted([secret(name), secret(f"deep/er/{name}")])
    assert told(root, "COPY main.py ./", "COPY main.py ./") == []
    (root / ".dockerignore").write_text(f"**/{name}\n")
    assert told(root, "COPY main.py ./", "COPY . .") == []


def test_what_is_no_secret(root: Path) -> None:
    """An example, a certificate, and what lies where nobody copies from, are no secrets; a folder of secrets is."""
    for name in (".env.example", "environment", "a.pem", "key.py", "deep/secrets/x", "secrets/x"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("-----BEGIN CERTIFICATE-----")
    for folder in (".git", ".venv", "venv", "node_modules", "__pycache__"):
        (root / folder).mkdir()
        (root / folder / "id_rsa").write_text("")

    assert told(root, "COPY main.py ./", "COPY . .") == [secret("secrets/x")]


def test_secrets_behind_links(root: Path) -> None:
    """A link counts as a file: what it leads to is not looked at, and one that leads nowhere may be a secret."""
    (root / "real").mkdir()
    (root / "real/.env").write_text("")
    (root / ".dockerignore").write_text("real\n")
    (root / "link").symlink_to(root / "real")
    (root / "b.pem").symlink_to(root / "nowhere")

    assert told(root, "COPY main.py ./", "COPY . .") == [secret("b.pem")]


@pytest.mark.parametrize(("limit", "seen"), [(7, ["a.key"]), (8, ["a.key", "z/b.key"]), (2, [])])
def test_a_bound_on_the_files(root: Path, limit: int, seen: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In a huge folder only so many files are looked at."""
    monkeypatch.setattr(dockerfile, "_FILES_LOOKED_AT", limit)
    (root / "z").mkdir()
    for name in ("a.key", "z/a", "z/b.key"):
        (root / name).write_text("")
    names = [path for folder in (root, root / "z") for path in sorted(folder.iterdir())]
    assert [str(path.relative_to(root)) for path in names] == [
        *(".dockerignore", "Dockerfile", "a.key", "main.py", "tests", "z", "z/a", "z/b.key"),
    ]
    (root / "tests").rmdir()
    (root / "tests").write_text("")

    assert told(root, "COPY main.py ./", "COPY . .") == [secret(path) for path in seen]


def test_an_ignoring_file_that_is_no_text(root: Path) -> None:
    """A `.dockerignore` that is no text leaves nothing out."""
    (root / ".dockerignore").write_bytes(b"\xff\xfe")
    (root / ".env").write_text("")

    assert told(root, "COPY main.py ./", "COPY tests . ./") == [secret(".env")]
