"""Which exchanges of two sessions belong together."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator

from asgictl.inspector.comparison.found import aligned, matched
from asgictl.inspector.exchange import Exchange

Pair = tuple[Exchange | None, Exchange | None]

# How many requests are aligned, from the first that differs: that takes the square of it, or more.
_ALIGNED = 500


def pairs(ones: Iterable[Exchange], others: Iterable[Exchange]) -> Iterator[Pair]:
    """Yield the requests and WebSockets of two sessions beside each other, with None for what has no partner.

    Those with the same method and path belong together, in their order where that is the same, and else the first that
    is left.
    """
    before, after = ([one for one in side if one.type in ("http", "websocket")] for side in (ones, others))
    keys, other_keys = ([(one.method, one.path) for one in side] for side in (before, after))
    partners = {
        i: j
        for i, j in matched(len(before), len(after), aligned(keys, other_keys, _ALIGNED))
        if i is not None and j is not None and keys[i] == other_keys[j]
    }
    left = defaultdict[tuple[str, str], deque[int]](deque)
    for j in sorted(set(range(len(after))).difference(partners.values())):
        left[other_keys[j]].append(j)
    for i, one in enumerate(before):
        if i in partners:
            yield one, after[partners[i]]
        else:
            yield one, after[left[keys[i]].popleft()] if left[keys[i]] else None
    yield from ((None, after[j]) for j in sorted(j for rest in left.values() for j in rest))
