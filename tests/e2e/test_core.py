"""What `pip install asgictl` brings without an extra: serving, and one line for each part that is missing."""

import json
import tomllib
import venv
from importlib import metadata
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from websockets.sync.client import connect

from asgictl import extras
from tests.conftest import Serve, Write, finish

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
APP = """\
import os

async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "hello"})
        return await send({"type": "websocket.close"})
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": os.environ.get("COLOUR", "none").encode()})

def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"wsgi"]
"""


def required(*names: str) -> set[str]:
    """Return the names of distributions, and of all that they require without extras."""
    found: set[str] = set()
    waiting = [*names]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found:
            found.add(name)
            needed = map(Requirement, metadata.requires(name) or ())
            waiting += [it.name for it in needed if not it.marker or it.marker.evaluate({"extra": ""})]
    return found


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a script that runs asgictl in an environment that has nothing but its requirements."""
    home = tmp_path_factory.mktemp("core")
    venv.create(home / "venv", symlinks=True)
    packages = next((home / "venv").glob("lib/python*/site-packages"))
    (packages / "asgictl.pth").write_text(f"{ROOT}\n")
    needed = map(Requirement, PROJECT["dependencies"])
    for name in required(*(it.name for it in needed if not it.marker or it.marker.evaluate())):
        distribution = metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            (packages / top).symlink_to(Path(str(distribution.locate_file(top))))
    script = home / "asgictl.py"
    python = home / "venv" / "bin" / "python"
    script.write_text(f"import os, sys\nos.execv({str(python)!r}, [{str(python)!r}, '-m', 'asgictl', *sys.argv[1:]])\n")
    return script


def hint(core: Path, extra: str) -> str:
    """Return the line that brings an extra into that environment."""
    python = core.parent / "venv" / "bin" / "python"
    return f"install it where asgictl runs: `{python} -m ensurepip && {python} -m pip install 'asgictl[{extra}]'`"


@pytest.fixture(autouse=True)
def _no_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no uv on the path, whose command the hint would name."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


WORKS = {
    "version": ("--version",),
    "help": ("--help",),
    "serve's help": ("serve", "--help"),
    "inspect's help": ("inspect", "--help"),
    "gen-cert's help": ("gen-cert", "--help"),
    "scaffold's help": ("scaffold", "--help"),
    "session's help": ("session", "show", "--help"),
    "a search": ("serve", "--check"),
    "production": ("serve", "main:app", "--prod", "--check"),
    "a plan": ("serve", "main:app", "--prod", "--dry-run"),
    "settings": ("serve", "main:app", "--prod", "--print-config", "--json"),
}


@pytest.mark.parametrize("case", WORKS)
def test_works_without_extras(core: Path, write: Write, case: str) -> None:
    """Help, versions and everything about serving need no extra."""
    status, _, stderr = finish(*WORKS[case], folder=write({"main.py": APP}), script=core)

    assert (status, "Traceback" in stderr, "install it" in stderr) == (0, False, False)


def test_every_part_is_told() -> None:
    """`--version` leaves out nothing that the core, or an extra for users, asks for."""
    of_users = [lines for extra, lines in PROJECT["optional-dependencies"].items() if extra not in {"dev", "mutants"}]
    asked = {Requirement(line).name for lines in (PROJECT["dependencies"], *of_users) for line in lines}

    _, stdout, _ = finish("--version")

    assert asked - {line.split()[0] for line in stdout.splitlines()} == set()


def test_completes_without_extras(core: Path, write: Write) -> None:
    """The shell's completion knows each command's options, whatever is installed."""
    for words, option in (("gen-cert --tr", "--trust"), ("scaffold --dry", "--dry-run"), ("serve --ht", "--https")):
        shell = {"_ASGICTL_COMPLETE": "complete_bash", "COMP_WORDS": f"asgictl {words}", "COMP_CWORD": "2"}
        status, stdout, stderr = finish(folder=write({"main.py": APP}), script=core, env=shell)

        assert (status, stdout.split()[:1], stderr) == (0, [option], "")


CERTIFICATES = "cryptography, idna and platformdirs, which are not installed"
FILES = "jinja2, packaging, tomlkit and pyyaml, which are not installed"
MISSING = {
    "gen-cert": (("gen-cert",), f"`asgictl gen-cert` needs {CERTIFICATES}", "https"),
    "gen-cert --check": (("gen-cert", "--check"), f"`asgictl gen-cert` needs {CERTIFICATES}", "https"),
    "gen-cert --untrust": (("gen-cert", "--untrust"), f"`asgictl gen-cert` needs {CERTIFICATES}", "https"),
    "scaffold": (("scaffold",), f"`asgictl scaffold` needs {FILES}", "standard"),
    "scaffold --check": (("scaffold", "--check"), f"`asgictl scaffold` needs {FILES}", "standard"),
    "serve --https": (("serve", "--https", "-p", "0"), f"`--https` needs {CERTIFICATES}", "https"),
    "serve --ssl-certfile": (
        ("serve", "main:app", "--prod", "--ssl-certfile", "cert.pem", "-p", "0"),
        f"`--ssl-certfile` needs {CERTIFICATES}",
        "https",
    ),
    "inspect --https": (("inspect", "main:app", "--https", "-p", "0"), f"`--https` needs {CERTIFICATES}", "https"),
}


@pytest.mark.parametrize("case", MISSING)
def test_says_what_is_missing(core: Path, write: Write, case: str) -> None:
    """What needs an extra says so in two lines, with the command that brings it, and writes nothing."""
    words, problem, extra = MISSING[case]
    folder = write({"main.py": APP})

    status, stdout, stderr = finish(*words, folder=folder, script=core)

    assert (status, stdout) == (2, "")
    assert stderr.splitlines() == [f"error: {problem}", f"hint: {hint(core, extra)}"]
    assert [file.name for file in folder.iterdir() if file.name != "__pycache__"] == ["main.py"]


@pytest.mark.parametrize("command", ["gen-cert", "scaffold"])
def test_says_what_is_missing_as_json(core: Path, write: Write, command: str) -> None:
    """With `--json` the same is one object."""
    _, problem, extra = MISSING[command]

    status, stdout, stderr = finish(command, "--json", folder=write({"main.py": APP}), script=core)

    assert (status, stderr) == (2, "")
    assert json.loads(stdout)["error"] == {"message": problem, "hint": hint(core, extra), "exit_status": 2}


def test_serves_without_extras(core: Path, serve: Serve, write: Write) -> None:
    """HTTP, WebSockets and env files are served in production with nothing else installed."""
    folder = write({"main.py": APP, "prod.env": "COLOUR=blue\n"})
    served = serve("main:app", "--prod", "--env-file", "prod.env", folder=folder, script=core)

    assert httpx.get(served.url).text == "blue"
    with connect(f"ws://127.0.0.1:{served.port}") as socket:
        assert socket.recv(timeout=20) == "hello"
    status, lines = served.stop()
    assert (status, [line for line in lines if "rror" in line]) == (0, [])


def test_serves_wsgi_with_workers_without_extras(core: Path, serve: Serve, write: Write) -> None:
    """So are WSGI apps, by several workers."""
    served = serve("main:wsgi", "--prod", "--workers", "2", folder=write({"main.py": APP}), script=core)

    assert httpx.get(served.url).text == "wsgi"
    assert served.stop()[0] == 0


def test_inspects_without_extras(core: Path, serve: Serve, write: Write) -> None:
    """What `inspect` saves is shown again, replayed and exported."""
    folder = write({"main.py": APP})
    served = serve("main:app", "--save", "session.jsonl", command="inspect", folder=folder, script=core)
    assert httpx.get(f"{served.url}/path").text == "none"
    assert served.stop()[0] == 0

    (folder / "again.jsonl").write_bytes((folder / "session.jsonl").read_bytes())
    for command, *words in (("show",), ("replay", "--app", "main:app"), ("export", "--har"), ("diff", "again.jsonl")):
        status, _, stderr = finish("session", command, "session.jsonl", *words, folder=folder, script=core)
        assert (status, "Traceback" in stderr) == (0, False), stderr


def test_restarts_without_extras(core: Path, serve: Serve, write: Write) -> None:
    """`--reload` finds edits by looking at all files, and says what would be told of them at once."""
    folder = write({"main.py": APP})
    served = serve("main:app", "--reload", folder=folder, script=core)
    assert httpx.get(served.url).text == "none"
    served.wait_for("^note: ")

    (folder / "main.py").write_text(APP.replace("none", "edited"))
    served.wait_for("^note: ready again")

    assert httpx.get(served.url).text == "edited"
    notes = [line for line in served.stop()[1] if line.startswith("note: ")]
    assert notes[:1] == [f"note: without watchfiles, edits are found by looking at all files: {hint(core, 'standard')}"]


def test_a_compose_file_that_is_not_read(core: Path, write: Write) -> None:
    """An app that a compose file might name is looked for elsewhere, and the note says why."""
    compose = "services: {web: {build: ., command: uvicorn main:app}}\n"

    status, _, stderr = finish("serve", "--check", folder=write({"main.py": APP, "compose.yaml": compose}), script=core)

    assert status == 0
    assert stderr.splitlines()[0] == f"note: `compose.yaml` is not read without pyyaml: {hint(core, 'standard')}"


def test_each_module_is_of_an_extra() -> None:
    """What is asked for is what the extra brings."""
    extra = PROJECT["optional-dependencies"]
    own = {canonicalize_name(Requirement(it).name) for it in (*extra["https"], *extra["standard"])}
    names = {"yaml": "pyyaml"}

    asked = {canonicalize_name(names.get(it, it)) for it in (*extras.HTTPS.modules, *extras.SCAFFOLD.modules)}

    assert asked | {"asgictl", "uvicorn", "watchfiles"} == own
    assert not asked & required(*(Requirement(it).name for it in PROJECT["dependencies"]))
