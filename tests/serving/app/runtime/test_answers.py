"""How requests come to the user's app, and what is done around it."""

import asyncio
import random
from types import SimpleNamespace
from typing import Any

import pytest

from asgictl.asgi import ASGIApp, Receive, Scope, Send
from asgictl.errors import AppLoadError
from asgictl.serving.app import runtime
from asgictl.serving.app.access_log import AccessLog
from asgictl.serving.app.error_page import ErrorPage
from asgictl.serving.app.in_flight import InFlight
from tests.serving.app.runtime.doubles import asked, drop, hello, made, nothing, run, text_of


def test_something_around_the_app() -> None:
    """What is put around the app answers in its place, and around the error page too."""

    def wrap(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "scheme": "wrapped"}, receive, send)

        return wrapped

    built, _ = made(wrap=wrap)
    built._use(hello, "ASGI")

    assert text_of(built) == "('127.0.0.1', 5000) wrapped"


FORWARDED = [(b"x-forwarded-for", b"192.0.2.7")]
SECURE = [(b"x-forwarded-proto", b"https")]
LOCAL = "127.0.0.1,unix:"
CHAIN = [(b"x-forwarded-for", b"198.51.100.1, 192.0.2.7, 127.0.0.1")]
PROXIES: dict[str, tuple[str | None, str | None, list[tuple[bytes, bytes]], str]] = {
    "a proxy that is believed": ("127.0.0.1", "127.0.0.1", FORWARDED, "('192.0.2.7', 0) http"),
    "its scheme": ("127.0.0.1", "127.0.0.1", SECURE, "('127.0.0.1', 5000) https"),
    "another address": ("127.0.0.1", "192.0.2.1", FORWARDED, "('192.0.2.1', 5000) http"),
    "nothing forwarded": ("127.0.0.1", "127.0.0.1", [(b"x-forwarded-host", b"x")], "('127.0.0.1', 5000) http"),
    "a UNIX socket": (LOCAL, None, FORWARDED, "('192.0.2.7', 0) http"),
    "its scheme over a UNIX socket": (LOCAL, None, SECURE, "None https"),
    "the last of a chain that is not believed": (LOCAL, None, CHAIN, "('192.0.2.7', 0) http"),
    "all, where a client can say anything": ("*", None, CHAIN, "('198.51.100.1', 0) http"),
    "nothing forwarded over a UNIX socket": (LOCAL, None, [(b"x-forwarded-for", b"")], "None http"),
    "no UNIX socket, but a client that has gone": ("127.0.0.1", None, FORWARDED, "None http"),
    "nobody is believed": (None, "127.0.0.1", FORWARDED, "('127.0.0.1', 5000) http"),
}


@pytest.mark.parametrize("case", PROXIES)
def test_proxies(case: str) -> None:
    """What a proxy says of the client is believed when the proxy is, and the line of the access log has it too."""
    proxies, client, headers, wanted = PROXIES[case]
    built, _ = made(proxies=proxies)
    lines: list[str] = []
    built._use(hello, "ASGI")
    built._write = lines.append

    assert text_of(built, client=(client, 5000) if client else None, headers=headers) == wanted
    host, _, port = wanted.partition(")")[0].strip("('").partition("', ")
    assert lines[0].split()[0] == ("-" if wanted.startswith("None") else host if port == "0" else f"{host}:{port}")


def test_the_error_page_sees_who_asks() -> None:
    """The error page judges by itself what a proxy says."""
    built, _ = made(proxies="127.0.0.1")

    built._show(AppLoadError("no luck"))

    assert built._proxied is None
    assert isinstance(built._app, ErrorPage)


def test_edits_that_do_not_count_for_now() -> None:
    """The page of an app that is broken says so; an app that works is not bothered."""
    built, report = made()
    built._use(hello, "ASGI")
    built.unwatched("no luck")
    assert text_of(built) == "('127.0.0.1', 5000) http"

    built._show(AppLoadError("broken"))
    built.unwatched("no luck")

    assert isinstance(built._app, ErrorPage)
    assert built._app.unwatched == "no luck"
    assert report == []


