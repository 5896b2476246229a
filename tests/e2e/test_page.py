"""Our pages, and our archives, in a real browser (`make test-browser`)."""

import gzip
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from asgictl.inspector.assembly import assembled
from asgictl.inspector.record import Closed, Event, Opened, Record
from tests.conftest import ASGICTL, Serve, Write
from tests.inspector.recordings import CHAT, REQUEST, SCOPE, archive

pytestmark = pytest.mark.browser


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of a headless Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium, "install Chromium for these tests"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser.new_page()
        browser.close()


def test_the_page_is_alive(serve: Serve, page: Page, tmp_path: Path) -> None:
    """The event stream moves, the WebSocket echoes, an upload shows its digest, and a stop is noticed."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    file = tmp_path / "file.bin"
    file.write_bytes(b"upload" * 100_000)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    served = serve("demo")

    page.goto(served.url)

    expect(page.get_by_role("heading", level=1)).to_have_text("Hello World")
    expect(page.locator("#events")).to_contain_text("event 2:")
    expect(page.locator("#echo")).to_have_text("connected")
    page.get_by_label("Message").fill("grüße")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#echo")).to_have_text("echoed: grüße")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("#digest")).to_have_text(f"600000 bytes, SHA-256 {digest}")
    page.screenshot(path=tmp_path / "page.png")

    assert served.stop()[0] == 0
    expect(page.locator("#echo")).to_have_text("closed")
    expect(page.locator("#events")).to_have_text("disconnected, trying again")
    assert errors == []


def test_a_browser_reads_the_archive(serve: Serve, page: Page, tmp_path: Path) -> None:
    """A session exported as HAR is enough for a browser to show the page again, without the server."""
    served = serve("demo", "--save", "s.jsonl", command="inspect")
    page.goto(served.url)
    expect(page.locator("#echo")).to_have_text("connected")
    served.wait_for('"type":"websocket.accept"')
    assert served.stop()[0] == 0
    command = [str(ASGICTL), "session", "export", "s.jsonl", "--har"]
    archive = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    (tmp_path / "s.har").write_bytes(archive.stdout)
    page.goto("about:blank")

    page.route_from_har(tmp_path / "s.har", not_found="abort")
    page.goto(served.url)

    expect(page.get_by_role("heading", level=1)).to_have_text("Hello World")


# What Chromium's developer tools do with a file that is dropped on their network panel.
IMPORT = """async (text) => {
  const HAR = await import('./models/har/har.js');
  const log = new HAR.HARFormat.HARRoot(JSON.parse(text)).log;
  const told = [];
  for (const one of HAR.Importer.Importer.requestsFromHARLog(log)) {
    const content = await one.requestContentData();
    told.push({
      url: one.url(), method: one.requestMethod, status: one.statusCode, type: one.resourceType().name(),
      ms: Math.round(one.duration * 1e6) / 1e3, size: one.resourceSize, transferred: one.transferSize,
      body: content.isTextContent ? content.text : content.base64, form: await one.requestFormData(),
      server: one.remoteAddress(), frames: one.frames().map((frame) => [frame.type, frame.opCode, frame.text]),
      asked: one.includedRequestCookies().map(({cookie}) => `${cookie.name()}=${cookie.value()}`),
      given: one.responseCookies.map((cookie) => [cookie.name(), cookie.value(), cookie.path(), cookie.httpOnly()]),
    });
  }
  return told;
}"""
COOKIES = [(b"host", b"a.b"), (b"cookie", b'a=1; j={"k": 2}')]
GIVEN = [(b"content-encoding", b"gzip"), (b"content-type", b"text/plain"), (b"set-cookie", b"s=1; Path=/x; HttpOnly")]
PACKED = gzip.compress(b"one ") + gzip.compress("grüße ".encode() * 50)


def test_developer_tools_import_the_archive(page: Page) -> None:
    """Chromium's developer tools show of an archive what was recorded: bodies, cookies, messages, sizes and times."""
    zipped: list[Record] = [
        Opened(9, 1_700_000_002.0, {**SCOPE, "method": "GET", "headers": COOKIES}),
        Event(9, 1, 2.0, "send", {"type": "http.response.start", "status": 200, "headers": GIVEN}),
        Event(9, 2, 5.0, "send", {"type": "http.response.body", "body": PACKED}, size=len(PACKED)),
        Closed(9, 500.0),
    ]
    page.goto("devtools://devtools/bundled/devtools_app.html")

    told = page.evaluate(IMPORT, archive(assembled([*REQUEST, *CHAT, *zipped]).values()))

    here: dict[str, Any] = {"server": "127.0.0.1:8000", "form": None, "frames": [], "asked": [], "given": []}
    assert told == [
        {
            **here,
            "url": "http://127.0.0.1:8000/orders?x=1",
            "method": "POST",
            "status": 200,
            "type": "fetch",
            "ms": 8.4,
            "size": 8,
            "transferred": 8,
            "body": '{"ok":1}',
            "form": '{"sku": "A1", "n": 2}',
        },
        {
            **here,
            "url": "ws://127.0.0.1:8000/chat?x=1",
            "method": "GET",
            "status": 101,
            "type": "websocket",
            "ms": 99,
            "size": 0,
            "transferred": 0,
            "body": "",
            "frames": [["send", 1, "hi"], ["receive", 2, "AP8="]],
        },
        {
            **here,
            "url": "http://a.b/orders?x=1",
            "method": "GET",
            "status": 200,
            "type": "fetch",
            "ms": 5,
            "size": 404,
            "transferred": len(PACKED),
            "body": "one " + "grüße " * 50,
            "asked": ["a=1", 'j={"k": 2}'],
            "given": [["s", "1", "/x", True]],
        },
    ]


