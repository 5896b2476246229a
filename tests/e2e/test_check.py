"""`asgictl check` as projects run it in CI: what it finds, how it ends, and that nothing holds it up."""

import json
import os
import signal
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests import answers
from tests.conftest import APPS, Serve, Write, finish, start

APP = """
import asyncio
import time


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    if scope["path"] == "/wait":
        await asyncio.sleep(60)
    if scope["path"] == "/block":
        time.sleep(60)
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    if scope["path"] == "/twice":
        await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"x"})
    if scope["path"] == "/late":
        return "done"
"""

SENTENCE = "An answer has exactly one `http.response.start`."
LINK = "https://asgi.readthedocs.io/en/latest/specs/www.html#response-start-send-event"
CHANGE = "send the start once, and each part of the body as `http.response.body`"

TWICE = f"""\
error A-153  {SENTENCE}  (app)
  GET /twice, over HTTP/1.1  main.py:17  6 times
      GET /twice  HTTP/1.1
      ◂ http.request  0 B
      ▸ http.response.start  200 OK, content-type: text/plain
    ✗ ▸ http.response.start  200 OK
        `http.response.start` is sent again
      ▸ http.response.body  1 B  x
      ■ returns
  to do: {CHANGE}
  {LINK}

main:app (ASGI): 1 error
no route is known, and 1 --path (8 probes)
"""


LATE = """\
warning A-011  An application returns None: its answer is what it sends.  (app)
  GET /late  2 times
      GET /late  HTTP/1.1
      ◂ http.request  0 B
      ▸ http.response.start  200 OK, content-type: text/plain
      ▸ http.response.body  1 B  x
    ✗ ■ returns
        the app has returned an object of `str`
  to do: send the answer with `await send(...)`, and return nothing
  https://asgi.readthedocs.io/en/latest/specs/main.html#applications

`s.jsonl`: 1 warning
"""


def check(folder: Path, *words: str) -> tuple[int, str, str]:
    """Run `asgictl check` in a folder; return the status, stdout and stderr."""
    return finish("check", *words, folder=folder)


def test_an_app_without_a_fault(write: Write) -> None:
    """Nothing is said but what was probed."""
    assert check(write({"main.py": APP})) == (
        0,
        "main:app (ASGI): no rule is broken\nno route is known: only GET / is probed, pass --path (8 probes)\n",
        "",
    )


def test_a_fault(write: Write) -> None:
    """A broken rule is told with what happened, the line, what to do and where it stands, and the status is 1."""
    status, stdout, stderr = check(write({"main.py": APP}), "--path", "/twice")

    assert (status, stdout, stderr) == (1, TWICE, "")


def test_the_threshold(write: Write) -> None:
    """A warning alone is no failure, unless that is asked for; `never` reports alone."""
    folder = write({"main.py": APP})
    statuses = [
        check(folder, "--path", path, "--fail-on", threshold)[0]
        for path, threshold in (("/late", "error"), ("/late", "warning"), ("/twice", "never"))
    ]

    assert statuses == [0, 1, 0]


def test_what_is_ignored(write: Write) -> None:
    """Rules are ignored for a reason in the file, and on the command line; one that was never found is told."""
    folder = write(
        {"main.py": APP, "pyproject.toml": "[tool.asgictl.check]\nignore = { 'A-153' = 'our clients cope' }\n"}
    )

    assert check(folder, "--path", "/twice", "--ignore", "A-011,A-15?") == (
        0,
        "main:app (ASGI): no rule is broken (6 findings ignored)\nno route is known, and 1 --path (8 probes)\n",
        "note: `A-011` is ignored and was never found: drop it\n",
    )


WRONG = {
    "ignore = ['A-153']": "`ignore` under `[tool.asgictl.check]` in `{file}`: it is a list, not a table of reasons",
    "ignore = { 'A-153' = '' }": "`ignore` under `[tool.asgictl.check]` in `{file}`: 'A-153' has no reason",
}


@pytest.mark.parametrize("line", WRONG)
def test_without_a_reason(write: Write, line: str) -> None:
    """A rule that is ignored in the file has its reason there."""
    folder = write({"main.py": APP, "pyproject.toml": f"[tool.asgictl.check]\n{line}\n"})

    assert check(folder) == (
        2,
        "",
        f"error: {WRONG[line].format(file=folder / 'pyproject.toml')}\nhint: it stands for `--ignore`, see `--help`\n",
    )


