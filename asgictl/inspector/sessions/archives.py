"""Sessions as HAR files and back.

What HAR has no place for is in `_asgictl` of each entry: its records, as in the lines of a session. Content that is in
the entry is not there again; `held` names its key and its size.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any

from asgictl.errors import FileProblemError
from asgictl.inspector.endings import BODIES, FRAMES
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.har import members, reader, writer
from asgictl.inspector.har.body_reader import listed, object_of
from asgictl.inspector.record import CONTENT, Event, Opened, Record
from asgictl.inspector.sessions import checked, codec
from asgictl.inspector.sessions.session_lines import WRITTEN, Note

# So many numbers are told of each thing that is missing.
_FEW = 5


def written(
    exchanges: Iterable[Exchange], version: str, about: Callable[[], dict[str, Any]], note: Note
) -> Iterator[str]:
    """Yield the lines of an archive, made by asgictl `version`, with what there is to know `about` it in the end.

    `note` hears what HAR has no place for. There is nothing of an archive without requests and WebSockets.
    """
    others: list[int] = []

    def entries() -> Iterator[dict[str, Any]]:
        for exchange in exchanges:
            if exchange.type not in ("http", "websocket"):
                others.append(exchange.id)
                continue
            entry = writer.entry(exchange)
            entry["_asgictl"]["records"] = _kept(exchange, entry)
            yield entry

    yield from writer.archive(entries(), version, about)
    if others:
        note(f"a HAR holds requests and WebSockets alone: {_numbers(others)} of the session is not in it")


class Archive:
    """The exchanges in a HAR file, under the numbers that they have in its session, or else their places from 1 on.

    Once it has been read to the end, `highest` is the highest number, and `about` has lists of names.
    """

    def __init__(self, called: str, pieces: Iterable[bytes], note: Note) -> None:
        """Read the file that is `called` so, which comes in pieces; `note` hears what it does not have."""
        self.highest = -1
        self.about: dict[str, Any] = {}
        self._called = called
        self._pieces = pieces
        self._note = note
        self._told: reader.Told = {}

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
            self._note(f"the end of {self._called} is missing, and what there is of it is read")
        except ValueError as error:
            raise self._refused(str(error), latest) from error
        if latest is None:
            raise self._refused("it has no `log` with `entries`")
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
        given = ours.get("id")
        number = given if type(given) is int and given >= 0 else place
        self.highest = max(self.highest, number)
        if only and number not in only:
            return
        told: reader.Told = {}
        plain = list(reader.records(number, entry, told))
        if "records" in ours:
            own = _own(listed(ours["records"]), plain)
            if own is not None:
                yield from own
                return
            told = {"has {} changed since asgictl wrote it, and it is read like another tool's": [number], **told}
        for what, numbers in told.items():
            self._told.setdefault(what, []).extend(numbers)
        yield from plain


def _kept(exchange: Exchange, entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the records of an exchange, without the content that is read from its entry."""
    whole = [codec.fields_of(record) for record in exchange.records()]
    short = [codec.fields_of(record) | held for record, held in map(_without, exchange.records())]
    plain = reader.records(exchange.id, entry, {})
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
            raise ValueError("it is none that is known")
        if isinstance(record, Event) and (side := _side(record)) is not None:
            frame = next(frames, b"") if side == "frames" else b""
            size = len(record.data)
            if "held" in fields and isinstance(record.message, dict):
                key, size = checked.text(fields["held"][0]), checked.count(fields["held"][1])
                at = places.get(side, 0)
                content = frame if side == "frames" else bodies[side][at : at + size]
                if len(content) != size:
                    raise ValueError("its content is another")
                record = replace(record, message=record.message | {key: content})
            if side != "frames":
                places[side] += size
        records.append(record)
    return records


def _own(lines: list[Any], plain: list[Record]) -> list[Record] | None:
    """Return the records that asgictl has added to an entry, unless the entry says anything else."""
    try:
        records = _restored(lines, plain)
    except (ValueError, TypeError, LookupError):
        return None
    opened, others = records[0] if records else None, records[1:]
    if not isinstance(opened, Opened) or any(isinstance(one, Opened) or one.id != opened.id for one in others):
        return None
    exchange = Exchange(opened)
    for record in others:
        exchange.add(record)
    entry = json.loads(json.dumps(writer.entry(exchange)))
    return records if list(reader.records(opened.id, entry, {})) == plain else None


def _numbers(numbers: list[int]) -> str:
    more = f" and {len(numbers) - _FEW} others" if len(numbers) > _FEW else ""
    return ", ".join(f"#{one}" for one in numbers[:_FEW]) + more
