"""Sessions as HAR files and back.

What HAR has no place for is in `_asgictl` of each entry: its records, as in the lines of a session. Content that is in
the entry is not there again; `held` names its key and its size.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from types import NoneType
from typing import Any
from urllib.parse import unquote

from asgictl.errors import FileProblemError
from asgictl.inspector.endings import BODIES, FRAMES
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.har import members, reader, writer
from asgictl.inspector.har.body_reader import listed, object_of
from asgictl.inspector.record import CONTENT, Event, Opened, Record
from asgictl.inspector.sessions import checked, codec
from asgictl.inspector.sessions.session_lines import WRITTEN, Note

# How many numbers a note has.
_FEW = 5

# What tells in an entry what was asked, and of whom.
_ASKED = ("method", "url", "httpVersion", "headers", "comment")
_SERVER = ("serverIPAddress", "connection")


def written(
    exchanges: Iterable[Exchange], version: str, about: Callable[[], dict[str, Any]], note: Note
) -> Iterator[str]:
    """Yield the lines of an archive, made by asgictl `version`, with what there is to know `about` it in the end.

    `note` hears what HAR has no place for, and what is not for everybody. There is nothing of an archive without
    requests and WebSockets.
    """
    others: list[int] = []
    bare: list[int] = []
    held: list[int] = []

    def entries() -> Iterator[dict[str, Any]]:
        for exchange in exchanges:
            if exchange.type not in ("http", "websocket"):
                others.append(exchange.id)
                continue
            entry = writer.entry(exchange)
            records = _kept(exchange, entry)
            if records is None:
                bare.append(exchange.id)
            else:
                held.append(exchange.id)
                entry["_asgictl"]["records"] = records
            yield entry

    yield from writer.archive(entries(), version, about)
    if others:
        note(f"a HAR holds only requests and WebSockets: {_numbers(others)} of the session is not in it")
    if bare:
        note(f"the app was given another path, or other messages, than a HAR can show in {_numbers(bare)}")
    if held:
        note("the HAR has scopes and tracebacks, with local paths, in `_asgictl.records`: check it before you share it")


class Archive:
    """The exchanges in a HAR file, under the numbers that they have in its session, or else their places from 1 on.

    Once it has been read to the end, `highest` is the highest number, and `about` has lists of names.
    """

    def __init__(self, called: str, pieces: Iterable[bytes], note: Note, torn: Callable[[], object]) -> None:
        """Read the file that is `called` so, which comes in pieces; `note` hears what it does not have.

        `torn` is called where its end is missing.
        """
        self.highest = -1
        self.about: dict[str, Any] = {}
        self._called = called
        self._pieces = pieces
        self._note = note
        self._torn = torn
        self._told: reader.Told = {}
        self._edited: list[int] = []

    def records(self, only: Collection[int] = ()) -> Iterator[Record]:
        """Yield the records, one entry's after the other's; those of the exchanges `only`, if there are any.

        Raises `FileProblemError` for a file that is not an archive, or has an entry that is not JSON.
        """
        latest = None
        try:
            for name, place, value in members.members(self._pieces):
                latest = latest if place is None else place
                if place:
                    yield from self._of_entry(place, value, only)
                elif name == "_asgictl":
                    self.about = object_of(value)
        except EOFError as error:
            if latest is None:
                raise self._refused("it is not JSON") from error
            self._torn()
        except ValueError as error:
            raise self._refused(str(error), latest) from error
        if latest is None:
            raise self._refused("it has no `log` with `entries`")
        if self._edited:
            were = "was" if len(self._edited) == 1 else "were"
            edited = f"{_numbers(self._edited)} of {self._called} {were} edited after export"
            self._note(f"{edited}; reading the standard HAR fields only")
        for what, numbers in self._told.items():
            self._note(f"{self._called} {what.replace('{}', _numbers(numbers))}")

    def _refused(self, why: str, place: int | None = None) -> FileProblemError:
        if place:
            problem = f"{self._called} cannot be read after entry {place}: {why}"
            return FileProblemError(problem, hint="remove what is there to read the others")
        return FileProblemError(f"{self._called} is not a HAR: {why}", hint=WRITTEN)

    def _of_entry(self, place: int, entry: Any, only: Collection[int]) -> Iterator[Record]:
        if not isinstance(entry, dict) or not isinstance(entry.get("request"), dict):
            if not only or place in only:
                self._note(f"entry {place} of {self._called} is not a request, and is left out")
            return
        ours = object_of(entry.get("_asgictl"))
        try:
            number = checked.count(ours.get("id"))
        except ValueError:
            number = place
        self.highest = max(self.highest, number)
        if only and number not in only:
            return
        told: reader.Told = {}
        plain = list(reader.records(number, entry, told))
        if "records" in ours:
            own = _own(listed(ours["records"]), entry, plain)
            if own is not None:
                yield from own
                return
            self._edited.append(number)
        for what, numbers in told.items():
            self._told.setdefault(what, []).extend(numbers)
        yield from plain


def _kept(exchange: Exchange, entry: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the records of an exchange, without the content that is read from its entry.

    There are none of one that is something else than its entry shows: they would not be read.
    """
    plain = list(reader.records(exchange.id, entry, {}))
    if not _is_shown(exchange, entry):
        return None
    whole = [codec.fields_of(record) for record in exchange.records()]
    short = [codec.fields_of(record) | held for record, held in map(_without, exchange.records())]
    try:
        back = _restored(short, plain)
    except ValueError:
        return whole
    return short if [codec.fields_of(record) for record in back] == whole else whole


