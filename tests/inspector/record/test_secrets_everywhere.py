"""A request with secrets of every kind in every place: none is in anything that is told of it."""

import itertools
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from asgictl import Inspector
from asgictl.asgi import Message, Receive, Scope, Send
from asgictl.inspector.assembly import assembled
from asgictl.inspector.client import replay_script
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.record import Event, Opened, Record
from asgictl.inspector.record.log_filter import WithoutSecrets
from asgictl.inspector.record.redaction import NAMES
from asgictl.inspector.sessions import codec, shell_commands
from asgictl.inspector.show import View
from asgictl.inspector.show.full import FullView
from asgictl.inspector.show.json_lines import JsonView
from asgictl.inspector.show.line import LineView
from tests.inspector.recordings import SCOPE, archive, gzipped, recorded

_numbers = itertools.count(10_000)


def hush() -> str:
    """Return a secret that is like no other."""
    return f"hush-{next(_numbers)}-hush"


def jwt() -> str:
    """Return a JSON Web Token."""
    return f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.{hush()}"


def nested(target: str, times: int) -> str:
    """Return a URL percent-encoded so many times."""
    for _ in range(times):
        target = quote(target, safe="")
    return target


# With `NAME` for the name of a parameter.
QUERIES: dict[str, Callable[[], str]] = {
    "a parameter": lambda: f"NAME={hush()}",
    "in capitals": lambda: f"{'NAME'.upper()}={hush()}",
    "with blanks and more": lambda: f"NAME={hush()}%20{hush()}+{hush()}%26{hush()}",
    "a list": lambda: f"NAME[]={hush()}&NAME%5B%5D={hush()}&NAME[0]={hush()}",
    "of something": lambda: f"user[NAME]={hush()}&user%5BNAME%5D={hush()}&user.NAME={hush()}",
    "twice": lambda: f"NAME={hush()}&NAME={hush()}",
    "behind semicolons": lambda: f"a=1;NAME={hush()};b=2",
    "in a URL": lambda: f"next={nested(f'/cb?NAME={hush()}&x=1', 1)}",
    "in a URL in a URL": lambda: f"next={nested(f'https://h/cb?x=1&NAME={hush()}#a', 2)}",
    "in three URLs": lambda: f"next={nested(f'/cb#NAME={hush()}', 3)}",
    "in a URL as it is": lambda: f"next=/cb?NAME={hush()}",
    "encoded once more": lambda: f"next={nested(f'/cb?NAME={hush()}%26{hush()}', 1)}",
    "JSON": lambda: f'data={{"NAME":"{hush()}","b":["x"]}}',
    "encoded JSON": lambda: "data=" + nested(json.dumps({"a": {"NAME": f'{hush()}"{hush()}'}}), 1),
    "a list in JSON": lambda: "data=" + nested(json.dumps({"NAME": [hush(), hush()]}), 1),
    "behind a second question mark": lambda: f"?x?NAME={hush()}",
}
ALWAYS: dict[str, Callable[[], str]] = {
    "a login": lambda: f"u=https://me:{hush()}@h/x",
    "a token as a login": lambda: f"u=https://{hush()}@h/x&v=https://{hush()}:x-oauth-basic@h/",
    "an encoded login": lambda: f"u={nested(f'https://me:{hush()}@h/x', 1)}&v={nested(f'https://{hush()}@h/', 2)}",
    "a login without a name": lambda: f"u=redis://:{hush()}@h/0",
    "a login with signs": lambda: f"u=https://me%40h:{hush()}%40{hush()}:{hush()}@h/",
    "a JSON Web Token": lambda: f"j={jwt()}",
    "credentials": lambda: f"h=Bearer+{hush()}&i=bearer%20{hush()}%26x&j=Negotiate%2B{hush()}",
}
HEADERS: dict[str, Callable[[], tuple[str, str]]] = {
    "of a proxy": lambda: ("x-original-uri", f"/a?NAME={hush()}"),
    "of a page": lambda: ("hx-current-url", f"http://h/a?b=1&NAME={hush()}#c"),
    "a referer": lambda: ("referer", f"http://h/a?next={nested(f'/b?NAME={hush()}', 1)}"),
    "a fragment": lambda: ("x-location", f"http://h/#NAME={hush()}&x=1"),
    "a link": lambda: ("link", f'</a?NAME={hush()}>; rel="next", </b;NAME={hush()}>; rel=prev'),
    "of Digest": lambda: ("x-saved-authorization", f'Digest username="me", NAME="{hush()}", uri="/"'),
    "a parameter": lambda: ("x-parameters", f"a=1; NAME={hush()}; b=2"),
    "an extended parameter": lambda: ("x-extended", f"a; NAME*=UTF-8''{hush()}"),
    "a quoted quote": lambda: ("x-quoted", f'a; NAME="{hush()}\\"{hush()}"; b'),
    "JSON": lambda: ("hx-trigger", json.dumps({"login": {"NAME": hush(), "x": 1}})),
    "JSON in JSON": lambda: ("x-nested", json.dumps({"a": json.dumps({"NAME": f'{hush()}"{hush()}'})})),
    "a cookie": lambda: ("x-cookies", f"a=1; NAME={hush()}; c=3"),
    "a login": lambda: ("x-upstream", f"amqp://me:{hush()}@h/, https://{hush()}@h/"),
    "a line of a head": lambda: ("x-head", f"NAME: {hush()}"),
    "lines of a head": lambda: ("x-upstream-head", f"host: h, NAME: {hush()}; {hush()}, x: {hush()}"),
    "an encoded line": lambda: ("x-encoded-head", nested(f"host: h\r\nNAME: {hush()}", 1)),
    "a quoted line": lambda: ("x-curl", f'-H "NAME:{hush()} {hush()}" http://h:80/'),
    "a scheme": lambda: ("x-saved", f"a=1; NAME=Basic {hush()} {hush()}; b=2"),
    "bearer": lambda: ("x-bearer", f"1 Bearer {hush()}, DPoP {hush()}; token {hush()}0"),
    "a token": lambda: ("x-anything", f"JWT {jwt()} end"),
}
PATHS: dict[str, Callable[[], str]] = {
    "a matrix parameter": lambda: f"/a;NAME={hush()};b=1/c",
    "an encoded one": lambda: f"/a%3BNAME%3D{hush()}/b;NAME={hush()}%2F{hush()}",
    "a token": lambda: f"/reset/{jwt()}/now",
}
PROTOCOLS: dict[str, Callable[[], list[str]]] = {
    "a JSON Web Token": lambda: ["chat", jwt()],
    "bearer": lambda: ["bearer", hush()],
    "a name": lambda: ["access_token", hush(), "chat"],
    "Kubernetes": lambda: ["v4.channel.k8s.io", f"base64url.bearer.authorization.k8s.io.{hush()}"],
}


