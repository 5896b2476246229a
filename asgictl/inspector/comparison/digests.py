"""The digests of secrets, which mean something among those of one run of an inspector only."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from asgictl.inspector.exchange import Exchange
from asgictl.inspector.headers import as_text
from asgictl.inspector.record import RUN, UNKNOWN, Event, Opened, Redacted, as_bytes
from asgictl.inspector.record.marks import HIDDEN, MARK, is_hidden

_IN_TEXT = re.compile(MARK.pattern.decode())


def alike(one: Exchange, other: Exchange) -> tuple[Exchange, Exchange]:
    """Return two exchanges whose secrets can be compared: by sizes alone, unless one run has made all digests.

    Those of a replay are not: what is new each time, like the cookie of a session, is no difference.
    """
    if other.opened.replay_of is not None:
        return _bare(one, sizes=False), _bare(other, sizes=False)
    runs = {run for exchange in (one, other) for record in exchange.records() for run in _runs(_of(record))}
    return (one, other) if len(runs) < 2 else (_bare(one), _bare(other))  # noqa: PLR2004  # more than one


def by_size_alone(*values: Any) -> bool:
    """Tell whether there are secrets in some values that have no digest: two of one size may be the same, or not."""
    return any(map(_has_bare, values))


def _has_bare(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_bare, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_has_bare, value))
    if isinstance(value, Redacted):
        return not value.digest
    if isinstance(value, (str, bytes)):
        text = as_bytes(value)
        return is_hidden(text) and not all(digest for _, digest in MARK.findall(text))
    return False


def _of(record: object) -> Any:
    return record.scope if isinstance(record, Opened) else record.message if isinstance(record, Event) else None


def _runs(value: Any) -> Iterator[str]:
    """Yield the first characters of each digest in a value, which are those of its run."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _runs(item)
    elif isinstance(value, Redacted):
        yield from [value.digest[:RUN]] if value.digest else []
    elif isinstance(value, (str, bytes)):
        yield from (digest[:RUN] for _, digest in _IN_TEXT.findall(as_text(value)) if digest)


def _bare(exchange: Exchange, *, sizes: bool = True) -> Exchange:
    bare = Exchange(replace(exchange.opened, scope=_without(exchange.opened.scope, sizes=sizes)))
    bare.left_out = exchange.left_out
    for record in exchange.records():
        if isinstance(record, Event):
            bare.add(replace(record, message=_without(record.message, sizes=sizes)))
        elif not isinstance(record, Opened):
            bare.add(record)
    return bare


def _without(value: Any, *, sizes: bool) -> Any:
    """Return a value in which secrets have no digests, and perhaps no `sizes`."""
    if isinstance(value, dict):
        return {key: _without(item, sizes=sizes) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_without(item, sizes=sizes) for item in value)
    if isinstance(value, Redacted):
        return Redacted(value.size if sizes else UNKNOWN)
    if isinstance(value, str):
        return _IN_TEXT.sub(lambda mark: f"***{(mark[1] or '') if sizes else ''}", value)
    if isinstance(value, bytes):
        return MARK.sub(lambda mark: HIDDEN + ((mark[1] or b"") if sizes else b""), value)
    return value
