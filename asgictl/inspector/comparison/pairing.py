"""Which exchanges of two sessions belong together."""

import difflib
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from itertools import chain
from operator import attrgetter

from asgictl.inspector.exchange import Exchange

Pair = tuple[Exchange | None, Exchange | None]


def pairs(ones: Iterable[Exchange], others: Iterable[Exchange]) -> Iterator[Pair]:
    """Yield the requests and WebSockets of two sessions beside each other, with None for what has no partner.

    Those with the same method and path belong together, in their order where that is the same, and else the first that
    is left.
    """
    before, after = ([one for one in side if one.type in ("http", "websocket")] for side in (ones, others))
    codes = difflib.SequenceMatcher(None, list(map(_key, before)), list(map(_key, after)), autojunk=False).get_opcodes()
    left = defaultdict[tuple[str, str], deque[Exchange]](deque)
    for kind, _, _, begin, end in codes:
        for other in after[begin:end] if kind != "equal" else ():
            left[_key(other)].append(other)
    for kind, i, j, begin, end in codes:
        if kind == "equal":
            yield from zip(before[i:j], after[begin:end], strict=True)
            continue
        for one in before[i:j]:
            yield one, (left[_key(one)].popleft() if left[_key(one)] else None)
    yield from ((None, other) for other in sorted(chain.from_iterable(left.values()), key=attrgetter("id")))


def _key(exchange: Exchange) -> tuple[str, str]:
    return exchange.method, exchange.path
