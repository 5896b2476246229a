"""Every rule of the server's side has calls that break it, and are told of by it alone, and calls that keep it."""

from collections.abc import Sequence
from typing import Any

import pytest

from asgictl.inspector.record import Finding
from asgictl.inspector.rules import catalogue
from asgictl.inspector.rules.server_rules.bench import Bench
from asgictl.inspector.rules.server_rules.probed import PROBED
from tests.inspector.rules.calls import (
    ABSENT,
    ACCEPT,
    CLOSE,
    CONNECT,
    END,
    FAILED,
    GONE,
    LATER,
    LEFT,
    MORE,
    REQUEST,
    SHUTDOWN,
    START,
    STARTED,
    STARTUP,
    STOPPED,
    TEXT,
    Call,
    Steps,
    changed,
    chat,
    found,
    found_again,
    lifespan,
    recorded,
    request,
)

RULES = [rule.id for rule in catalogue.rules().values() if rule.blame == "server" and rule.id not in PROBED]


def tls(**changes: Any) -> Call:
    """Return a request over TLS."""
    usual = {"server_cert": None, "tls_version": 0x0304, "cipher_suite": 0x1301}
    return request(scheme="https", extensions={"tls": changed(usual, changes)})


def http2(*headers: tuple[bytes, bytes]) -> Call:
    """Return a request of HTTP/2."""
    return request(http_version="2", headers=list(headers))


def posted(length: bytes, *bodies: bytes) -> Call:
    """Return a request with a body, and its length."""
    parts = [{"type": "http.request", "body": body, "more_body": body is not bodies[-1]} for body in bodies]
    return request(*parts, method="POST", headers=[(b"host", b"localhost"), (b"content-length", length)])


HOST = (b"host", b"localhost")
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
STATE: dict[str, Any] = {}
DISCONNECTED: Steps = (None, None, START, END)

Calls = Sequence[Call]

