"""A session that was exported as a HAR, and is read again, is the session."""

import asyncio
import gzip
import io
import json
import os
import tempfile
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from asgictl import Inspector
from asgictl.asgi import ASGIApp, Receive, Scope, Send
from asgictl.errors import FileProblemError
from asgictl.inspector.assembly import assembled
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Closed, Event, Failure, Opened, Raised, Record, Redacted
from asgictl.inspector.sessions import archives, codec
from asgictl.inspector.sessions.saved_session import SavedSession
from asgictl.inspector.show.full import FullView
from asgictl.inspector.urls import encoded
from tests.inspector.har.test_reader import ANY, changed, places
from tests.inspector.recordings import CHAT, FAILING, REQUEST, SCOPE, archive, gzipped
from tests.inspector.sessions.test_saved_conversations import Step, app_of, conversations, held, scopes
from tests.inspector.show.test_views import shown


def read(text: str, folder: Path | str) -> tuple[dict[int, Exchange], list[str]]:
    """Return the exchanges in an archive, and what is said of it without its name."""
    notes: list[str] = []
    path = Path(folder, "s.har")
    path.write_text(text, encoding="utf-8")
    return SavedSession([str(path)], notes.append).wanted(()), [note.replace(f"`{path}`", "it") for note in notes]


def lines(exchanges: dict[int, Exchange]) -> list[str]:
    """Return the lines of a session of some exchanges."""
    return [codec.dumps(record) for exchange in exchanges.values() for record in exchange.records()]


def loaded(records: Sequence[Record]) -> dict[int, Exchange]:
    """Return the exchanges of some records as they are read from a session."""
    found = [codec.loads(codec.dumps(record)) for record in records]
    return assembled(record for record in found if record is not None)


def failing(app: ASGIApp, *, fails: bool) -> ASGIApp:
    """Return an app that raises in the end, if it `fails`."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)
        if fails:
            raise ValueError("it failed")

    return wrapped


packings = st.sampled_from(
    [
        ("gzip", lambda body: gzip.compress(body, mtime=0)),
        ("gzip", lambda body: gzip.compress(body, mtime=0)[:-5]),
        ("deflate", zlib.compress),
        *(("gzip", bytes), ("x", bytes), ("", bytes), ("", bytes)),
    ]
)
types = st.sampled_from(["", "text/plain", "text/plain; charset=latin-1", "application/json", "image/png"])


@st.composite
def answers(draw: st.DrawFn, said: list[tuple[str, list[Step]]]) -> list[tuple[str, list[Step]]]:
    """Return conversations of which the answers are of any type, packed or not, and may have no end."""
    changed = []
    for kind, steps in said:
        coding, packed = draw(packings)
        headers = [(b"content-encoding", coding.encode())] if coding else []
        headers += [(b"content-type", draw(types).encode()), (b"set-cookie", b"a=1"), (b"Set-Cookie", b"b=2")]
        others: list[Step] = []
        for side, message in steps:
            match message["type"]:
                case "http.response.start":
                    others.append((side, {**message, "headers": [*message["headers"], *headers]}))
                case "http.response.body":
                    others.append((side, {**message, "body": packed(message["body"])}))
                case _:
                    others.append((side, message))
        changed.append((kind, others[: len(others) - draw(st.sampled_from([0, 0, 0, 1, 2]))]))
    return changed


@settings(max_examples=200)
@given(
    said=conversations.flatmap(answers),
    scope=scopes,
    method=st.sampled_from(["GET", "POST", "HEAD"]),
    limit=st.sampled_from([20, 1000]),
    fails=st.booleans(),
    kept=st.integers(0, 3),
)
def test_there_and_back(
    said: list[tuple[str, list[Step]]], scope: dict[str, Any], method: str, limit: int, fails: bool, kept: int
) -> None:
    """Whatever was said is as in the session, in each message and each time, and nothing is missing."""
    records: list[Record] = []
    scope = {**scope, "path": unquote(encoded(scope["raw_path"].partition(b"?")[0]).decode()) or scope["path"]}
    for number, (kind, steps) in enumerate(said):
        app = failing(app_of(steps), fails=fails)
        inspector = Inspector(app, sink=records.append, redact=(), first_id=number, body_limit=limit)
        try:
            asyncio.run(held(kind, steps, {**scope, "method": method}, inspector))
        except ValueError:
            assert fails
    session = loaded(records[: len(records) - kept])
    with tempfile.TemporaryDirectory() as folder:
        found, notes = read(archive(session.values()), folder)

    assert lines(found) == lines(session)
    assert notes == ([] if session else ["it holds nothing yet"])


def entries(text: str) -> list[dict[str, Any]]:
    """Return the entries of an archive."""
    found: list[dict[str, Any]] = json.loads(text)["log"]["entries"]
    return found


def test_content_stands_there_once() -> None:
    """What an entry says in its own keys is not there again: the bodies, and a WebSocket's messages."""
    records = [entry["_asgictl"]["records"] for entry in entries(archive(assembled([*REQUEST, *CHAT]).values()))]

    assert [[one["held"] for one in lines if "held" in one] for lines in records] == [
        [["body", 21], ["body", 8]],
        [["text", 2], ["bytes", 2]],
    ]
    assert records[0][1] == {
        "k": "event",
        "id": 7,
        "n": 1,
        "ms": 0.0,
        "dir": "receive",
        "message": {"type": "http.request", "body": None, "more_body": False},
        "size": 21,
        "held": ["body", 21],
    }