def scope_with(name: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    """Return a scope with all of that, by a `name`, and more `headers`."""
    query = "&".join(make().replace("NAME", name) for make in (*QUERIES.values(), *ALWAYS.values()))
    path = "".join(make().replace("NAME", name) for make in PATHS.values())
    protocols = [protocol for make in PROTOCOLS.values() for protocol in make()]
    given = [(key, value.replace("NAME", name)) for key, value in (make() for make in HEADERS.values())]
    return {
        **SCOPE,
        "method": "GET",
        "path": path.replace("%3B", ";").replace("%3D", "=").replace("%2F", "/"),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            *((key.encode(), value.encode()) for key, value in given),
            (b"sec-websocket-protocol", ", ".join(protocols).encode()),
            *headers,
        ],
        "subprotocols": protocols,
    }


def answering(name: str) -> Callable[[Scope, Receive, Send], Any]:
    """Return an app that tells secrets by that `name`, and fails with all that it was asked."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked = (
            f"{scope['path']} {scope['raw_path']} {scope['query_string']} {scope['headers']} {scope['subprotocols']}"
        )
        location = f"https://me:{hush()}@h/cb?{name}={hush()}#id_token={hush()}"
        headers = [(b"set-cookie", f"{name}={hush()}; Path=/".encode()), (b"location", location.encode())]
        await send({"type": "http.response.push", "path": f"/x?{name}={hush()}", "headers": []})
        await send({"type": "http.response.early_hint", "links": [f"</x?{name}={hush()}>; rel=preload".encode()]})
        await send({"type": "http.response.start", "status": 302, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        await send({"type": "http.response.trailers", "headers": [(b"x-next", f"/?{name}={hush()}".encode())]})
        raise ValueError(f"{asked} {headers} {location} and http://other/?{name}={hush()}")

    return app


def told(records: list[Record]) -> Iterator[tuple[str, str]]:
    """Yield what each sink makes of an exchange."""
    yield "file", "".join(map(codec.dumps, records))
    views: dict[str, View] = {"line": LineView(), "full": FullView(), "json": JsonView()}
    for name, view in views.items():
        lines = [line for record in records for line in view.feed(record)] + view.finish()
        yield name, "\n".join("".join(span.text for span in line) for line in lines)
    exchange: Exchange = assembled(records)[0]
    yield "HAR", archive([exchange])
    if exchange.is_request_whole and exchange.type == "http":
        yield "curl", repr(shell_commands.curl(exchange))
        yield "HTTPie", repr(shell_commands.httpie(exchange))
        yield "replay", repr(replay_script.script(exchange, replay_script.Edit()))


def leaks(records: list[Record]) -> dict[str, list[str]]:
    """Return the secrets in what each sink makes of an exchange."""
    found = {sink: re.findall(r"hush-\d+", text) for sink, text in told(records)}
    return {sink: secrets for sink, secrets in found.items() if secrets}


@pytest.mark.parametrize("name", ["token", "code", "X-Amz-Signature", "api_key"])
def test_by_default(name: str) -> None:
    """With the names that are known no secret is told, whatever they are attached to."""
    headers = [(header.encode(), hush().encode()) for header in NAMES]

    assert leaks(recorded(answering(name), scope_with(name, headers))) == {}


@pytest.mark.parametrize("name", ["my-name", "Clef"])
def test_by_a_name(name: str) -> None:
    """A name that is given hides what the known ones hide, and cookies by their names."""
    cookies = [(b"cookie", f"a=1; {name}={hush()}, {hush()} {hush()}; c=3".encode()), (name.encode(), hush().encode())]

    assert leaks(recorded(answering(name), scope_with(name, cookies), redact=[name, "id_token", "access_token"])) == {}


def test_the_log() -> None:
    """The server's log is without the secrets of an exception, of a request line, and of a header at debug."""
    app = Inspector(answering("token"), sink=str)
    scope = scope_with("token", [])
    lines = []
    records = [
        logging.LogRecord("x", logging.INFO, "", 0, '%s - "WebSocket %s"', ("::1", f"/?token={hush()}"), None),
        logging.LogRecord("x", logging.DEBUG, "", 0, "< %s: %s", ("x-api-key", hush()), None),
        logging.LogRecord("x", logging.DEBUG, "", 0, "< %s: %s", ("sec-websocket-protocol", f"bearer, {hush()}"), None),
        logging.LogRecord("x", logging.DEBUG, "", 0, "< TEXT %s", (f'{{"token": "{hush()}"}}',), None),
        logging.LogRecord("x", 5, "", 0, "%s [%d] Started scope=%s", ("ASGI", 1, {**scope, "headers": "<...>"}), None),
    ]

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        pass

    with pytest.raises(ValueError, match="hush") as raised:
        app(scope, receive, send).__await__().send(None)
    info = (raised.type, raised.value, raised.tb)
    records.append(logging.LogRecord("x", logging.ERROR, "", 0, "Exception in ASGI application\n", None, info))
    for record in records:
        assert WithoutSecrets(app, is_shown=False).filter(record)
        lines.append(logging.Formatter().format(record))

    assert re.findall(r"hush-\d+", "\n".join(lines)) == []
    assert re.fullmatch(r'::1 - "WebSocket /\?token=\*\*\*15\.[0-9a-f]{13}"', lines[0])


