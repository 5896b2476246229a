"""Whatever is said between a server and an app is in its session afterwards, whether a file was put aside or not."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from asgictl import Inspector
from asgictl.asgi import ASGIApp, Message, Receive, Scope, Send
from asgictl.inspector.record import Record
from asgictl.inspector.sessions import codec
from asgictl.inspector.sessions.saved_session import SavedSession
from asgictl.inspector.sessions.session_file import SessionFile
from tests.inspector.recordings import SCOPE

Step = tuple[str, Message]

tokens = st.from_regex(rb"[a-z!#$%&'*+.^_`|~0-9-]{1,12}", fullmatch=True)
headers = st.lists(st.tuples(tokens, st.binary(max_size=30)), max_size=4)
contents = st.one_of(st.binary(max_size=300), st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace")))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)


def chunks(kind: str, side: str) -> st.SearchStrategy[list[Step]]:
    """Return bodies in chunks, of which the last says so."""

    def said(bodies: list[bytes]) -> list[Step]:
        return [(side, {"type": kind, "body": body, "more_body": n < len(bodies)}) for n, body in enumerate(bodies, 1)]

    return st.lists(contents, min_size=1, max_size=6).map(said)


starts = st.builds(
    lambda status, pairs: ("send", {"type": "http.response.start", "status": status, "headers": pairs}),
    st.integers(200, 599),
    headers,
)
requests = st.builds(
    lambda asked, start, answered: ("http", [*asked, start, *answered]),
    chunks("http.request", "receive"),
    starts,
    chunks("http.response.body", "send"),
)
frames = st.one_of(
    texts.map(lambda text: {"text": text}),
    st.binary(max_size=200).map(lambda content: {"bytes": content}),
    st.binary(max_size=20).map(lambda content: {"bytes": content, "text": None}),
)
messages = st.builds(
    lambda side, frame: (side, {"type": f"websocket.{side}", **frame}), st.sampled_from(["receive", "send"]), frames
)
accepted: Step = ("send", {"type": "websocket.accept", "subprotocol": None, "headers": []})
closed = st.one_of(
    st.builds(lambda code: ("send", {"type": "websocket.close", "code": code}), st.integers(1000, 4999)),
    st.builds(
        lambda code, why: ("receive", {"type": "websocket.disconnect", "code": code, "reason": why}),
        st.integers(1000, 4999),
        st.one_of(st.none(), texts),
    ),
)
sockets = st.builds(
    lambda said, end: ("websocket", [("receive", {"type": "websocket.connect"}), accepted, *said, end]),
    st.lists(messages, max_size=12),
    closed,
)
conversations = st.lists(st.one_of(requests, sockets), min_size=1, max_size=4)
scopes = st.fixed_dictionaries(
    {"raw_path": st.binary(max_size=30), "query_string": st.binary(max_size=30), "headers": headers, "path": texts}
)


def app_of(steps: Sequence[Step]) -> ASGIApp:
    """Return an app that does what the steps say."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for side, message in steps:
            if side == "receive":
                assert await receive() == message
            else:
                await send(message)

    return app


async def held(kind: str, steps: Sequence[Step], scope: dict[str, Any], inspector: Inspector[Any]) -> None:
    """Have the conversation that the steps say."""
    coming = iter([message for side, message in steps if side == "receive"])

    async def receive() -> Message:
        return next(coming)

    async def send(message: Message) -> None:
        pass

    await inspector({**SCOPE, **scope, "type": kind}, receive, send)


@settings(max_examples=40)
@given(said=conversations, scope=scopes, share=st.floats(0.67, 1.2))
def test_there_and_back(said: list[tuple[str, list[Step]]], scope: dict[str, Any], share: float) -> None:
    """A session is read as it was recorded: each message of each kind, its size, its time, and its order."""
    records: list[Record] = []
    for number, (kind, steps) in enumerate(said):
        inspector = Inspector(app_of(steps), sink=records.append, redact=(), first_id=number)
        asyncio.run(held(kind, steps, scope, inspector))
    lines = [codec.dumps(record) for record in records]
    # At two thirds of all a second file is begun, and no third one.
    limit = int(share * (sum(map(len, lines)) + max(map(len, lines)) + 200))
    with tempfile.TemporaryDirectory() as folder:
        file = SessionFile(Path(folder, "s.jsonl"), about={}, limit=limit, note=print)
        for record in records:
            file(record)
        file.close()
        found = SavedSession(list(map(str, Path(folder).iterdir())), print).wanted(())

    assert [codec.dumps(record) for exchange in found.values() for record in exchange.records()] == lines
    for (kind, steps), exchange in zip(said, found.values(), strict=True):
        assert (exchange.type, exchange.path, exchange.request_headers) == (kind, scope["path"], scope["headers"])
        assert [(event.direction, event.message) for event in exchange.events] == steps
