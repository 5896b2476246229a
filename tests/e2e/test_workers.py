"""Workers under load: replaced one by one, killed, used up, without a request that fails."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable

import httpx
import pytest

from tests.conftest import Serve, Served, Write, after_banner

APP = """
import os, time
{start}

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    body = b"%d" % os.getpid()
    await send({{"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}})
    await send({{"type": "http.response.body", "body": body}})
"""


class Load:
    """Clients that ask again and again, half of them on connections that they keep."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self.stop = False
        self._answered = asyncio.Event()

    async def run(self, clients: int = 6) -> None:
        """Ask until `stop`."""
        await asyncio.gather(*(self._client(keep=number % 2 == 0) for number in range(clients)))

    async def seen(self, processes: int) -> None:
        """Wait until so many processes have answered."""
        while len(self.answers) < processes:
            self._answered.clear()
            await self._answered.wait()

    async def _client(self, *, keep: bool) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while not self.stop:
            is_used = connection is not None
            try:
                connection = connection or await asyncio.open_connection("127.0.0.1", self.port)
                reader, writer = connection
                writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
                head = await reader.readuntil(b"\r\n\r\n")
                self.answers[(await reader.readexactly(_length(head))).decode()] += 1
                self._answered.set()
            except (OSError, asyncio.IncompleteReadError) as error:
                # An idle connection may be closed just when it is used again: every client asks on a new one then
                # (RFC 9112 section 9.3.1).
                if not (is_used and isinstance(error, asyncio.IncompleteReadError) and not error.partial):
                    self.failures.append(repr(error))
                if connection:
                    connection[1].close()
                connection = None
                continue
            if not keep or b"connection: close" in head:
                writer.close()
                connection = None
            await asyncio.sleep(0.02)
        if connection:
            connection[1].close()


def _length(head: bytes) -> int:
    return int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])


def under_load(served: Served, act: Callable[[], object], *, processes: int) -> Load:
    """Run `act` while clients ask, from when both workers answer until so many processes have; return what they saw."""

    async def run() -> Load:
        load = Load(served.port)
        task = asyncio.create_task(load.run())
        async with asyncio.timeout(60):
            await load.seen(2)
            await asyncio.to_thread(act)
            await load.seen(processes)
        load.stop = True
        await task
        return load

    return asyncio.run(run())


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_sighup_replaces_the_workers(serve: Serve, write: Write, loop: str) -> None:
    """A restart by SIGHUP brings new workers with the new code, and no request fails."""
    write({"main.py": APP.format(start="")})
    served = serve("--workers", "2", "--loop", loop)
    assert served.url

    def restart() -> None:
        served.send(signal.SIGHUP)
        served.wait_for("note: replaced 2 workers in")

    load = under_load(served, restart, processes=4)

    assert load.failures == []
    status, lines = served.stop()
    assert status == 0
    assert after_banner(lines)[0] == "note: SIGHUP: replacing the workers one by one"
    assert len(after_banner(lines)) == 2
    assert len([line for line in served.access if line]) == load.answers.total()


def test_a_slow_start_is_waited_for(serve: Serve, write: Write) -> None:
    """A restart by SIGHUP waits for workers that take longer to start than uvicorn would."""
    folder = write({"main.py": APP.format(start="")})
    served = serve("--workers", "2", "-X", "timeout_worker_healthcheck=2")
    before = {httpx.get(served.url).text for _ in range(20)}
    (folder / "main.py").write_text(APP.format(start="time.sleep(2.5)"))

    served.send(signal.SIGHUP)

    served.wait_for("note: replaced 2 workers in", within=60)
    after = {httpx.get(served.url).text for _ in range(20)}
    assert not before & after
    assert served.stop()[0] == 0


def test_sighup_twice_and_a_stop(serve: Serve, write: Write) -> None:
    """A stop in the middle of a restart ends all workers, with 0."""
    write({"main.py": APP.format(start="")})
    served = serve("--workers", "2")
    assert served.url
    served.send(signal.SIGHUP)
    served.wait_for("replacing the workers")
    served.send(signal.SIGHUP)

    status, _ = served.stop()

    assert status == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(served.url)


def test_a_worker_is_killed_under_load(serve: Serve, write: Write) -> None:
    """A worker killed by -9 is replaced and named; only the requests that it had fail, and the others go on."""
    write({"main.py": APP.format(start="")})
    served = serve("--workers", "2")
    pid = int(httpx.get(served.url).text)

    load = under_load(served, lambda: os.kill(pid, signal.SIGKILL), processes=3)

    assert len(load.failures) <= 6  # a client has one request at a time
    assert len(load.answers) == 3
    lines = after_banner(served.stop()[1])
    assert len(lines) == 1
    assert lines[0] in {
        "note: a worker ended (killed by SIGKILL) and is replaced",
        "note: a worker ended and is replaced",
    }


def test_workers_are_used_up(serve: Serve, write: Write) -> None:
    """With `--max-requests` workers end after so many, and no request fails."""
    write({"main.py": APP.format(start="")})
    served = serve("--workers", "2", "--max-requests", "200")
    assert served.url

    load = under_load(served, lambda: None, processes=6)

    assert load.failures == []
    assert max(load.answers.values()) >= 200
    assert after_banner(served.stop()[1]) == []


def test_auto(serve: Serve, write: Write) -> None:
    """`--workers auto` starts one for each CPU, and two at least, and that many answer."""
    from asgictl.serving import cpus

    write({"main.py": APP.format(start="")})
    served = serve("--workers", "auto")

    line = served.wait_for("Ready .*")[0]

    workers = max(2, cpus.available())
    assert f"with {workers} workers" in line
    answered: set[str] = set()
    deadline = time.monotonic() + 30
    while len(answered) < workers:
        answered.add(httpx.get(served.url).text)
        assert time.monotonic() < deadline
    assert served.stop()[0] == 0


def test_max_requests_need_workers(serve: Serve, write: Write) -> None:
    """One process is not started again, so `--max-requests` without workers is refused."""
    write({"main.py": APP.format(start="")})

    assert serve("--max-requests", "5").end() == (
        2,
        [
            "error: `--max-requests` needs more than one worker",
            "hint: pass --workers 2, or drop it: one process that has ended is not started again",
        ],
    )


LOCKED = """
import os, time
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

try:
    os.mkdir("lock")
except FileExistsError:
    time.sleep(60)  # the other worker has it

async def index(request):
    return PlainTextResponse("ok")

app = Starlette(routes=[Route("/", index)])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda it: it.name)
def test_a_stop_after_the_first_answer(serve: Serve, write: Write, number: signal.Signals) -> None:
    """A server that was stopped once one of its workers could answer ends with 0, however long the others take."""
    folder = write({"main.py": LOCKED})
    served = serve("main:app", "--workers", "2", "--uds", "s.sock", folder=folder, port=None)
    deadline = time.monotonic() + 30
    while not (folder / "s.sock").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(folder / "s.sock"))) as client:
        assert client.get("http://localhost", timeout=30).text == "ok"

    served.send(number)

    status, lines = served.end()
    assert (status, [line for line in lines if line.startswith("error")]) == (0, [])
