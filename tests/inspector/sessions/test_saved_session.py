"""Sessions as they are read: several files are one, only what is wanted is held, and what is missing is said."""

import json
import re
import tracemalloc
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from asgictl.errors import ConfigError, FileProblemError
from asgictl.inspector import whole_request
from asgictl.inspector.assembly import assembled
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Closed, Event, Opened, Record
from asgictl.inspector.sessions import archives, codec
from asgictl.inspector.sessions.saved_session import SavedSession
from asgictl.inspector.sessions.session_file import SessionFile
from tests.inspector.recordings import CHAT, FAILING, REQUEST, SCOPE

HEADER = '{"k":"session","schema":"asgictl.inspect/1"}\n'


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(name: str, records: Iterable[Record], **header: object) -> None:
    """Write a session."""
    first = {**json.loads(HEADER), **header}
    Path(name).write_text(json.dumps(first, separators=(",", ":")) + "\n" + "".join(map(codec.dumps, records)))


def session(*names: str, notes: list[str] | None = None) -> SavedSession:
    """Return the session in some files."""
    return SavedSession(names, (notes if notes is not None else []).append)


def stream(number: int, count: int) -> list[Record]:
    """Return an answer in `count` chunks, and the end."""
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-encoding", b"gzip")]}
    chunks = [
        Event(
            number,
            n + 2,
            n + 2.0,
            "send",
            {"type": "http.response.body", "body": b"%03d" % n, "more_body": True},
            size=3,
        )
        for n in range(count)
    ]
    return [
        Opened(number, 1_700_000_000.0 + number, SCOPE),
        Event(number, 1, 1.0, "send", start),
        *chunks,
        Closed(number, count + 9.0),
    ]


def rotated(records: Sequence[Record], limit: int) -> None:
    """Save records to `s.jsonl`, which is put aside when it is full."""
    file = SessionFile(Path("s.jsonl"), about={"redacted": ["cookie"]}, limit=limit, note=print)
    for record in records:
        file(record)
    file.close()


STREAM = stream(7, 40)
WAYS = {
    "in order": ["s.1.jsonl", "s.jsonl"],
    "in another order": ["s.jsonl", "s.1.jsonl"],
    "in one file": ["both.jsonl"],
}


@pytest.mark.parametrize("names", WAYS.values(), ids=list(WAYS))
def test_several_files_are_one(names: list[str]) -> None:
    """What a rotation has taken apart is as if there had been none, each record once, in any order of the files."""
    rotated(STREAM, 5500)
    Path("both.jsonl").write_bytes(Path("s.1.jsonl").read_bytes() + Path("s.jsonl").read_bytes())
    notes: list[str] = []

    found = session(*names, notes=notes)
    assert list(found.records()) == STREAM
    assert list(found.records([7])) == STREAM
    assert notes == []
    assert (found.names("redacted"), found.names("other"), found.highest) == (("cookie",), (), 7)


def test_the_newer_file_alone() -> None:
    """The newer file has the status, the headers and the size of a stream, and says where the beginning is."""
    rotated(STREAM, 5500)
    notes: list[str] = []
    exchange = session("s.jsonl", notes=notes).wanted([7])[7]

    assert (exchange.status, exchange.header("content-encoding"), exchange.response_size) == (200, "gzip", 120)
    assert (exchange.is_cut, exchange.is_request_whole) == (True, False)
    assert exchange.left_out + len(exchange.events) == 41
    assert exchange.response_body.endswith(b"039")
    assert notes == ["#7 began in `s.1.jsonl`: name that file, too"]


def test_a_beginning_that_is_gone() -> None:
    """Where the file with the beginning has been replaced by the next one, nobody is asked to name it."""
    rotated(STREAM, 3000)
    Path("s.1.jsonl").rename("s.1.jsonl.old")
    for names in (["s.1.jsonl.old"], ["s.1.jsonl.old", "s.jsonl"]):
        notes: list[str] = []
        list(session(*names, notes=notes).records())
        assert notes == ["#7 began in a file that `s.1.jsonl` has replaced"]


