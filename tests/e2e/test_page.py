"""The bundled page in a real browser (`make test-browser`)."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.conftest import Serve

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