def test_why_something_ended() -> None:
    """A startup that fails, and a close, do not tell the secrets in their reasons."""
    said = f"cannot connect to postgres://u:{hush()}@h/db?token={hush()}"

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await send({"type": "lifespan.startup.failed", "message": said})
        else:
            await send({"type": "websocket.close", "code": 1011, "reason": said})

    for kind in ("lifespan", "websocket"):
        records = recorded(app, {"type": kind, "headers": []})
        assert "cannot connect to postgres://u:" in codec.dumps(records[1])
        assert leaks(records) == {}


INNOCENT: list[tuple[bytes, bytes]] = [
    (b"x-token-count", b"5"),
    (b"x-postal-code", b"12345"),
    (b"accept", b"text/html;q=0.9, */*;q=0.8"),
    (b"link", b'<https://h:80/a?page=2&codec=h264>; rel="next"; title="the token"'),
    (b"sec-ch-ua", b'"Chromium";v="124", "Not-A.Brand";v="99"'),
    (b"x-email", b"me@h.example, a:b@c"),
    (b"x-json", b'{"tokenize": true, "codes": [1, 2], "status_code": 5}'),
    (b"etag", b'W/"a=b"'),
    (b"idempotency-key", b"8e03978e-40d5-43e8-bc93-6894a57f9324"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    (b"surrogate-key", b"item-7"),
    (b"x-next-page-token", b"CAoQAA"),
    (b"www-authenticate", b'Bearer realm="api", error="invalid_token", Basic realm="api", Negotiate'),
    (b"x-error", b"invalid token: expired; Bearer token required; Basic plan"),
    (b"access-control-allow-headers", b"authorization, cookie, x-api-key"),
    (b"x-forwarded-host", b"auth:8080, token:80"),
    (b"x-seen", b"Sat, 28 Nov 2026 22:29:13 GMT, https://token/x"),
    (b"x-eyj", b"eyJhbGciOiJIUzI1NiJ9 keyJhbGciOiJIUzI1NiJ9.a.b"),
    (b"x-user-agent", b"Mozilla/5.0 (X11; Linux x86_64) secret password token"),
]
QUERY = b"tokenize=1&codec=h264&postal-code=12345&barcode=9&x[codes]=1&q=the+token%3F&u=https%3A%2F%2Fh%2F%40me&code&=5"


def test_what_is_no_secret() -> None:
    """What only looks like a secret is kept as it is, byte by byte."""
    scope = {**SCOPE, "headers": INNOCENT, "query_string": QUERY, "raw_path": b"/@me;v=1/a%3Db", "path": "/@me;v=1/a=b"}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": INNOCENT})

    opened, start, _ = recorded(app, scope)

    assert isinstance(opened, Opened)
    assert isinstance(start, Event)
    assert opened.scope == scope
    assert start.message["headers"] == INNOCENT


MULTIPART = (
    '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    '--b\r\nContent-Disposition: form-data; name="pin"\r\n\r\n{}\r\n'
    '--b\r\nContent-Disposition: form-data; name=pin; filename="f"\r\nContent-Type: text/plain\r\n\r\n{}\r\n'
    '--b\r\nContent-Disposition: form-data; name="j"\r\nContent-Type: application/json\r\n\r\n{{"pin": "{}"}}\r\n'
    "--b--\r\n"
)
BODIES: dict[str, Callable[[], tuple[str, bytes]]] = {
    "JSON": lambda: ("application/json", json.dumps({"a": [{"PIN": hush(), "b": {"pin": {"c": [hush()]}}}]}).encode()),
    "an escaped name": lambda: ("application/json", rf'{{"p\u0069n": "{hush()}", "b": 1}}'.encode()),
    "an escaped name in a string": lambda: (
        "application/json",
        json.dumps({"a": json.dumps({"b": rf'{{"p\u0069n": "{hush()}"}}'})}).encode(),
    ),
    "an escaped name in Latin-1": lambda: ("application/json", rf'{{"p\u0069n": "{hush()}ü"}}'.encode("latin-1")),
    "an escaped name behind a quote": lambda: ("text/plain", rf'5" {{"p\u0069n": "{hush()}"}}'.encode()),
    "an escaped name in JavaScript": lambda: ("text/javascript", rf"{{p\x69n: '{hush()}', p\u{{69}}n: 1}}".encode()),
    "an escaped name in a page": lambda: ("text/html", f"<input name=p&#105;n value={hush()}>".encode()),
    "an encoded name in text": lambda: ("text/plain", f"p%69n is {hush()}".encode()),
    "words behind JSON": lambda: ("application/json", f'{{"a": 1}} the pin is {hush()}'.encode()),
    "JSON in a string": lambda: ("application/json", json.dumps({"a": json.dumps({"pin": hush()})}).encode()),
    "JSON without an end": lambda: ("application/json", f'{{"a": 1, "pin": "{hush()}'.encode()),
    "JSON Lines": lambda: ("application/x-ndjson", f'{{"pin": "{hush()}"}}\n{{"pin": "{hush()}"}}\n'.encode()),
    "a URL in JSON": lambda: ("application/json", json.dumps({"u": f"http://h/?pin={hush()}&a=1"}).encode()),
    "a form in JSON": lambda: ("application/json", json.dumps({"body": f"pin={hush()}&a=1"}).encode()),
    "JSON in UTF-16": lambda: ("application/json", json.dumps({"pin": hush()}).encode("utf-16")),
    "no JSON": lambda: ("application/json", f"pin={hush()}".encode()),
    "JavaScript": lambda: ("text/javascript", f"{{pin: '{hush()}'}}".encode()),
    "a form": lambda: ("application/x-www-form-urlencoded", f"a=1&pin={hush()}&u%5Bpin%5D={hush()}+b".encode()),
    "a form in Latin-1": lambda: ("application/x-www-form-urlencoded", f"p%69n={hush()}ü".encode("latin-1")),
    "an escaped name in a form": lambda: (
        "application/x-www-form-urlencoded",
        b"a=" + nested(rf'{{"p\u0069n":"{hush()}"}}', 1).encode(),
    ),
    "JSON for a form": lambda: ("application/x-www-form-urlencoded", f'{{"pin":"{hush()}"}}'.encode()),
    "parts": lambda: ('multipart/form-data; boundary="b"', MULTIPART.format(hush(), hush(), hush()).encode()),
    "parts with other ends": lambda: (
        "multipart/form-data; boundary=b",
        MULTIPART.format(hush(), hush(), hush()).replace("\r", "").encode(),
    ),
    "parts without a boundary": lambda: ("multipart/form-data", MULTIPART.format(hush(), hush(), hush()).encode()),
    "text": lambda: ("text/plain", f"pin={hush()}; a=1".encode()),
    "prose": lambda: ("text/plain", f"the pin is {hush()}".encode()),
    "a page": lambda: ("text/html", f"<input name=pin value={hush()}>".encode()),
    "no type": lambda: ("", f'42["login",{{"pin":"{hush()}"}}]'.encode()),
    "bytes": lambda: ("application/msgpack", b"\x81\xa3pin\xb0" + hush().encode() + b"\xff"),
    "events": lambda: ("text/event-stream", f'event: x\ndata: {{"pin": "{hush()}", "a": 1}}\n\n'.encode()),
    "half an event": lambda: ("text/event-stream", f'data: {{"pin": "{hush()}"'.encode()),
}


@pytest.mark.parametrize("make", BODIES.values(), ids=list(BODIES))
@pytest.mark.parametrize("way", ["whole", "split", "packed", "packed, as two lines say", "of two types"])
def test_bodies(make: Callable[[], tuple[str, bytes]], way: str) -> None:
    """No value of a field that is named is told of a request, an answer, or an exception; packed or split neither."""
    kind, content = make()
    _, answer = make()
    headers = [(b"content-type", kind.encode()), (b"content-length", b"999")]
    if way.startswith("packed"):
        content, answer = gzipped(content), gzipped(answer)
        headers.append((b"content-encoding", b"gzip"))
    if way == "packed, as two lines say":
        headers.append((b"content-encoding", b"identity"))
    if way == "of two types":
        headers.append((b"content-type", b"text/plain"))
    middle = len(content) // 2 if way == "split" else len(content)
    messages: list[Message] = [
        {"type": "http.request", "body": content[:middle], "more_body": way == "split"},
        *([{"type": "http.request", "body": content[middle:], "more_body": False}] if way == "split" else []),
    ]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = b"".join([(await receive())["body"] for _ in messages])
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in (answer[:middle], answer[middle:]) if way == "split" else (answer,):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        raise ValueError(f"cannot use {body!r}" if not way.startswith("packed") and b"=" not in content else "broken")

    records = recorded(app, {**SCOPE, "headers": headers}, messages, redact_body=["pin"])
    packed = [text for _, text in told(records) if quote(content) in text]

    assert leaks(records) == {}
    assert packed == []


def test_messages() -> None:
    """Neither is one of a WebSocket's messages."""
    scope = {**SCOPE, "type": "websocket"}
    messages: list[Message] = [
        {"type": "websocket.receive", "text": json.dumps({"pin": hush(), "a": 1})},
        {"type": "websocket.receive", "text": f"pin={hush()}"},
        {"type": "websocket.receive", "text": f"my pin: {hush()}"},
        {"type": "websocket.receive", "bytes": json.dumps({"pin": hush()}).encode()},
        {"type": "websocket.receive", "bytes": b"\xffpin" + hush().encode()},
    ]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in messages:
            message = await receive()
            await send({**message, "type": "websocket.send"})

    assert leaks(recorded(app, scope, messages, redact_body=["pin"])) == {}
