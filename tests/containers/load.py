"""Clients that ask by GET and by POST until stdin ends: `python -m tests.containers.load HOST NAME`."""

import asyncio
import collections
import json
import ssl
import sys
import time
from typing import NamedTuple

CLIENTS, PATIENCE, PAUSE = 3, 20, 0.01
_ASKED = (("GET", "/who", b""), ("POST", "/echo", b"x" * 1000))


class Answers(NamedTuple):
    """What came of the requests: how many of each kind, `failed` being those that were not 200, and the slowest."""

    counts: dict[str, int]
    hosts: int
    slowest: float

    @property
    def total(self) -> int:
        """How many there were."""
        return sum(self.counts.values())

    @property
    def failed(self) -> int:
        """How many had another answer than 200, or none."""
        return sum(count for kind, count in self.counts.items() if not kind.endswith(" 200"))


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str, body: bytes) -> tuple[int, bytes]:
    writer.write(f"{head}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    line, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
    headers = dict(field.lower().split(": ", 1) for field in fields if field)
    return int(line.split()[1]), await reader.readexactly(int(headers["content-length"]))


async def _client(host: str, name: str, over: asyncio.Event, counts: dict[str, int], hosts: set[str]) -> float:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    slowest, number = 0.0, 0
    while not over.is_set():
        method, path, body = _ASKED[number % len(_ASKED)]
        number += 1
        begun = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                connection = connection or await asyncio.open_connection(host, 443, ssl=context, server_hostname=name)
                status, text = await _ask(*connection, f"{method} {path} HTTP/1.1\r\nhost: {name}", body)
            kind = f"{method} {status}"
            if path == "/who" and status == 200:
                hosts.add(json.loads(text)["host"])
        except (OSError, EOFError, TimeoutError) as error:
            kind = f"{method} {type(error).__name__}"
            if connection:
                connection[1].close()
            connection = None
        counts[kind] += 1
        slowest = max(slowest, time.monotonic() - begun)
        await asyncio.sleep(PAUSE)
    return slowest


async def _main(host: str, name: str) -> None:
    over = asyncio.Event()
    counts: dict[str, int] = collections.Counter()
    hosts: set[str] = set()
    clients = [asyncio.create_task(_client(host, name, over, counts, hosts)) for _ in range(CLIENTS)]
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    over.set()
    slowest = max(await asyncio.gather(*clients))
    sys.stdout.write(json.dumps([counts, len(hosts), round(slowest, 2)]))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2]))