BREAKS: dict[str, list[Calls]] = {
    "A-001": [[Call([("type", "http")], [], [])]],
    "A-002": [[request(type=5)], [request(type=ABSENT)]],
    "A-003": [[Call({"type": "mqtt", "asgi": {"version": "3.0"}}, [], [])]],
    "A-004": [[request(asgi=ABSENT)], [request(asgi="3.0")], [request(asgi={})], [chat(asgi={"version": 3})]],
    "A-005": [[request(asgi={"version": "2.5"})]],
    "A-006": [
        [request(asgi={"version": "3.0", "spec_version": 2.3})],
        [lifespan(asgi={"version": "3.0", "spec_version": "2.3"})],
    ],
    "A-008": [[request(extensions=[])], [request(extensions={"http.response.push": True})], [chat(extensions={5: {}})]],
    "A-101": [[request(type="HTTP")], [chat(CONNECT, REQUEST, steps=(None, ACCEPT, None, CLOSE))]],
    "A-102": [[request(http_version=1.1)], [request(http_version=ABSENT)], [request(http_version="HTTP/1.1")]],
    "A-103": [[request(method=ABSENT)], [request(method=b"GET")], [request(method="get")]],
    "A-104": [[request(scheme="")], [request(scheme=None)], [request(scheme="ws")]],
    "A-105": [[request(path=ABSENT)], [request(path=b"/")]],
    "A-106": [[request(path="items", raw_path=ABSENT)], [request(path="*", raw_path=ABSENT)], [chat(path="")]],
    "A-107": [[request(path="/caf%C3%A9", raw_path=b"/caf%C3%A9")], [request(path="/a", raw_path=b"/b")]],
    "A-108": [[request(path="/items", raw_path=ABSENT, root_path="/api")]],
    "A-109": [[request(raw_path="/")], [request(raw_path=b"/?a=1", query_string=b"a=1")]],
    "A-110": [[request(query_string=ABSENT)], [request(query_string="a=1")], [request(query_string=b"?a=1")]],
    "A-111": [[request(root_path=b"/api")], [request(root_path="/api/", path="/api/x", raw_path=ABSENT)]],
    "A-112": [
        [request(headers=ABSENT)],
        [request(headers={"host": "x"})],
        [request(headers=[HOST, (b"a", b"b", b"c")])],
    ],
    "A-113": [[request(headers=[HOST, ("accept", "*/*")])], [request(headers=[HOST, (b"x-n", 5)])]],
    "A-114": [[request(headers=[HOST, (b"Accept", b"*/*")])]],
    "A-115": [[http2(HOST, (b":path", b"/"))]],
    "A-116": [[http2((b"accept", b"*/*"))], [http2(HOST, HOST)]],
    "A-117": [[request(client="127.0.0.1")], [request(client=["127.0.0.1", "80"])], [request(client=("::1", None))]],
    "A-118": [[request(server=["localhost"])], [request(server=(b"localhost", 80))]],
    "A-119": [[request(state=None)], [request(state={1: "one"})]],
    "A-120": [[lifespan(STARTUP, state=STATE, steps=(None, STARTED, None)), request(state=STATE)]],
    "A-121": [[request(headers=[HOST, (b"cookie", b"a=1"), (b"cookie", b"b=2")])]],
    "A-122": [[request(headers=[])], [request(headers=[HOST, HOST])]],
    "A-123": [
        [request(headers=[HOST, (b"content-length", b"1.5")])],
        [request(headers=[HOST, (b"content-length", b"0"), (b"transfer-encoding", b"chunked")])],
    ],
    "A-131": [
        [request({"type": "http.request", "body": "text"})],
        [request({"type": "http.request", "body": None})],
        [request({"type": "http.request", "body": memoryview(b"x")})],
    ],
    "A-132": [[request({"type": "http.request", "more_body": 0})], [request({**MORE, "more_body": 1}, REQUEST)]],
    "A-133": [[request(REQUEST, REQUEST)]],
    "A-134": [[request(GONE, REQUEST)]],
    "A-135": [[request(MORE, MORE, steps=(None, START, END, None))]],
    "A-136": [[posted(b"3", b"1234")], [posted(b"3", b"12")], [posted(b"3", b"12", b"34", b"56")]],
    "A-173": [[request(REQUEST, GONE, steps=DISCONNECTED, refusal=RuntimeError("no connection"))]],
    "A-174": [[request(REQUEST, GONE, steps=DISCONNECTED, asgi=LATER)]],
    "A-219": [[request(extensions={"http.response.debug": {}})]],
    "A-221": [[request(extensions={"tls": {"server_cert": None, "tls_version": None, "cipher_suite": None}})]],
    "A-222": [[tls(server_cert=ABSENT)], [tls(server_cert="MIIB")], [tls(server_cert=PEM.encode())]],
    "A-223": [
        [tls(client_cert_chain=PEM, client_cert_name="CN=a")],
        [tls(client_cert_chain=[b"x"], client_cert_name="CN=a")],
    ],
    "A-224": [[tls(client_cert_name=5)], [tls(client_cert_chain=[PEM])]],
    "A-225": [[tls(client_cert_error="")], [tls(client_cert_error=True)]],
    "A-226": [[tls(tls_version=ABSENT)], [tls(tls_version="TLSv1.3")]],
    "A-227": [[tls(cipher_suite=ABSENT)], [tls(cipher_suite="TLS_AES_128_GCM_SHA256")], [tls(cipher_suite=0x10000)]],
    "A-301": [
        [Call({"type": "ws", "asgi": {"version": "3.0"}, "path": "/", "headers": [], "subprotocols": []}, [], [])],
        [request(CONNECT)],
    ],
    "A-302": [[chat(http_version=1.1)], [chat(http_version="1.0")]],
    "A-303": [[chat(scheme="")], [chat(scheme="http")]],
    "A-304": [[chat(path=ABSENT)], [chat(path=b"/")]],
    "A-305": [[chat(raw_path="/")], [chat(raw_path=b"/?a=1")]],
    "A-306": [[chat(query_string="a=1")], [chat(query_string=b"?a=1")]],
    "A-307": [[chat(root_path=None)]],
    "A-308": [
        [chat(headers=ABSENT, subprotocols=[])],
        [chat(headers=[(b":path", b"/")], subprotocols=[])],
        [chat(headers=[("host", "localhost")], subprotocols=[])],
        [chat(headers=[], subprotocols=[], http_version="2")],
    ],
    "A-309": [[chat(client="127.0.0.1")], [chat(server=[None, 80])]],
    "A-310": [[chat(subprotocols="chat")], [chat(subprotocols=[None])]],
    "A-311": [[chat(subprotocols=[])], [chat(subprotocols=ABSENT)], [chat(headers=[HOST])]],
    "A-312": [[lifespan(STARTUP, state=STATE, steps=(None, STARTED, None)), chat(state=STATE)], [chat(state={1: 2})]],
    "A-321": [[chat(TEXT, CONNECT, steps=(None, None))], [chat(CONNECT, CONNECT)], [chat(LEFT, steps=(None,))]],
    "A-322": [[chat(CONNECT, TEXT, LEFT, steps=(None, None, None))]],
    "A-323": [
        [chat(CONNECT, {"type": "websocket.receive", "bytes": "text"})],
        [chat(CONNECT, {**TEXT, "text": b"bytes"})],
        [chat(CONNECT, {"type": "websocket.receive", "bytes": memoryview(b"x")})],
    ],
    "A-324": [[chat(CONNECT, {**TEXT, "bytes": b""})], [chat(CONNECT, {"type": "websocket.receive", "text": None})]],
    "A-325": [
        [chat(CONNECT, {"type": "websocket.disconnect"})],
        [chat(CONNECT, {**LEFT, "code": None})],
        [chat(CONNECT, {**LEFT, "reason": b""})],
    ],
    "A-326": [[chat(CONNECT, LEFT, TEXT)]],
    "A-401": [[lifespan(asgi=ABSENT)], [lifespan(type="Lifespan")], [request(STARTUP)]],
    "A-402": [[lifespan(state=None)], [lifespan(state={"left": "over"})]],
    "A-403": [[lifespan(STARTUP, STARTUP, steps=(None, STARTED, None))], [lifespan(SHUTDOWN, steps=(None,))]],
    "A-404": [
        [lifespan(STARTUP, SHUTDOWN, SHUTDOWN, steps=(None, STARTED, None, STOPPED, None))],
        [lifespan(STARTUP, SHUTDOWN, steps=(None, None))],
        [lifespan(STARTUP, SHUTDOWN, steps=(None, FAILED, None))],
    ],
    "A-420": [
        [lifespan(STARTUP, steps=(None, None)), request()],
        [lifespan(STARTUP, steps=(None, FAILED)), chat()],
    ],
    "A-421": [[lifespan(STARTUP, steps=(None, STARTED, None)), request()]],
}