KEPT: dict[str, list[Record]] = {
    "an exception": FAILING,
    "why it was closed": CHAT,
    "the body for a HEAD": [
        Opened(1, 1.0, {**SCOPE, "method": "HEAD"}),
        Event(1, 1, 1.0, "send", {"type": "http.response.start", "status": 200, "headers": []}),
        Event(1, 2, 1.5, "send", {"type": "http.response.body", "body": b"<p>"}, size=3),
        Closed(1, 2.0),
    ],
    "an answer without an end": [*REQUEST[:2], REQUEST[2]],
    "one that was cancelled": [*REQUEST[:3], Closed(7, 9.0, cancelled=True)],
    "an exception out of send": [*REQUEST[:4], Raised(7, 3, 8.4, "send", Failure("OSError", "gone", "")), REQUEST[4]],
    "secrets, with their digests": [
        Opened(1, 1.0, {**SCOPE, "headers": [(b"cookie", Redacted(33, "aaa9f2c4")), (b"x-a", Redacted(9))]})
    ],
    "odd headers": [Opened(1, 1.0, {**SCOPE, "headers": [(b"", b"a"), (b":b", b"c"), (b"X-A", b"1"), (b"x-a", b"2")]})],
    "what the server says of itself": [
        Opened(1, 1.0, {**SCOPE, "root_path": "/api", "extensions": {"tls": {}}, "state": {}, "http_version": "9"})
    ],
    "a target that is no path": [Opened(1, 1.0, {**SCOPE, "raw_path": b"*", "path": "*"})],
    "messages of unknown kinds": [REQUEST[0], Event(7, 1, 1.0, "send", {"type": "x.y", "a": b"\xff"}), REQUEST[4]],
    "no message at all": [REQUEST[0], Event(7, 1, 1.0, "send", 5), REQUEST[4]],
    "bodies of other types": [
        REQUEST[0],
        Event(7, 1, 1.0, "send", {"type": "http.response.body", "body": bytearray(b"a")}, size=1),
        Event(7, 2, 1.0, "send", {"type": "http.response.body", "body": "\xfc"}, size=1),
        Event(7, 3, 1.0, "send", {"type": "http.response.body", "body": 1}),
        Event(7, 4, 1.0, "send", {"type": "http.response.body"}),
        Event(7, 5, 1.0, "send", {"type": "http.response.body", "body": b"b"}, size=1),
    ],
    "a file that the server sends": [
        *REQUEST[:3],
        Event(7, 3, 8.4, "send", {"type": "http.response.pathsend", "path": "/srv/a"}),
        REQUEST[4],
    ],
}


