"""Checking a server from outside: one probe after another, and then what the app behind it has seen of them."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from asgictl.errors import StartError
from asgictl.inspector import assembly
from asgictl.inspector.against import http_probes, probe_mark, websocket_probes
from asgictl.inspector.against.outside import Asked, Came, OutsideProbe
from asgictl.inspector.against.probe_mark import ProbeMark
from asgictl.inspector.against.wire import RawAnswer, Wire
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Finding, Record
from asgictl.inspector.rules.rule import Broken
from asgictl.inspector.sessions import codec

PROBES = (*http_probes.PROBES, *websocket_probes.PROBES)

# How long the app may take to end what it is asked, once the last answer is there, in seconds.
_SETTLING = 8.0
_PAUSE = 0.1

_HOW_TO = "`asgictl check --against help` tells how to put the app behind a server"


class Examination(NamedTuple):
    """What came of it: each probe with what the app has seen of it, the lifespan, and what could not be probed."""

    seen: tuple[tuple[OutsideProbe, Exchange], ...]
    lifespans: tuple[Exchange, ...]
    missed: tuple[str, ...]


async def examined(address: str, limit: float, advance: Callable[[], object], *, info: bool) -> Examination:
    """Check the server at a URL; what is legal, and only worth a look, is found with `info`.

    Raises `StartError` where there is no server, or another app behind it.
    """
    url = urlsplit(address)
    session = secrets.token_hex(8)
    await _introduced(url, session, limit)
    came: dict[str, Came] = {}
    async with contextlib.AsyncExitStack() as still_open:
        for probe in PROBES:
            asked = Asked(url, ProbeMark(session, probe.name))
            came[probe.name] = await _made(probe, asked, limit, still_open)
            advance()
        exchanges = await _settled(url, session, limit)
    by_name: dict[str, Exchange] = {}
    for one in exchanges:
        if mark := probe_mark.of_scope(one.scope):
            by_name.setdefault(mark.probe, one)
    missed = [_missed(probe, came[probe.name]) for probe in PROBES if probe.name not in by_name and not probe.may_fail]
    if http_probes.FIRST in by_name and http_probes.SECOND not in by_name:
        missed.append("two requests at once: the server has not called the app with the second")
    found = [(probe, by_name[probe.name]) for probe in PROBES if probe.name in by_name]
    for probe, exchange in found:
        asked = Asked(url, ProbeMark(session, probe.name))
        _add(exchange, probe.judge(exchange, came[probe.name], asked))
    lifespans = tuple(one for one in exchanges if one.type == "lifespan")
    for exchange in exchanges:
        exchange.findings[:] = [one for one in exchange.findings if info or one.severity != "info"]
    return Examination(tuple(found), lifespans, tuple(missed))


async def _introduced(url: SplitResult, session: str, limit: float) -> None:
    """Raise `StartError` unless it is our app that answers, in one process."""
    address = url.geturl()
    try:
        await _made_plain(url, session, limit)
        records = await _results(url, session, limit)
    except OSError as error:
        raise StartError(f"no server answers at {address}", hint=_HOW_TO) from error
    if records is None:
        raise StartError(f"`asgictl.inspector.echo:app` is not what answers at {address}", hint=_HOW_TO)
    if not any(probe_mark.of_scope(one.scope) for one in assembly.assembled(records).values()):
        problem = f"the server at {address} has several processes, of which each has seen only some requests"
        raise StartError(problem, hint="start it with one worker")


async def _made_plain(url: SplitResult, session: str, limit: float) -> RawAnswer | None:
    wire = await Wire.opened(url, limit)
    try:
        await wire.send(Asked(url, ProbeMark(session, "hello")).head("GET", None, b"Connection: close"))
        return await wire.answer()
    finally:
        await wire.close()


async def _results(url: SplitResult, session: str, limit: float) -> list[Record] | None:
    """Return what the app has seen so far, None where it is not ours."""
    wire = await Wire.opened(url, limit)
    try:
        await wire.send(Asked(url, ProbeMark(session, probe_mark.RESULTS)).head("GET", None, b"Connection: close"))
        answer = await wire.answer()
    finally:
        await wire.close()
    if answer is None or not answer.is_whole or not _is_ours(answer):
        return None
    try:
        records = [codec.loads(line) for line in answer.body.splitlines()]
    except ValueError:
        return None
    return [record for record in records if record is not None]


def _is_ours(answer: RawAnswer) -> bool:
    types = [value.partition(b";")[0].strip().lower() for value in answer.values(b"content-type")]
    return answer.status == HTTPStatus.OK and types == [probe_mark.MEDIA_TYPE]


async def _made(probe: OutsideProbe, asked: Asked, limit: float, still_open: contextlib.AsyncExitStack) -> Came:
    """Make a probe; what a server does not answer is nothing that came."""
    try:
        wire = await Wire.opened(asked.url, limit)
    except OSError:
        return Came()
    came = Came()
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        async with asyncio.timeout(4 * limit):
            came = await probe.talk(wire, asked)
    if came.stays_open:
        still_open.push_async_callback(wire.close)
    else:
        await wire.close()
    return came


async def _settled(url: SplitResult, session: str, limit: float) -> list[Exchange]:
    """Return what the app has seen, once it has ended with all of it, or has had its time."""
    exchanges: list[Exchange] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SETTLING):
            while True:
                records = await _results(url, session, limit)
                exchanges = list(assembly.assembled(records or ()).values())
                if all(one.closed or one.type == "lifespan" for one in exchanges):
                    break
                await asyncio.sleep(_PAUSE)
    return exchanges


def _add(exchange: Exchange, found: Iterable[Broken]) -> None:
    """Add to an exchange what only its client knows: it is told at its end."""
    ms = exchange.closed.ms if exchange.closed else 0.0
    for broken in found:
        n = len(exchange.events) if exchange.closed else 0
        finding = Finding(exchange.id, n, ms, broken.rule.id, broken.severity, "server", broken.text)
        exchange.findings.append(finding)


def _missed(probe: OutsideProbe, came: Came) -> str:
    got = "nothing" if came.answer is None else came.answer.status
    return f"{probe.how}: the server has not called the app (the client has got {got})"