def _without(record: Record) -> tuple[Record, dict[str, Any]]:
    """Return a record without content that the entry holds, and what is said of it instead."""
    if not isinstance(record, Event) or _side(record) is None:
        return record, {}
    key = next((key for key in CONTENT if isinstance(record.message.get(key), (bytes, str))), None)
    if key is None or record.message[key] != record.content:
        return record, {}
    return replace(record, message=record.message | {key: None}), {"held": [key, len(record.content)]}


def _side(event: Event) -> str | None:
    """Return which content of an entry a message belongs to."""
    if event.type in FRAMES:
        return "frames"
    if event.direction == "receive" and event.type == "http.request":
        return "request"
    return "response" if event.direction == "send" and event.type in BODIES else None


def _restored(lines: list[Any], plain: Iterable[Record]) -> list[Record]:
    """Return records as they were, with the content that a reader finds; raise `ValueError` for others."""
    found = [event for event in plain if isinstance(event, Event)]
    frames = iter([event.content for event in found if event.type in FRAMES])
    bodies = {side: b"".join(event.data for event in found if _side(event) == side) for side in ("request", "response")}
    places = dict.fromkeys(bodies, 0)
    records: list[Record] = []
    for fields in lines:
        record = codec.record_of(checked.mapping(fields))
        if record is None:
            raise ValueError("it is of an unknown kind")
        if isinstance(record, Event) and (side := _side(record)) is not None:
            frame = next(frames, b"") if side == "frames" else b""
            size = len(record.data)
            if "held" in fields and isinstance(record.message, dict):
                key, size = checked.text(fields["held"][0]), checked.count(fields["held"][1])
                at = places.get(side, 0)
                content = frame if side == "frames" else bodies[side][at : at + size]
                wanted = "body" if side != "frames" else "text" if isinstance(content, str) else "bytes"
                if len(content) != size or key != wanted:
                    raise ValueError("its content is not in the entry")
                record = replace(record, message=record.message | {key: content})
            if side != "frames":
                places[side] += size
        records.append(record)
    return records


def _own(lines: list[Any], entry: dict[str, Any], plain: list[Record]) -> list[Record] | None:
    """Return the records that asgictl has added to an entry, unless the entry says anything else."""
    try:
        records = _restored(lines, plain)
    except (ValueError, TypeError, LookupError):
        return None
    opened, others = records[0] if records else None, records[1:]
    if not isinstance(opened, Opened) or opened.id != plain[0].id:
        return None
    if any(isinstance(one, Opened) or one.id != opened.id for one in others):
        return None
    exchange = Exchange(opened)
    for record in others:
        exchange.add(record)
    again = writer.entry(exchange)
    theirs = entry | {"_asgictl": {key: value for key, value in entry["_asgictl"].items() if key != "records"}}
    # Another version of asgictl may have written the same exchange in other words.
    if again != theirs and (_asked(again) != _asked(theirs) or list(reader.records(opened.id, again, {})) != plain):
        return None
    return records if _is_shown(exchange, again) else None


def _asked(entry: dict[str, Any]) -> list[Any]:
    return [*(entry["request"].get(key) for key in _ASKED), *(entry.get(key) for key in _SERVER)]


def _is_shown(exchange: Exchange, entry: dict[str, Any]) -> bool:
    """Tell whether an app that gets the scope and the messages of an exchange gets what its entry shows."""
    scheme, raw, path, root = (exchange.scope.get(key) for key in ("scheme", "raw_path", "path", "root_path"))
    if not entry["request"]["url"].startswith(f"{scheme or 'http'}:") or not isinstance(raw, (bytes, NoneType)):
        return False
    # Some frameworks take what an app is mounted at off its path, and not off `raw_path`.
    decoded = unquote(exchange.target.partition("?")[0])
    if raw and decoded not in (path, f"{root}{path}"):
        return False
    return all(map(_is_one, exchange.events))


def _is_one(event: Event) -> bool:
    """Tell whether a message is one of a client's to a WebSocket only if it was received, and holds one content."""
    if event.type != "websocket.receive":
        return True
    return event.direction == "receive" and [event.get(key) is not None for key in CONTENT].count(True) <= 1


def _numbers(numbers: list[int]) -> str:
    more = f" and {len(numbers) - _FEW} others" if len(numbers) > _FEW else ""
    return ", ".join(f"#{one}" for one in numbers[:_FEW]) + more