@pytest.mark.parametrize("records", KEPT.values(), ids=list(KEPT))
def test_what_har_has_no_place_for(tmp_path: Path, records: list[Record]) -> None:
    """It is read from the archive as it is in the session."""
    session = loaded(records)

    found, notes = read(archive(session.values()), tmp_path)

    assert (lines(found), notes) == (lines(session), [])


EDITED = "#7 of it was edited after export; reading the standard HAR fields only"
CHANGES: dict[str, tuple[str, str]] = {
    "the target": ("/orders?x=1", "/orders?x=2"),
    "a body": ("A1", "B22"),
    "a status": ('"status": 200', '"status": 404'),
    "a header": ('"value": "application/json"', '"value": "text/json"'),
    "the records": ('"id": 7, "n"', '"id": 8, "n"'),
    "where its content was": ('"held": ["body", 21]', '"held": ["bytes", 21]'),
    "the path of the scope": ('"path": "/orders"', '"path": "/exit"'),
    "the type of the path": ('"raw_path": "/orders"', '"raw_path": {"$str": "/exit"}'),
    "where it is mounted": ('"root_path": ""', '"root_path": "/exit"'),
    "the server": ('"server": ["127.0.0.1", 8000]', '"server": ["10.0.0.1", 8000]'),
    "the scheme": ('"scheme": "http", "method"', '"scheme": "x y", "method"'),
    "the version of HTTP": ('"http_version": "1.1"', '"http_version": "1.0"'),
    "a header that other tools do not show": ('"headers": [["host"', '"headers": [[":x", "1"], ["host"'),
}


@pytest.mark.parametrize(("one", "other"), CHANGES.values(), ids=list(CHANGES))
def test_an_archive_that_was_changed(tmp_path: Path, one: str, other: str) -> None:
    """What stands in the entry counts, which other tools show, and that it was changed is said."""
    text = archive(assembled(REQUEST).values())
    assert one in text

    found, notes = read(text.replace(one, other, 1), tmp_path)

    assert notes == [EDITED]
    plain = entries(text.replace(one, other, 1))
    del plain[0]["_asgictl"]["records"]
    assert lines(found) == lines(read(json.dumps({"log": {"entries": plain}}), tmp_path)[0])


FRAME = '"message": {"type": "websocket.receive"'
HIDDEN: dict[str, tuple[str, str]] = {
    "where its content was": ('"held": ["text", 2]', '"held": ["bytes", 2]'),
    "subprotocols": ('"type": "websocket", ', '"type": "websocket", "subprotocols": ["admin"], '),
    "text beside the bytes": ('"text": null, "bytes": null', '"text": null, "bytes": "hi", "body": "drop"'),
    "a message of the other side": (f'"dir": "receive", {FRAME}', f'"dir": "send", {FRAME}'),
}


@pytest.mark.parametrize(("one", "other"), HIDDEN.values(), ids=list(HIDDEN))
def test_a_conversation_that_was_changed(tmp_path: Path, one: str, other: str) -> None:
    """So it is for a WebSocket, of which nothing is sent to an app that its entry does not show."""
    text = archive(assembled(CHAT).values())
    assert one in text

    _, notes = read(text.replace(one, other, 1), tmp_path)

    assert notes == ["#8 of it was edited after export; reading the standard HAR fields only"]


def test_numbers(tmp_path: Path) -> None:
    """An exchange has the number that it has in the session; a number that is there twice is said."""
    session = loaded([*REQUEST, *CHAT])
    (tmp_path / "s.har").write_text(archive(session.values()))
    archived = SavedSession([str(tmp_path / "s.har")], print)

    assert lines(archived.wanted([8])) == lines(loaded(CHAT))
    assert (archived.highest, list(archived.wanted([1]))) == (8, [])
    with pytest.raises(FileProblemError, match="there are several exchanges #7 in"):
        read(archive([*session.values(), *session.values()]), tmp_path)