def test_a_file_that_is_missing_between() -> None:
    """Where a file between two is missing, what it had is told once."""
    rotated(STREAM[:20], 10**6)
    Path("s.jsonl").rename("first.jsonl")
    rotated(STREAM, 4000)
    notes: list[str] = []
    exchange = session("first.jsonl", "s.jsonl", notes=notes).wanted([7])[7]
    first = exchange.events[19].n

    assert first > 20
    assert notes == [f"messages 20 to {first - 1} of #7 are in none of the files"]


def test_the_same_file_twice() -> None:
    """A file that is named twice, by another name too, is refused."""
    put("s.jsonl", REQUEST)
    for names, said in ((["s.jsonl", "s.jsonl"], "`s.jsonl`"), (["./s.jsonl", "s.jsonl"], "`./s.jsonl`")):
        with pytest.raises(ConfigError, match=rf"^{re.escape(said)} is named twice$"):
            session(*names)
    with pytest.raises(ConfigError, match=r"^stdin is named twice$"):
        session("-", "-")


def test_one_number_for_several() -> None:
    """Of two sessions with the same numbers both are shown, and a number that means two exchanges is refused."""
    put("a.jsonl", REQUEST)
    put("b.jsonl", [replace(record, at=1.0) if isinstance(record, Opened) else record for record in REQUEST])
    both = session("a.jsonl", "b.jsonl")

    assert len(list(both.records())) == 2 * len(REQUEST)
    assert [exchange.opened.at for exchange in both.exchanges()] == [1_700_000_000.0, 1.0]
    with pytest.raises(FileProblemError) as caught:
        both.wanted([7])
    assert caught.value.message == "there are several exchanges #7 in `a.jsonl` and `b.jsonl`"
    assert caught.value.hint == "name a file that has one of them"


def test_one_at_a_time() -> None:
    """Exchanges come one at a time, as they end, and those without an end at last."""
    chat, request = CHAT[:-1], REQUEST
    again = [replace(FAILING[0], at=5.0), *FAILING[1:]] if isinstance(FAILING[0], Opened) else []
    put("s.jsonl", [chat[0], request[0], *chat[1:3], *request[1:], FAILING[0], *again, *chat[3:]])
    found = [(exchange.id, list(exchange.records())) for exchange in session("s.jsonl").exchanges()]

    assert found == [(7, request), (9, [FAILING[0]]), (9, again), (8, chat)]


@pytest.mark.parametrize("use", ["records", "one of records", "exchanges", "wanted"])
def test_memory(use: str) -> None:
    """However long a session is, no more of it is held than one line, and what is asked for."""
    big = Event(7, 1, 0.0, "receive", {"type": "http.request", "body": b"x" * 100_000}, size=100_000)
    put("s.jsonl", [replace(record, id=n) for n in range(100) for record in (REQUEST[0], big, *REQUEST[2:])])
    saved = session("s.jsonl")
    tracemalloc.start()
    if use == "wanted":
        assert [exchange.request_size for exchange in saved.wanted([5, 99]).values()] == [100_000, 100_000]
    else:
        ways = {"records": saved.records, "one of records": lambda: saved.records([5]), "exchanges": saved.exchanges}
        counts: dict[str, int] = {way: sum(1 for _ in read()) for way, read in ways.items() if way == use}
        assert counts == {use: {"records": 500, "one of records": 5, "exchanges": 100}[use]}
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 2_000_000
    assert Path("s.jsonl").stat().st_size > 10_000_000