def test_a_line_that_cannot_be_made() -> None:
    """A line that fails is counted as lost, with the reason, and the answer goes on."""
    built, report = made()
    lost: list[str] = []
    built._use(hello, "ASGI")
    built._write = lambda _: None
    built._writer = SimpleNamespace(lose=lost.append)  # type: ignore[assignment]

    def fails(_exchange: InFlight) -> str:
        raise ValueError("x")

    built._line = fails

    assert text_of(built) == "('127.0.0.1', 5000) http"
    assert (lost, report) == (["ValueError: x"], [])


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_an_app_that_ends_its_process(error: type[BaseException]) -> None:
    """A request that ends the process has its line written at once."""
    built, _ = made()
    hurried: list[str] = []

    async def exits(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise error

    built._use(exits, "ASGI")
    with pytest.raises(error):
        asyncio.run(asked(built))
    built._writer = SimpleNamespace(hurry=lambda: hurried.append("hurry"))  # type: ignore[assignment]
    with pytest.raises(error):
        asyncio.run(asked(built))

    assert hurried == ["hurry"]


def test_the_access_log_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The access log goes to stdout, below the lock of the launch; a stop hurries it, and the end waits for it."""
    calls: list[Any] = []

    class Writer:
        def __init__(self, descriptor: int, **options: Any) -> None:
            calls.append((descriptor, options))

        def before_end(self, action: object) -> None:
            calls.append(action)

        def write(self, line: str) -> None:
            calls.append(line)

        def hurry(self) -> None:
            calls.append("hurry")

        def finish(self, *patience: float) -> None:
            calls.append(("finish", *patience))

    async def main() -> None:
        monkeypatch.setattr(runtime, "LogWriter", Writer)
        built, report = made(access_log=AccessLog(lock="/lock"))
        built._begin_startup()
        built._startup.task = None
        assert calls == [(1, {"lock": "/lock", "complain": report.note}), built._stop.cut_all_off]
        assert built._write is not None
        built._write("line")
        built.stopping.begin()
        built.ended()
        assert calls[2:] == ["line", "hurry", ("finish",)]
        await asyncio.sleep(0)
        assert report == ["stopped"]

    run(main)


@pytest.mark.parametrize(("limit", "chance", "reported"), [(10, 0, 10), (10, 1, 11), (25, 2, 27), (5, 0, 5)])
def test_a_worker_is_used_up(monkeypatch: pytest.MonkeyPatch, limit: int, chance: int, reported: int) -> None:
    """After so many requests, and up to a tenth more by chance, a worker asks once to be replaced, and goes on."""
    asked_for: list[tuple[int, int]] = []

    def randint(least: int, most: int) -> int:
        asked_for.append((least, most))
        return chance

    monkeypatch.setattr(random, "randint", randint)
    built, report = made(max_requests=limit)

    async def main() -> int:
        built._use(hello, "ASGI")
        await built._app({"type": "lifespan", "client": None, "scheme": ""}, nothing, drop)
        counted = 0
        while not report:
            await asked(built)
            counted += 1
        for _ in range(3):
            await asked(built)
        return counted

    assert asyncio.run(main()) == reported
    assert (report, asked_for) == (["worn"], [(0, limit // 10)])


def test_heads_that_cannot_be_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A uvicorn whose protocols do not say what they have read serves without limits, and a note says so once."""
    monkeypatch.setattr("asgictl.serving.protocols.http_class", lambda _: lambda **_: object())
    built, report = made(header_timeout=1.0)

    assert [type(built.http_protocol(server_state=None)) for _ in range(2)] == [object, object]
    assert report == [("note", "--header-timeout and --max-header-size do nothing with the installed uvicorn")]