KEEPS: dict[str, list[Calls]] = {
    "A-001": [[request()]],
    "A-002": [[request(type="http")]],
    "A-003": [[lifespan()]],
    "A-004": [[request(asgi={"version": "3.0"})]],
    "A-005": [[request(asgi={"version": "2.0"})]],
    "A-006": [
        [request(asgi={"version": "3.0", "spec_version": "2.5"})],
        [lifespan(asgi={"version": "3.0", "spec_version": "1.0"})],
    ],
    "A-008": [[request(extensions=None)], [request(extensions={"http.response.push": {}})], [chat(extensions={})]],
    "A-101": [[request(REQUEST, GONE, steps=(None, START, END, None))]],
    "A-102": [[request(http_version="1.0")]],
    "A-103": [[request(method="PURGE")]],
    "A-104": [[request(scheme=ABSENT)], [request(scheme="https")]],
    "A-105": [[request(path="/é", raw_path=ABSENT)]],
    "A-106": [[request(path="*", raw_path=b"*", method="OPTIONS")]],
    "A-107": [
        [request(path="/café", raw_path=b"/caf%C3%A9")],
        [request(path="/caf�", raw_path=b"/caf%E9")],
        [request(path="/api/items", root_path="/api", raw_path=b"/items")],
        [request(path="/login;token=secret-12345", raw_path=b"/login;token=secret-12345")],
    ],
    "A-108": [[request(path="/api/items", raw_path=b"/api/items", root_path="/api")]],
    "A-109": [[request(raw_path=None)], [request(path="/why?", raw_path=b"/why%3F")], [request(raw_path=ABSENT)]],
    "A-110": [[request(query_string=b"token=secret&a=?")]],
    "A-111": [[request(root_path=ABSENT)], [request(root_path="/api", path="/api/x", raw_path=b"/api/x")]],
    "A-112": [[request(headers=iter([[b"host", b"localhost"]]))], [request(headers=(list(HOST),))]],
    "A-113": [[request(headers=[HOST, (b"authorization", b"Bearer abc"), (b"x-n", b"5")])]],
    "A-114": [[request(headers=[HOST, (b"accept", b"*/*")])]],
    "A-115": [[http2(HOST, (b"path", b"/"))]],
    "A-116": [[http2((b"accept", b"*/*"), HOST)]],
    "A-117": [[request(client=("::1", 80))], [request(client=None)], [request(client=ABSENT)]],
    "A-118": [[request(server=("/run/app.sock", None))], [request(server=None)], [request(server=ABSENT)]],
    "A-119": [[request(state={"database": object()})], [request(state={})]],
    "A-120": [[lifespan(STARTUP, state=STATE, steps=(None, STARTED, None)), request(state=dict(STATE))]],
    "A-121": [[request(headers=[HOST, (b"cookie", b"a=1; b=2")])], [http2(HOST, (b"cookie", b"a"), (b"cookie", b"b"))]],
    "A-122": [[request(headers=[], http_version="1.0")]],
    "A-123": [[request(headers=[HOST, (b"transfer-encoding", b"chunked")])]],
    "A-131": [[request({"type": "http.request"})], [request({"type": "http.request", "body": b"x"})]],
    "A-132": [[request({"type": "http.request", "more_body": False})]],
    "A-133": [[request(MORE, MORE, REQUEST)]],
    "A-134": [[request(REQUEST, GONE, GONE)]],
    "A-135": [[request(MORE, GONE, steps=(None, START, END, None))]],
    "A-136": [[posted(b"4", b"12", b"34")], [request(MORE, GONE, headers=[HOST, (b"content-length", b"9")])]],
    "A-173": [
        [request(REQUEST, GONE, steps=DISCONNECTED, refusal=ConnectionResetError("gone"))],
        [request(REQUEST, GONE, steps=DISCONNECTED)],
        [request(REQUEST, GONE, steps=(None, START, END, None, END), refusal=RuntimeError("the answer is complete"))],
    ],
    "A-174": [
        [request(REQUEST, GONE, steps=DISCONNECTED, refusal=BrokenPipeError("gone"), asgi=LATER)],
        [request(REQUEST, GONE, steps=(None, START, END, None), asgi=LATER)],
    ],
    "A-219": [[request(extensions={"http.response.debug": {}}, client=("testclient", 50000))]],
    "A-221": [[tls()]],
    "A-222": [[tls(server_cert=PEM)]],
    "A-223": [[tls(client_cert_chain=(PEM, PEM), client_cert_name="CN=a")], [tls(client_cert_chain=[])]],
    "A-224": [[tls(client_cert_name="CN=a")], [tls(client_cert_name=None)]],
    "A-225": [[tls(client_cert_error="expired")], [tls(client_cert_error=None)]],
    "A-226": [[tls(tls_version=None)]],
    "A-227": [[tls(cipher_suite=None)], [tls(cipher_suite=0xFFFF)]],
    "A-301": [[Call({"type": "websocket", "asgi": {"version": "3.0"}, "path": "/", "headers": []}, [], [])]],
    "A-302": [[chat(http_version=ABSENT)], [chat(http_version="2")]],
    "A-303": [[chat(scheme=ABSENT)], [chat(scheme="wss")]],
    "A-304": [[chat(path="/chat", raw_path=b"/chat")]],
    "A-305": [[chat(raw_path=None)], [chat(raw_path=ABSENT)]],
    "A-306": [[chat(query_string=None)], [chat(query_string=ABSENT)]],
    "A-307": [[chat(root_path=ABSENT)]],
    "A-308": [[chat(headers=[], subprotocols=[])]],
    "A-309": [[chat(client=None, server=ABSENT)]],
    "A-310": [[chat(subprotocols=("chat",))], [chat(headers=[HOST], subprotocols=ABSENT)]],
    "A-311": [
        [chat(subprotocols=["chat", "v2"], headers=[HOST, (b"sec-websocket-protocol", b"chat, v2")])],
        [chat(subprotocols=["bearer", "abc123def"], headers=[(b"sec-websocket-protocol", b"bearer, abc123def")])],
    ],
    "A-312": [[lifespan(STARTUP, state=STATE, steps=(None, STARTED, None)), chat(state=dict(STATE))]],
    "A-321": [[chat(CONNECT, LEFT, steps=(None, None))]],
    "A-322": [[chat(CONNECT, TEXT, LEFT)]],
    "A-323": [[chat(CONNECT, {**TEXT, "bytes": None}, LEFT)]],
    "A-324": [
        [chat(CONNECT, {"type": "websocket.receive", "bytes": b"", "text": None}, LEFT)],
        [chat(CONNECT, {**TEXT, "text": ""})],
    ],
    "A-325": [
        [chat(CONNECT, {"type": "websocket.disconnect", "code": 1005})],
        [chat(CONNECT, {**LEFT, "reason": None})],
    ],
    "A-326": [[chat(CONNECT, LEFT, LEFT)]],
    "A-401": [[lifespan()]],
    "A-402": [[lifespan(state=ABSENT)]],
    "A-403": [[lifespan(STARTUP, steps=(None, STARTED, None))]],
    "A-404": [[lifespan(STARTUP, SHUTDOWN)]],
    "A-420": [
        [lifespan(STARTUP, steps=(None, STARTED, None)), request(), chat()],
        [lifespan(STARTUP, steps=()), request()],
        [request(), lifespan()],
    ],
    "A-421": [[lifespan(STARTUP, steps=(None, STARTED, None)), request()]],
}