def test_another_spelling() -> None:
    """Lines that another program has written again, with blanks and in another order, are found by number as well."""
    lines = [json.loads(codec.dumps(record)) for record in [*REQUEST, *CHAT]]
    spelled = [json.dumps(dict(reversed(fields.items())), indent=None) for fields in lines]
    Path("s.jsonl").write_text("\n".join([HEADER.rstrip(), "{broken", *spelled]) + "\n")
    notes: list[str] = []
    found = session("s.jsonl", notes=notes)

    assert list(found.records([8])) == CHAT
    assert found.highest == 8
    assert notes == ["1 damaged line of `s.jsonl` left out"]


def test_two_numbers() -> None:
    """A line that has two numbers is damaged, whichever is looked for."""
    line = codec.dumps(FAILING[0])
    Path("s.jsonl").write_text(HEADER + line.rstrip()[:-1] + ',"id":8}\n')

    for only in ((), (9,)):
        with pytest.raises(FileProblemError, match=r"^line 2 of `s.jsonl` is damaged: it has several numbers$"):
            list(session("s.jsonl").records(only))


HEADERS = {
    '{"k":"session",broken': "it is not JSON (column 16)",
    '{"k":"session","schema":"other/2"}': "it does not say `asgictl.inspect/1`",
    '{"k":"session","t":5}': "it does not say `asgictl.inspect/1`",
}


@pytest.mark.parametrize(("line", "problem"), HEADERS.items())
def test_where_another_run_begins(line: str, problem: str) -> None:
    """The first line of another run in a file counts as the first one does."""
    Path("s.jsonl").write_text(HEADER + line + "\n")

    with pytest.raises(FileProblemError, match=rf"^line 2 of `s.jsonl` is damaged: {re.escape(problem)}$"):
        list(session("s.jsonl").records())


def test_first_lines() -> None:
    """Whatever a first line says of its time, the files are read."""
    moments: list[object] = [None, 5, "\ud800", {"a": []}, "2026"]
    for number, moment in enumerate(moments):
        put(f"{number}.jsonl", [replace(FAILING[0], id=number)], t=moment)
    names = [f"{number}.jsonl" for number in range(5)]

    assert sorted(record.id for record in session(*names).records()) == [0, 1, 2, 3, 4]


def test_nothing_yet() -> None:
    """A file that holds nothing yet takes nothing from the others."""
    put("s.1.jsonl", REQUEST)
    Path("s.jsonl").write_text(HEADER[:10])
    notes: list[str] = []

    assert list(session("s.1.jsonl", "s.jsonl", notes=notes).records()) == REQUEST
    assert notes == ["`s.jsonl` holds nothing yet"]
    assert str(session("s.1.jsonl", "-")) == "`s.1.jsonl` and stdin"


def test_the_files_are_let_go() -> None:
    """A session that nobody reads to its end keeps no file open."""
    put("s.jsonl", REQUEST)
    before = set(Path("/proc/self/fd").iterdir())
    records = session("s.jsonl").records()
    next(records)
    del records

    assert set(Path("/proc/self/fd").iterdir()) == before


def test_an_exchange_that_goes_on() -> None:
    """Of one that has begun in an older file nothing is sent again, and the error names the file."""
    rotated(STREAM, 5500)
    exchange: Exchange = session("s.jsonl").wanted([7])[7]

    with pytest.raises(Exception, match=r"^#7 began in an older file, `s\.1\.jsonl`$"):
        whole_request.check(exchange, "pass --body")


def test_the_secrets_of_an_archive(tmp_path: Path) -> None:
    """What is sent again from an archive is shown without what was left out of its session, too."""
    path = tmp_path / "s.har"
    about = {"redacted": ["set-cookie", "x-mine"], "redacted_body": ["pin"]}
    path.write_text("".join(archives.written(assembled(REQUEST).values(), "1", lambda: about, print)), encoding="utf-8")
    session = SavedSession([str(path)], print)

    assert [len(list(session.records())), session.highest] == [5, 7]
    assert session.lists == about
    assert [session.names(key) for key in about] == [("set-cookie", "x-mine"), ("pin",)]