def test_the_echo_page(serve: Serve, page: Page, tmp_path: Path) -> None:
    """A browser is shown the scope as a page, in which nothing of the request is markup."""
    served = serve(command="inspect")

    page.goto(f"{served.url}/<img src=x onerror=alert(1)>?q=<b>")

    expect(page.get_by_role("heading", level=1)).to_have_text("GET /<img src=x onerror=alert(1)>")
    expect(page.locator("pre")).to_contain_text('"query_string": "q=%3Cb%3E"')
    assert page.locator("img, b").count() == 0
    page.screenshot(path=tmp_path / "page.png")


APP = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    body = f"{scope['method']} works".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": body})
"""
FORM = b"<form method=post action=/form><button>Send</button></form>"


def test_the_error_page_goes_away(serve: Serve, page: Page, write: Write) -> None:
    """The page follows the app: another error, then the app itself; it stops trying when the server has ended."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    folder = write({"main.py": "nosuch\n"})
    served = serve("--reload", "main:app")

    page.goto(f"{served.url}/some/where?a=1#here")
    expect(page.locator(".message")).to_contain_text("name 'nosuch' is not defined")
    expect(page.locator("#then")).to_have_text("This page reloads when the app works again.")

    (folder / "main.py").write_text("another\n")
    expect(page.locator(".message")).to_contain_text("name 'another' is not defined", timeout=20_000)
    (folder / "main.py").write_text(APP)
    expect(page.locator("body")).to_have_text("GET works", timeout=20_000)
    assert page.url == f"{served.url}/some/where?a=1#here"

    (folder / "main.py").write_text("nosuch\n")
    served.wait_for("shows the error", nth=3)
    page.reload()
    expect(page.locator("#then")).to_have_text("This page reloads when the app works again.")
    assert served.stop()[0] == 0
    expect(page.locator("#then")).to_have_text("The server has stopped.", timeout=20_000)
    asked = [line.split('"')[2].split()[0] for line in served.access if '"OPTIONS' in line]
    assert asked == ["500", "500", "500", "200", "500"]
    assert (errors, [line for line in served.lines if "without waiting" in line or "Traceback" in line[1:]]) == ([], [])


def test_a_form_is_not_sent_again(serve: Serve, page: Page, write: Write) -> None:
    """What was sent to a broken app is not sent again by itself; the page says when it can be."""
    folder = write({"main.py": APP.replace("body = f", "body = FORM or f") + f"FORM = {FORM!r}\n"})
    served = serve("--reload", "main:app")
    page.goto(served.url)
    (folder / "main.py").write_text("nosuch\n")
    served.wait_for("shows the error")

    page.get_by_role("button", name="Send").click()

    expect(page.locator("#then")).to_have_text("The app restarts when a file changes.")
    (folder / "main.py").write_text(APP)
    expect(page.locator("#then")).to_have_text(
        "The app has restarted. Reload this page to send the form again.", timeout=20_000
    )
    assert served.stop()[0] == 0
    assert len([line for line in served.access if '"POST /form' in line]) == 1
