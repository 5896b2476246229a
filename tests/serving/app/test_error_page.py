"""The page that a broken app is shown as: what is on it, and who may see it."""

import asyncio
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from asgictl import adapt
from asgictl.discovery import AppRef
from asgictl.errors import AppLoadError
from asgictl.failure import Failure
from asgictl.serving.app.error_page import ErrorPage, is_local
from asgictl.serving.request import ShowErrors

HIDDEN = "The app is broken; the terminal in which it was started says why.\n"
STACK = """Traceback (most recent call last):
  File "/home/me/asgictl_shop/main.py", line 3, in <module>
    import helpers
  File "/home/me/importlib/helpers.py", line 1, in <module>
    1 <2
{}
SyntaxError: no
a note that was added"""
FAILURE = Failure("SyntaxError", "no", "the whole traceback", STACK)


def asked(page: ErrorPage, address: str = "127.0.0.1", **headers: str) -> httpx.Response:
    """Return the answer of a page to a client."""

    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(page, client=(address, 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/", headers=headers)

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("hint", "failure", "text"),
    [
        ("install it", None, "cannot load `m:app`: <b>\n\ninstall it\n"),
        (None, None, "cannot load `m:app`: <b>\n"),
        ("install it", FAILURE, f"cannot load `m:app`: <b>\n\ninstall it\n\n{STACK}\n"),
        (None, FAILURE, f"cannot load `m:app`: <b>\n\n{STACK}\n"),
        (None, Failure("", "x", "said\nby the app"), "cannot load `m:app`: <b>\n\nsaid\nby the app\n"),
    ],
)
def test_the_text(hint: str | None, failure: Failure | None, text: str) -> None:
    """A client without a browser gets the message, what to do and the stack of the user's code."""
    error = AppLoadError("cannot load `m:app`: <b>", hint=hint, failure=failure)

    answer = asked(ErrorPage(error, "loopback"))

    assert (answer.status_code, answer.text) == (500, text)
    assert dict(answer.headers) == {
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }


class Page(HTMLParser):
    """The text of each element of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        self.elements.append((tag, dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        """Add to the one that has begun last."""
        if self.elements:
            tag, attributes, text = self.elements[-1]
            self.elements[-1] = tag, attributes, text + data


@pytest.mark.parametrize(("hint", "shown"), [("install `<it>`", "install `<it>`"), (None, "")])
def test_the_page(hint: str | None, shown: str) -> None:
    """A browser gets a page with the same, in which nothing of the error is taken for HTML."""
    error = AppLoadError("cannot load `m:app`: <b> & {x}", hint=hint, failure=FAILURE)

    answer = asked(ErrorPage(error, "loopback"), Accept="text/html,*/*")

    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/html; charset=utf-8")
    page = Page(answer.text)
    texts = {(tag, attributes.get("class")): text.strip() for tag, attributes, text in page.elements}
    del texts["style", None], texts["script", None]
    assert texts == {
        ("html", None): "",
        ("meta", None): "",
        ("title", None): "The app is broken",
        ("h1", None): "500 · The app is broken",
        ("p", "message"): "cannot load `m:app`: <b> & {x}",
        ("p", "hint"): shown,
        ("pre", None): STACK,
        ("p", "unwatched"): "",
        ("p", None): "The app restarts when a file changes. Then reload this page.",
    }


def test_edits_that_do_not_count_for_now() -> None:
    """While changes are not seen both kinds of the page say so, and it is still the page of the same error."""
    page = ErrorPage(AppLoadError("no luck", hint="mend it"), "always")
    name = page._name

    page.unwatched = "changes are not seen for 8 s (<OSError>)"

    assert asked(page).text == "no luck\n\nmend it\n\nChanges are not seen for 8 s (<OSError>)\n"
    elements = Page(asked(page, Accept="text/html").text).elements
    assert ("p", {"class": "unwatched"}, "Changes are not seen for 8 s (<OSError>)\n") in elements
    assert page._name == name


def test_text_that_is_no_unicode() -> None:
    """A message that cannot be encoded is shown all the same."""
    assert asked(ErrorPage(AppLoadError("a\udce9b"), "always")).text == "a\\udce9b\n"


def test_a_real_error(tmp_path: Path) -> None:
    """The page of an app that cannot be imported has the user's own line as its only frame."""
    (tmp_path / "torn.py").write_text("import json\n1 / 0\n")
    with pytest.raises(AppLoadError) as caught:
        adapt.load(AppRef(module="torn", attribute="app", found="as named", path=(str(tmp_path),)))

    assert caught.value.failure is not None
    frames = [line for line in caught.value.failure.stack.splitlines() if line.startswith("  File")]

    assert frames == [f'  File "{tmp_path}/torn.py", line 2, in <module>']


def test_a_websocket_is_refused() -> None:
    """A WebSocket to a broken app is refused: nobody waits for an answer."""
    heard: list[Any] = []

    async def send(message: Any) -> None:
        heard.append(message)

    async def receive() -> Any:
        heard.append("asked for the first message")
        return {"type": "websocket.connect"}

    asyncio.run(ErrorPage(AppLoadError("x"), "loopback")({**scope(HERE), "type": "websocket"}, receive, send))

    assert heard == ["asked for the first message", {"type": "websocket.close", "code": 1011}]


@pytest.mark.parametrize(("method", "repeated"), [("GET", True), ("HEAD", True), ("POST", False)])
def test_what_the_page_does_when_the_app_is_mended(method: str, repeated: bool) -> None:
    """The page of what can be asked for again reloads by itself; a form is never sent twice."""
    text = ErrorPage(AppLoadError("x"), "always")._html(method)

    assert ("then.textContent = true ?" in text) is repeated
    assert ("if (true) location.reload()" in text) is repeated


def test_the_page_waits() -> None:
    """Who asks whether the error is still the same is held, and let go with it; others learn nothing."""
    page = ErrorPage(AppLoadError("x"), "loopback")
    same = [(b"host", b"localhost"), (b"asgictl-error", page._name)]
    other = [(b"host", b"localhost"), (b"asgictl-error", ErrorPage(AppLoadError("y"), "loopback")._name)]

    async def answers(headers: list[tuple[bytes, bytes]], client: str = "127.0.0.1") -> list[Any]:
        heard: list[Any] = []
        incoming = iter([{"type": "http.request"}, {"type": "http.disconnect"}])

        async def send(message: Any) -> None:
            heard.append(message)

        async def receive() -> Any:
            heard.append("waits")
            return next(incoming)

        await page({"type": "http", "method": "OPTIONS", "client": (client, 1), "headers": headers}, receive, send)
        return heard

    start, *rest = asyncio.run(answers(same))
    assert (start["status"], dict(start["headers"])) == (
        500,
        {
            b"content-type": b"text/event-stream; charset=utf-8",
            b"cache-control": b"no-store",
            b"x-content-type-options": b"nosniff",
            b"asgictl-error": page._name,
        },
    )
    assert rest == [{"type": "http.response.body", "more_body": True}, "waits", "waits"]
    for start, *rest in (asyncio.run(answers(other)), asyncio.run(answers(same, client="192.0.2.1"))):
        assert b"asgictl-error" not in dict(start["headers"])
        assert [message["body"] for message in rest] in ([b"x\n"], [HIDDEN.encode()])


def scope(client: tuple[str, int] | None, host: str = "localhost", *forwarded: str, **more: str) -> dict[str, Any]:
    """Return the scope of a request from a client, for a host, by way of proxies that add `more`."""
    named = [("x-forwarded-for", one) for one in forwarded] + [(it.replace("_", "-"), more[it]) for it in more]
    headers = [(name.encode(), value.encode("latin-1")) for name, value in [*named, ("host", host)]]
    return {"type": "http", "method": "GET", "client": client, "headers": headers}


@pytest.mark.parametrize(
    ("show_errors", "address", "shown"),
    [
        ("loopback", "127.0.0.1", True),
        ("loopback", "192.0.2.1", False),
        ("always", "192.0.2.1", True),
        ("never", "127.0.0.1", False),
    ],
)
def test_who_sees_it(show_errors: ShowErrors, address: str, shown: bool) -> None:
    """Whoever is not meant to see the error learns that there is one, in plain text."""
    answer = asked(ErrorPage(AppLoadError("secret"), show_errors), address, Accept="text/html")

    assert answer.status_code == 500
    assert ("secret" in answer.text) is shown
    assert shown or (answer.text, answer.headers["content-type"]) == (HIDDEN, "text/plain; charset=utf-8")


HERE = ("127.0.0.1", 5000)
LOCAL: dict[str, tuple[dict[str, Any], bool]] = {
    "IPv4": (scope(HERE), True),
    "another loopback": (scope(("127.9.9.9", 1)), True),
    "IPv6": (scope(("::1", 1)), True),
    "IPv4 in IPv6": (scope(("::ffff:127.0.0.1", 1)), True),
    "another machine": (scope(("192.0.2.1", 1)), False),
    "another machine in IPv6": (scope(("::ffff:192.0.2.1", 1)), False),
    "no address": (scope(("unix", 0)), False),
    "a UNIX socket": (scope(None), False),
    "a UNIX socket, by a proxy for this machine": (scope(None, "localhost", "127.0.0.1"), False),
    "by a proxy for this machine": (scope(HERE, "localhost", "127.0.0.1"), True),
    "by two proxies": (scope(HERE, "localhost", " 127.0.0.1 , ::1"), True),
    "by a proxy for another machine": (scope(HERE, "localhost", "192.0.2.1"), False),
    "by two proxies for another machine": (scope(HERE, "localhost", "127.0.0.1,192.0.2.1"), False),
    "by two proxies with a header each": (scope(HERE, "localhost", "127.0.0.1", "192.0.2.1"), False),
    "by a proxy that says nothing": (scope(HERE, "localhost", ""), False),
    "a port": (scope(HERE, "localhost:8000"), True),
    "capitals": (scope(HERE, "LocalHost"), True),
    "a name below localhost": (scope(HERE, "shop.LOCALHOST:80"), True),
    "a loopback address": (scope(HERE, "127.9.9.9:8000"), True),
    "an IPv6 address": (scope(HERE, "[::1]:8000"), True),
    "an IPv6 address without a port": (scope(HERE, "[::1]"), True),
    "IPv4 in an IPv6 address": (scope(HERE, "[::ffff:127.0.0.1]"), True),
    "another address": (scope(HERE, "192.0.2.9:8000"), False),
    "every address": (scope(HERE, "0.0.0.0:8000"), False),
    "another IPv6 address": (scope(HERE, "[2001:db8::1]:8000"), False),
    "more after an IPv6 address": (scope(HERE, "[::1]evil"), False),
    "a name after an IPv6 address": (scope(HERE, "[::1].evil.example:80"), False),
    "more after an address": (scope(HERE, "127.0.0.1.evil"), False),
    "more after a port": (scope(HERE, "localhost:80.evil"), False),
    "somebody before it": (scope(HERE, "localhost:80@evil.example"), False),
    "an IPv6 address without brackets": (scope(HERE, "::1"), False),
    "brackets round an IPv4 address": (scope(HERE, "[127.0.0.1]"), False),
    "a bracket that is open": (scope(HERE, "[::1"), False),
    "an empty host": (scope(HERE, ""), False),
    "two hosts": (
        {**scope(HERE), "headers": [(b"host", b"localhost"), (b"host", b"evil.example")]},
        False,
    ),
    "another name": (scope(HERE, "evil.example"), False),
    "a name that ends alike": (scope(HERE, "evillocalhost"), False),
    "a name that begins alike": (scope(HERE, "localhost.evil.example"), False),
    "brackets round a name": (scope(HERE, "[evil.example]"), False),
    "letters that are none": (scope(HERE, "l\xf6calhost"), False),
    "no host": ({"type": "http", "client": HERE, "headers": []}, False),
    "a client and its port": (scope(HERE, "localhost", "127.0.0.1:5000, [::1]:5000"), True),
    "Caddy on this machine": (
        scope(
            HERE,
            "shop.localhost",
            "127.0.0.1",
            x_forwarded_host="shop.localhost",
            x_forwarded_proto="https",
            via="2 Caddy",
        ),
        True,
    ),
    "a host elsewhere, on this machine": (scope(HERE, "localhost", "127.0.0.1", x_forwarded_host="shop.test"), False),
    "Forwarded": (scope(HERE, forwarded='for="[::1]:4711";host=localhost;proto=http, FOR = 127.0.0.1'), True),
    "Forwarded for another": (scope(HERE, forwarded="for=127.0.0.1, for=203.0.113.9"), False),
    "Forwarded for a host": (scope(HERE, forwarded="for=127.0.0.1;host=shop.test"), False),
    "Forwarded for nobody": (scope(HERE, forwarded="proto=https"), False),
    "Forwarded for a secret": (scope(HERE, forwarded="for=_hidden"), False),
    "two that disagree": (scope(HERE, "localhost", "127.0.0.1", x_real_ip="203.0.113.9"), False),
    "two that agree": (scope(HERE, "localhost", "127.0.0.1", x_real_ip="127.0.0.1"), True),
    "not by proxies": (scope(HERE, x_request_id="1", user_agent="x", cookie="a=b", origin="http://localhost"), True),
}
# What a proxy on this machine says of a client elsewhere, or of nobody.
SIGNS = {
    "forwarded": "for=203.0.113.9",
    "x-forwarded": "203.0.113.9",
    "x-forwarded-for": "203.0.113.9",
    "x-forwarded-host": "localhost",
    "x-forwarded-proto": "https",
    "x-forwarded-port": "443",
    "x-forwarded-server": "proxy",
    "x-forwarded-prefix": "/api",
    "forwarded-for": "203.0.113.9",
    "x-original-forwarded-for": "203.0.113.9",
    "via": "1.1 varnish",
    "cdn-loop": "cloudflare",
    "x-real-ip": "203.0.113.9",
    "cf-connecting-ip": "203.0.113.9",
    "cf-connecting-ipv6": "2001:db8::1",
    "cf-ray": "230b030023ae2822-SJC",
    "true-client-ip": "203.0.113.9",
    "client-ip": "203.0.113.9",
    "x-client-ip": "203.0.113.9",
    "x-cluster-client-ip": "203.0.113.9",
    "fastly-client-ip": "203.0.113.9",
    "fly-client-ip": "203.0.113.9",
    "x-azure-clientip": "203.0.113.9",
    "x-azure-socketip": "203.0.113.9",
    "x-appengine-user-ip": "203.0.113.9",
    "x-envoy-external-address": "203.0.113.9",
    "x-amzn-trace-id": "Root=1-67891233-abcdef012345678912345678",
    "x-remote-addr": "203.0.113.9",
    "wl-proxy-client-ip": "203.0.113.9",
}


@pytest.mark.parametrize("name", SIGNS)
def test_signs_of_a_proxy(name: str) -> None:
    """Whatever a proxy adds hides the error, also where it says nothing of who is behind it."""
    assert not is_local(scope(HERE, **{name: SIGNS[name]}))


@pytest.mark.parametrize("case", LOCAL)
def test_who_is_on_this_machine(case: str) -> None:
    """The error is for a request from this machine, for a name of it; no proxy and no foreign name gets it."""
    asked_for, wanted = LOCAL[case]

    assert is_local(asked_for) is wanted


def test_the_body_is_whole() -> None:
    """The answer is one message after the start, which is its end."""
    heard: list[Any] = []

    async def send(message: Any) -> None:
        heard.append(message)

    async def receive() -> Any:
        pytest.fail("a request need not be read")

    asyncio.run(ErrorPage(AppLoadError("x"), "never")(scope(HERE), receive, send))

    assert heard[1:] == [{"type": "http.response.body", "body": HIDDEN.encode()}]
