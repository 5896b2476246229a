"""Sessions of somebody else's: whatever stands in them is compared, or said not to be."""

import json
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from asgictl.inspector.assembly import assembled
from asgictl.inspector.comparison.differences import of_answers, of_requests
from asgictl.inspector.comparison.found import Found
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Opaque, Record, Redacted
from asgictl.inspector.sessions import codec, json_values

ODD = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(),
        st.text(max_size=4),
        st.binary(max_size=4),
        st.sampled_from([Opaque("shop.Item"), Redacted(3), "\ud800", "a" * 500, b"\xff" * 500]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "$str", "type"]), inner, max_size=2)
    ),
    max_leaves=4,
)
KEYS = ("body", "bytes", "text", "status", "headers", "code", "reason", "subprotocol", "more_body", "links", "x")
TYPES = (
    *("http.request", "http.response.start", "http.response.body", "http.disconnect", "http.response.zerocopysend"),
    *("websocket.accept", "websocket.send", "websocket.receive", "websocket.close", "websocket.disconnect"),
    *("websocket.http.response.start", "lifespan.startup.complete", "odd"),
)
MESSAGES = st.one_of(
    st.builds(
        lambda kind, fields: {"type": kind, **fields},
        st.sampled_from(TYPES),
        st.dictionaries(st.sampled_from(KEYS), ODD, max_size=3),
    ),
    ODD,
)
SCOPES = st.builds(
    lambda kind, fields: {"type": kind, **fields},
    st.sampled_from(["http", "websocket", "lifespan", 3]),
    st.dictionaries(st.sampled_from(["headers", "path", "raw_path", "query_string", "method", "x"]), ODD, max_size=3),
)


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    """Return what a file by another hand may hold."""
    lines: list[dict[str, Any]] = [{"k": "open", "id": 1, "t": "2026-01-01T00:00:00Z", "scope": draw(SCOPES)}]
    for n in draw(st.lists(st.integers(-1, 4), max_size=5)):
        size = draw(st.integers(-5, 2000))
        fields = {"dir": draw(st.sampled_from(["receive", "send"])), "size": size, "cut": draw(st.booleans())}
        lines.append({"k": "event", "id": 1, "n": n, "ms": 1.0, "message": draw(MESSAGES), **fields})
    if draw(st.booleans()):
        lines.append({"k": "close", "id": 1, "ms": 2.0, "error": None, "cancelled": draw(st.booleans())})
    found = list(assembled(filter(None, map(_read, lines))).values())
    assume(found)
    return found[0]


def _read(line: dict[str, Any]) -> Record | None:
    """Return the record in a line, with values as they are written to a file; None for what cannot be read."""
    read = {
        key: json_values.mapping(value)
        if isinstance(value, dict)
        else json_values.body(value)
        if key == "message"
        else value
        for key, value in line.items()
    }
    try:
        return codec.loads(json.dumps(read))
    except ValueError:
        return None


@given(exchanges(), exchanges())
@settings(max_examples=200, suppress_health_check=list(HealthCheck))
def test_whatever_a_session_holds(one: Exchange, other: Exchange) -> None:
    """Two exchanges are compared, whatever their scopes and messages hold, and one is like itself."""
    found: list[Found] = [
        *of_requests(one, other),
        *of_answers(one, other),
        *of_answers(one, other, frozenset((b"server",))),
    ]

    assert [it for it in found if not isinstance(it.where, str)] == []
    assert [it for it in (*of_requests(one, one), *of_answers(one, one)) if len(it) == 3] == []
