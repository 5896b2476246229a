"""Secrets are told apart, and are not told."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from asgictl import Inspector
from asgictl.asgi import Message, Receive, Scope, Send
from asgictl.inspector.assembly import assembled
from asgictl.inspector.comparison import differences
from asgictl.inspector.comparison.found import Remark
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Redacted
from asgictl.inspector.sessions import codec
from tests.inspector.recordings import SCOPE

# Longer than what is too easily guessed; of one length.
LONG, OTHER = b"a-long-secret", b"other-secrets"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what was asked for."""
    headers = [(b"set-cookie", b"id=" + scope["query_string"]), (b"location", b"/?" + scope["query_string"])]
    await send({"type": "http.response.start", "status": 302, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"pin": "%b"}' % scope["query_string"][6:]})


def asked(*tokens: bytes, runs: int) -> list[Exchange]:
    """Return an exchange for each of two secrets, in one run or in two, as a file has them."""

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        pass

    inspectors = [Inspector(app, redact_body=["pin"]) for _ in range(runs)]
    found: list[Exchange] = []
    for number, token in enumerate(tokens):
        inspector = inspectors[number % runs]
        headers = [(b"authorization", b"Bearer " + token), (b"x", b"/?token=" + token)]
        scope = {**SCOPE, "query_string": b"token=" + token, "raw_path": b"/a;token=" + token, "headers": headers}
        asyncio.run(inspector(scope, receive, send))
        lines = map(codec.dumps, inspector.sink.exchanges[-1].records())
        found += assembled([record for line in lines if (record := codec.loads(line))]).values()
    return found


def places(*tokens: bytes, runs: int) -> list[str]:
    """Return where two exchanges differ."""
    one, other = asked(*tokens, runs=runs)
    return [found.where for found in (*differences.of_requests(one, other), *differences.of_answers(one, other))]


EVERYWHERE = [
    *("scope path", "scope raw_path", "scope query_string", "request header authorization", "request header x"),
    *("response header set-cookie", "response header location"),
    *("response body", "response body"),
]


def test_one_run() -> None:
    """In one run two secrets of one size differ wherever they stand, and the same secret does not."""
    assert places(LONG, LONG, runs=1) == []
    assert places(LONG, OTHER, runs=1) == EVERYWHERE


SIZES = ["secrets of the request", "secrets of the answer"]


@pytest.mark.parametrize("other", [LONG, OTHER])
def test_two_runs(other: bytes) -> None:
    """Between two runs secrets of one size cannot be told apart, and that is said; sizes are."""
    assert places(LONG, other, runs=2) == SIZES
    assert "request header authorization" in places(LONG, other + b"-longer", runs=2)
    assert "scope query_string" in places(LONG, other + b"-longer", runs=2)


def test_a_replay() -> None:
    """In a replay secrets are others each time: they are not compared, and that leaves nothing open."""
    one, other = asked(LONG, OTHER + b"-longer", runs=1)
    other.opened = replace(other.opened, replay_of=one.id)

    assert list(differences.of_answers(one, other)) == [Remark(SIZES[1], "not compared", untold=False)]


def test_short_ones() -> None:
    """A secret that could be found by trying has its size alone, and a mark in a text."""
    one, other = asked(b"123456", b"654321", runs=1)

    assert places(b"123456", b"654321", runs=1) == SIZES
    assert "request header authorization" in places(b"123456", b"6543210", runs=1)
    assert [exchange.scope["query_string"] for exchange in (one, other)] == [b"token=***"] * 2
    assert one.scope["raw_path"] == b"/a;token=***"
    assert one.response_headers[1] == (b"location", b"/?token=***")


def test_what_is_kept() -> None:
    """What stands for a secret says how long it is and which one, and the session file has it, too."""
    (exchange,) = asked(LONG, runs=1)
    secret: Any = exchange.request_headers[0][1]

    assert (secret.size, len(secret.digest)) == (20, 13)
    assert str(secret) == f"‹redacted 20 B {secret.digest[8:]}›"
    assert str(Redacted(5)) == "‹redacted 5 B›"
    assert exchange.redacted == ("authorization", "x", ";token", "?token")
    assert exchange.scope["query_string"].startswith(b"token=***13.%b" % secret.digest[:8].encode())
    assert (exchange.sent[1].redacted, exchange.sent[1].size) == (True, 24)