MISUSE = {
    ("--ignore", "A-999"): "error: `A-999` is not a rule\nhint: `asgictl check --rules` lists them\n",
    ("--path", "x"): "error: `--path x` is not a path\nhint: write it as /items, POST:/items or WS:/chat\n",
    ("-H", "x"): "error: `-H x` is not a header\nhint: write it as `Name: value`\n",
    ("--session", "s.jsonl", "--unsafe"): "error: `--unsafe` does nothing with `--session`\nhint: drop one of them\n",
    ("app", "--session", "s.jsonl"): "error: an APP does nothing with `--session`\nhint: drop one of them\n",
    ("--rules", "A-999"): "error: there is no rule like `A-999`\nhint: `asgictl check --rules` lists them\n",
    ("--rules", "--format", "sarif"): "error: `--rules` has no form `sarif`\nhint: pass --format json, or drop it\n",
}


@pytest.mark.parametrize("words", MISUSE, ids=" ".join)
def test_misuse(tmp_path: Path, words: tuple[str, ...]) -> None:
    """What cannot be meant is told in two lines, with what to pass."""
    assert check(tmp_path, *words) == (2, "", MISUSE[words])


def test_files(write: Write) -> None:
    """A file that is missing, or cannot be written, has a status of its own."""
    folder = write({"main.py": APP})

    assert check(folder, "--output", "no/report.txt") == (
        4,
        "",
        "error: there is no folder for `no/report.txt`\nhint: make it, or pass another --output\n",
    )
    assert check(folder, "--output", ".")[0] == 4
    assert check(folder, "--output", "-") == (
        4,
        "",
        "error: `--output -` is not a file\nhint: drop it: the report goes to stdout\n",
    )


def test_a_session_without_an_exchange(tmp_path: Path) -> None:
    """Where nothing was recorded nothing was checked: that is no success."""
    (tmp_path / "empty.jsonl").touch()
    status, stdout, stderr = check(tmp_path, "--session", "empty.jsonl")

    assert (status, stdout) == (4, "")
    assert stderr.splitlines()[-2:] == [
        "error: `empty.jsonl` holds nothing that could be checked",
        "hint: record one: `asgictl inspect --save FILE`",
    ]


def test_a_report_into_something_else(write: Write) -> None:
    """What a link leads to is written, and a pipe gets the report: neither becomes a file of another kind."""
    folder = write({"main.py": APP})
    (folder / "link").symlink_to("report.txt")
    os.mkfifo(folder / "pipe")
    reader = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)

    assert check(folder, "--output", "link")[0] == check(folder, "--output", "pipe")[0] == 0
    assert (folder / "link").is_symlink()
    assert (folder / "pipe").is_fifo()
    assert (folder / "report.txt").read_bytes() == os.read(reader, 100_000) != b""
    os.close(reader)
    assert check(folder, "--session", "none.jsonl")[0] == 4
    assert check(folder, "--body", "@none", "--path", "POST:/")[0] == 4


def test_an_app_that_cannot_start(write: Write) -> None:
    """An app that is not there, cannot be loaded or fails to start is no fault, but an error with status 3."""
    failing = APP.replace("raise NotImplementedError", "await receive()\n        raise ValueError")
    folder = write({"main.py": failing, "broken.py": "import nothing_like_that\n\napp = 1\n"})
    (folder / "empty").mkdir()

    status, stdout, stderr = check(folder, "main:app")
    assert (status, stdout) == (3, "")
    assert stderr.startswith("error: the app's startup failed: ValueError: lifespan (main.py:9)\n")
    assert check(folder, "broken:app")[0] == 3
    status, stdout, stderr = check(folder / "empty")
    assert (status, stdout) == (3, "")
    assert stderr.startswith(
        f"error: there is no app in `{folder / 'empty'}`\nhint: name it: `asgictl check module:app`"
    )


HANGS = {
    "/wait": (10, "the app did not answer within 1 s: give what it waits for a time limit"),
    "/block": (12, "the app blocks the event loop for more than 1 s: await there, or use a thread"),
}


@pytest.mark.parametrize("path", HANGS)
def test_an_app_that_hangs(write: Write, path: str) -> None:
    """An app that never answers, or blocks its event loop for ever, is a fault at its line; the command ends."""
    folder = write({"main.py": APP})
    begun = time.monotonic()

    status, stdout, _ = check(folder, "--path", path, "--time-limit", "1", "--format", "json")

    line, text = HANGS[path]
    (fault,) = answers.result(stdout)["faults"]
    assert (status, fault["rule"], fault["route"]) == (1, "A-155", f"GET {path}")
    assert fault["place"] == f"main.py:{line}"
    assert fault["text"] == text
    assert time.monotonic() - begun < 30