TEXT = archive(loaded([*REQUEST, *CHAT]).values()).encode()
LOG = json.loads(TEXT)
FORMS = {
    "plain": TEXT,
    "gzip": gzipped(TEXT),
    "gzip, appended to": gzipped(TEXT[:100]) + gzipped(TEXT[100:]),
    "zstd": zstandard.ZstdCompressor().compress(TEXT),
    "on lines of its own": json.dumps(LOG, indent=2).encode(),
    "lines of Windows": json.dumps(LOG, indent=2).replace("\n", "\r\n").encode(),
    "on one line": json.dumps(LOG, separators=(",", ":")).encode(),
    "with a byte order mark": b"\xef\xbb\xbf" + TEXT,
    "with something in front": json.dumps({"_of": "somebody", **LOG}).encode(),
    "not in ASCII": json.dumps({"log": {"comment": "\u20ac" * 70_000, **LOG["log"]}}, ensure_ascii=False).encode(),
}


@pytest.mark.parametrize("content", FORMS.values(), ids=list(FORMS))
def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """An archive is known by what it begins with, whatever it is called: packed or not, in a file, a pipe or stdin."""
    file, pipe = tmp_path / "what.jsonl", tmp_path / "pipe"
    file.write_bytes(content)
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))

    found = [lines(SavedSession([name], print).wanted(())) for name in (str(file), str(pipe), "-")]
    writer.join(10)

    assert found == [lines(loaded([*REQUEST, *CHAT]))] * 3


CUT = {
    "gzip, but for its own end": (gzipped(FORMS["on one line"])[:-4], [7, 8]),
    "gzip": (gzipped(FORMS["on one line"])[:-40], [7]),
    "gzip of several lines": (gzipped(FORMS["on lines of its own"])[:-40], [7]),
    "plain": (FORMS["on one line"][:-40], [7]),
    "UTF-16": (FORMS["on one line"].decode().encode("utf-16")[:-41], [7]),
    "zstd, in several blocks": (zstandard.compress(FORMS["on one line"] + b" " * (1 << 19))[:-1], [7, 8]),
}


@pytest.mark.parametrize(("content", "numbers"), CUT.values(), ids=list(CUT))
def test_a_cut_file(tmp_path: Path, content: bytes, numbers: list[int]) -> None:
    """Of an archive that was cut, packed or not, the entries that are there are read, and that is said once."""
    notes: list[str] = []
    (tmp_path / "s.har").write_bytes(content)

    found = SavedSession([str(tmp_path / "s.har")], notes.append).wanted(())

    assert list(found) == numbers
    assert notes == [f"the end of `{tmp_path / 's.har'}` is missing; what there is of it is read"]


def test_a_large_cut_file(tmp_path: Path) -> None:
    """So it is for one that is read in pieces."""
    notes: list[str] = []
    answer = {"status": 200, "content": {"text": os.urandom(5000).hex()}}
    entry = json.dumps(
        {
            "startedDateTime": "2026-01-02T03:04:05Z",
            "request": {"method": "GET", "url": "http://a.b/"},
            "response": answer,
        }
    )
    content = f'{{"log": {{"entries": [{", ".join([entry] * 500)}]}}}}'.encode()
    (tmp_path / "s.har").write_bytes(gzipped(content)[:-400])

    list(SavedSession([str(tmp_path / "s.har")], notes.append).records((1,)))

    assert notes == [f"the end of `{tmp_path / 's.har'}` is missing; what there is of it is read"]


def test_what_a_har_cannot_show(tmp_path: Path) -> None:
    """An exchange whose app was given another path than its URL says is exported as far as it can be shown."""
    other = [Opened(7, 1.0, {**SCOPE, "path": "/exit"}), *REQUEST[1:]]
    said: list[str] = []
    text = "".join(archives.written(assembled(other).values(), "1", dict, said.append))

    found, notes = read(text, tmp_path)

    assert said == ["the app was given another path, or other messages, than a HAR can show in #7"]
    assert (notes, found[7].path, found[7].target) == ([], "/orders", "/orders?x=1")


SHOWN: dict[str, tuple[dict[str, Any], str]] = {
    "where it is mounted": ({"root_path": "/api"}, "the app was mounted at `/api`"),
    "subprotocols that no header has": (
        {"type": "websocket", "scheme": "ws", "subprotocols": ["a"]},
        "the app was offered the subprotocols ['a']",
    ),
}