# These have their calls in loops of their own where they break the rule.
LOOPS = {"A-421": 2}


def of_server(findings: Sequence[Finding]) -> set[str]:
    """Return which rules the server breaks."""
    return {finding.rule for finding in findings if finding.blame == "server"}


@pytest.mark.parametrize("rule", RULES)
def test_what_breaks_it(rule: str) -> None:
    """What breaks a rule is told of by exactly that rule."""
    assert BREAKS[rule]
    for calls in BREAKS[rule]:
        assert of_server(found(calls, loops=LOOPS.get(rule, 1))) == {rule}, calls


@pytest.mark.parametrize("rule", RULES)
def test_in_a_saved_session(rule: str) -> None:
    """The same is found in a session that was saved, at the same messages."""
    for calls in BREAKS[rule]:
        records = recorded(calls, loops=LOOPS.get(rule, 1))
        live = [record for record in records if isinstance(record, Finding)]

        assert [(one.rule, one.n) for one in found_again(records)] == [(one.rule, one.n) for one in live]


@pytest.mark.parametrize("rule", RULES)
def test_what_keeps_it(rule: str) -> None:
    """Nothing is said of what is close to that, and right."""
    assert KEEPS[rule]
    for calls in KEEPS[rule]:
        assert of_server(found(calls)) == set(), calls