def test_an_interruption(write: Write) -> None:
    """Ctrl-C ends the command at once, also while the app blocks its event loop."""
    told = APP.replace("time.sleep(60)", "print('blocks', flush=True) or time.sleep(60)")
    folder = write({"main.py": told})
    process = start("check", "--path", "/block", "--time-limit", "60", folder=folder)
    assert process.stderr.readline() == "blocks\n"
    os.killpg(process.pid, signal.SIGINT)

    stdout, stderr = process.communicate(timeout=20)

    assert (process.wait(), stdout, stderr) == (130, "", "error: interrupted; nothing is reported\n")


def test_reports(write: Write) -> None:
    """Each form is alone on stdout; a file takes it, and stdout has the text."""
    folder = write({"main.py": APP})
    words = ("--path", "/twice", "--format")

    log = json.loads(check(folder, *words, "sarif")[1])
    suites = ET.fromstring(check(folder, *words, "junit")[1])  # our own
    status, stdout, stderr = check(folder, *words, "github", "--output", "report.txt")

    (place,) = log["runs"][0]["results"][0]["locations"]
    assert place["physicalLocation"] == {"artifactLocation": {"uri": "main.py"}, "region": {"startLine": 17}}
    assert [suites.get(name) for name in ("tests", "failures")] == ["3", "1"]
    assert (status, stdout, stderr) == (1, TWICE, "note: the report is in `report.txt`\n")
    assert (folder / "report.txt").read_text() == (
        f"::error file=main.py,line=17,title=A-153 {SENTENCE}::GET /twice (over HTTP/1.1): "
        f"`http.response.start` is sent again. To do: {CHANGE} ({LINK})\n"
    )


def test_an_error_in_json(tmp_path: Path) -> None:
    """With `--format json` an error is an object, too."""
    status, stdout, stderr = check(tmp_path, "--format", "json", "--nonsense")

    assert (status, answers.error(stdout)["exit_status"], stderr) == (2, 2, "")


def test_what_the_app_prints(write: Write) -> None:
    """What the app prints does not get into the report."""
    folder = write({"main.py": f"print('hello')\n{APP}"})

    status, stdout, stderr = check(folder, "--format", "json")

    assert (status, answers.result(stdout)["faults"], stderr) == (0, [], "hello\n")


def test_a_session(serve: Serve, write: Write) -> None:
    """What `inspect --save` has recorded is judged, whether it was checked then or not."""
    folder = write({"main.py": APP})
    served = serve("--save", "s.jsonl", "--check", "off", command="inspect")
    assert [httpx.get(f"{served.url}/late").status_code for _ in range(2)] == [200, 200]
    served.stop()

    assert check(folder, "--session", "s.jsonl", "--fail-on", "warning")[:2] == (1, LATE)


def test_the_catalogue(tmp_path: Path) -> None:
    """The rules are listed, or one is shown with its examples, also for programs."""
    status, stdout, _ = check(tmp_path, "--rules")
    one = check(tmp_path, "--rules", "A-153")[1]
    found = answers.result(check(tmp_path, "--rules", "A-153", "--format", "json")[1])["rules"]

    assert status == 0
    assert f"A-153  error   app    {SENTENCE}" in stdout.splitlines()
    assert one.splitlines()[:4] == [f"A-153  {SENTENCE}", "error, the app has to keep it", f"to do: {CHANGE}", LINK]
    assert {example["breaks"] for example in found[0]["examples"]} == {True, False}


def test_200_routes_in_time(write: Write) -> None:
    """A FastAPI app with 200 routes is checked in seconds."""
    routes = "\n".join(f"@app.get('/r{n}')\nasync def r{n}():\n    return {n}\n" for n in range(200))
    folder = write({"main.py": f"from fastapi import FastAPI\n\napp = FastAPI()\n\n{routes}"})

    status, stdout, _ = check(folder)

    assert (status, stdout.splitlines()[1]) == (0, "204 of 204 routes probed (1023 probes)")


# Frameworks whose sample apps have to be silent.
SILENT = ("blacksheep", "falcon", "fastapi_bigger", "flask", "litestar", "quart", "starlette", "pyramid")


@pytest.mark.parametrize("name", SILENT)
def test_silence(name: str) -> None:
    """Nothing is found in an app that is in order, whatever its framework."""
    status, stdout, _ = check(APPS / name, "--fail-on", "warning")

    assert (status, "no rule is broken" in stdout) == (0, True), stdout