@pytest.mark.parametrize(("change", "comment"), SHOWN.values(), ids=list(SHOWN))
def test_what_only_the_app_was_told(tmp_path: Path, change: dict[str, Any], comment: str) -> None:
    """What an app acts on, and no key of HAR has, is in the comment of the request, and in what is read again."""
    session = loaded([Opened(7, 1.0, {**SCOPE, **change}), Closed(7, 2.0)])
    text = archive(session.values())

    assert entries(text)[0]["request"]["comment"] == comment
    found, notes = read(text, tmp_path)
    assert (lines(found), notes) == (lines(session), [])
    assert read(text.replace(f'"comment": {json.dumps(comment)}', '"comment": ""'), tmp_path)[1] == [EDITED]


def test_an_archive_of_another_version(tmp_path: Path) -> None:
    """An entry that says the same in other words is asgictl's own all the same."""
    text = archive(assembled(REQUEST).values())

    found, notes = read(text.replace('"statusText": "OK"', '"statusText": "Fine"'), tmp_path)

    assert (lines(found), notes) == (lines(loaded(REQUEST)), [])


def test_what_is_not_for_everybody() -> None:
    """Whoever exports a session is told that its scopes and tracebacks are in the archive."""
    said: list[str] = []
    list(archives.written(assembled(FAILING).values(), "1", dict, said.append))

    assert said == [
        "the HAR has scopes and tracebacks, with local paths, in `_asgictl.records`: check it before you share it"
    ]


def test_with_a_session(tmp_path: Path) -> None:
    """An archive and a session are one, as two sessions are."""
    (tmp_path / "a").write_bytes(TEXT)
    header = '{"k":"session","schema":"asgictl.inspect/1"}\n'
    (tmp_path / "b").write_text("".join([header, *map(codec.dumps, FAILING)]))

    found = SavedSession([str(tmp_path / "b"), str(tmp_path / "a")], print).wanted(())

    assert sorted(found) == [7, 8, 9]


@pytest.mark.parametrize("pack", [bytes, gzipped])
def test_a_large_file(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """However long an archive is, only the exchanges that are asked for are held."""
    entry = {key: value for key, value in LOG["log"]["entries"][0].items() if key != "_asgictl"}
    entry["response"]["content"]["text"] = "x" * 10_000
    entry["response"]["content"]["size"] = 10_000
    part = json.dumps(entry)
    with (tmp_path / "x.har").open("wb") as file:
        file.write(pack(f'{{"log": {{"entries": [{part}'.encode()))
        for _ in range(30):
            file.write(pack(f", {part}".encode() * 100))
        file.write(pack(b"]}}"))
    tracemalloc.start()
    try:
        found = SavedSession([str(tmp_path / "x.har")], print).wanted([2500])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [exchange.response_size for exchange in found.values()] == [10_000]
    assert peak < 12_000_000


ENTRIES = entries(archive(loaded([*REQUEST, *CHAT]).values()))


NUMBER = (0, "_asgictl", "id")


@settings(max_examples=300)
@given(place=st.sampled_from(places(ENTRIES)), other=ANY)
@example(place=NUMBER, other=10**30)
@example(place=NUMBER, other=True)
@example(place=(0, "response", "status"), other=10**400)
@example(place=(1, "_asgictl", "closed", "code"), other=10**400)
@example(place=(1, "_webSocketMessages", 0, "time"), other=10**400)
def test_hostile_values(place: tuple[Any, ...], other: Any) -> None:
    """Any value in any place of an archive of asgictl's own is survived: what is read can be shown and saved again."""
    with tempfile.TemporaryDirectory() as folder:
        found, _ = read(json.dumps({"log": {"entries": changed(ENTRIES, place, other)}}), folder)
    for exchange in found.values():
        assert [codec.loads(codec.dumps(record)) is not None for record in exchange.records()]
        assert shown(FullView(), exchange.records())
        assert exchange.type not in ("http", "websocket") or entries(archive([exchange]))
