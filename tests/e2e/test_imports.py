"""What the server needs is not taken from the project, whatever its files are called."""

import importlib.metadata
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.conftest import Serve, Write
from tests.e2e import bare

MIDDLE = """
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "hey"})
        return await send({"type": "websocket.close"})
    if scope["path"] == "/boom":
        raise ValueError("boom")
"""
APP = bare.BEGINNING + MIDDLE + bare.answering('b"hi"')
WSGI = """
def app(environ, start_response):
    start_response("200 OK", [])
    return [b"hi"]
"""
MODES = {
    "one process": [],
    "asyncio": ["--loop", "asyncio", "--http", "h11", "--access-log-format", "json", "--log-format", "json"],
    "reload": ["--reload"],
    "workers": ["--workers", "2", "--max-requests", "100"],
}
# Whatever differs from this process's makes it a process that has imported nothing before.
FRESH = {"PYTHONHASHSEED": "1"}


def shadows() -> dict[str, str]:
    """Return a file for each module of the standard library, and each that is installed."""
    names = set(sys.stdlib_module_names) - {"__future__"}
    for distribution in importlib.metadata.distributions():
        names.update(Path(str(file.parts[0])).stem for file in distribution.files or ())
    return {f"{name}.py": f"raise RuntimeError({name!r})\n" for name in names if name.isidentifier()}


@pytest.fixture(scope="module")
def nobody() -> ssl.SSLContext:
    """A client's context that asks for no certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.mark.parametrize(
    ("mode", "https"), [*((mode, False) for mode in MODES), ("one process", True), ("workers", True)]
)
def test_files_of_any_name(serve: Serve, write: Write, nobody: ssl.SSLContext, mode: str, https: bool) -> None:
    """A file that is called like a module of Python's, or of the server's, is none that the server takes for it."""
    folder = write({**shadows(), "main.py": APP})
    if https:  # which the server finds, and so has nothing of that imported which makes one
        subprocess.run([sys.executable, "-m", "asgictl", "gen-cert", "--out", str(folder / "ssl")], check=True)
    served = serve("main:app", *MODES[mode], *(["--https"] if https else []), folder=folder, env=FRESH)
    url = served.wait_for(r"https?://[\d.:]+")[0]

    assert httpx.get(url, verify=nobody).text == "hi"
    assert httpx.get(f"{url}/boom", verify=nobody).status_code == 500
    with connect(url.replace("http", "ws", 1), ssl=nobody if https else None, proxy=None) as socket:
        assert socket.recv(timeout=20) == "hey"
    if mode == "reload":
        (folder / "main.py").write_text("1 / 0\n")
        served.wait_for("ZeroDivisionError")
        assert "ZeroDivisionError" in httpx.get(url, verify=nobody, headers={"accept": "text/html"}).text
    if https:
        (folder / "ssl/cert.pem").write_text("not a certificate\n")
        served.wait_for("holds no certificate in PEM form; the server goes on")
        (folder / "ssl/cert.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        served.wait_for("is damaged.*; the server goes on")
    served.send(signal.SIGTERM)

    status, lines = served.end()
    assert (status, [line for line in lines if "RuntimeError" in line]) == (0, [])


def test_wsgi(serve: Serve, write: Write) -> None:
    """What a WSGI app needs to be served is not taken from its folder, either."""
    served = serve("main:app", folder=write({**shadows(), "main.py": WSGI}), env=FRESH)

    assert httpx.get(served.url).text == "hi"


def test_as_a_module(write: Write) -> None:
    """`python -m asgictl` takes nothing of its own from the current folder."""
    names = ("asyncio", "click", "email", "html", "typer", "uvicorn", "uvloop")
    folder = write({**{f"{name}.py": "1 / 0\n" for name in names}, "main.py": APP})
    command = [sys.executable, "-m", "asgictl", "serve", "--check", "main:app"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, "ZeroDivisionError" in done.stderr) == (0, False), done.stderr


def test_as_a_module_without_a_folder(tmp_path: Path) -> None:
    """`python -m asgictl` starts where the current folder has been removed."""
    script = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" -m asgictl --version'
    done = subprocess.run(["sh", "-c", script, sys.executable], cwd=tmp_path, capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("own", [None, "1"])
def test_the_apps_own_processes(serve: Serve, write: Write, own: str | None) -> None:
    """How workers are kept from the current folder's files does not reach the processes that the app starts."""
    app = "import os\ntold = os.environ.get('PYTHONSAFEPATH', '-')\n" + APP.replace('b"hi"', "told.encode()")
    env = FRESH if own is None else {**FRESH, "PYTHONSAFEPATH": own}
    served = serve("main:app", "--workers", "2", folder=write({"main.py": app}), env=env)

    assert httpx.get(served.url).text == (own or "-")