def test_only_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Without `check="all"` nothing is said of the server, and nothing of it is looked at."""

    def judged(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Bench, "judged", judged)
    calls = [call for some in BREAKS.values() for one in some for call in one]

    assert of_server(found(calls, check="app")) == set()
    assert [record.exc_info for record in caplog.records if record.name == "asgictl.inspector"] == []


def test_minimal_scopes() -> None:
    """What may be left out of a scope may be left out."""
    version = {"version": "3.0"}
    least: dict[str, Any] = {"asgi": version, "path": "/", "headers": []}
    asked = {**least, "type": "http", "http_version": "1.0", "method": "GET", "query_string": b""}
    calls = [
        Call({"type": "lifespan", "asgi": version}, [STARTUP], [None, STARTED, None]),
        Call(asked, [REQUEST], [None, START, END]),
        Call({**least, "type": "websocket"}, [CONNECT], [None, ACCEPT, CLOSE]),
    ]

    assert found(calls) == []


def test_where_it_is() -> None:
    """What is wrong with a scope is told before any message, what is wrong with a message at its number."""
    findings = found([request(REQUEST, REQUEST, method="get")])

    assert [(finding.rule, finding.n) for finding in findings] == [("A-103", 0), ("A-133", 2)]


def test_said_in_words() -> None:
    """A finding says what is there, and what should be."""
    findings = [*found([request(path=b"/")]), *found([request(GONE, REQUEST)])]

    assert [finding.text for finding in findings if finding.blame == "server"] == [
        "`path` is b'/' (bytes), and not a string",
        "`http.request` follows `http.disconnect`",
    ]
