"""Visit one of the sample apps, as a client would, and print what is found, and what it has answered otherwise."""

import contextlib
import importlib
import json
import re
import sys

from asgictl import Inspector
from asgictl.inspector.record import Finding
from asgictl.inspector.rules.referee import Referee
from asgictl.inspector.sessions import codec
from asgictl.testing import Disconnected, Inspected, Refused

import visits

name = sys.argv[1]
module = importlib.import_module(f"{name}_app")
found, surprises = [], []


def tell(finding):
    if finding.severity != "info":
        found.append(f"{exchanged[-1]}: {finding.rule} {finding.severity} {finding.blame}: {finding.text}")


exchanged = ["lifespan"]
sink = []
app = Inspector(module.app, sink=sink.append, check="all", on_finding=tell)
latest = {}


def filled(headers):
    """Put in what the answers before had in their headers."""
    return {key: re.sub("<(.*)>", lambda match: latest.get(match[1], ""), value) for key, value in headers.items()}


def listen(client, path):
    """Have a WebSocket with some messages, and leave it."""
    for offered in ([], ["chat", "v2"]):
        with client.websocket(path, subprotocols=offered) as socket:
            for text in ("hello", "", "é" * 300):
                socket.send(text)
                if socket.receive() != text:
                    surprises.append(f"{path}: not {text}")
    with client.websocket(path):
        pass
    try:
        with client.websocket("/nowhere"):
            surprises.append("/nowhere: accepted")
    except (Disconnected, Refused):
        pass


def engine(client, target):
    """Have a conversation as Socket.IO does."""
    with client.websocket(target) as socket:
        answers = [socket.receive()]
        for text in ("40", '420["shout","hello"]'):
            socket.send(text)
            answers.append(socket.receive())
        if '430["HELLO"]' not in answers:
            surprises.append(f"{target}: {answers}")


async def cut_upload():
    """Have a client go in the middle of its upload; whatever the app does with that."""
    messages = [{"type": "http.request", "body": b"half", "more_body": True}]
    headers = [(b"host", b"localhost"), (b"content-length", b"8"), (b"content-type", b"text/plain")]
    scope = {
        **{"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "POST"},
        **{"scheme": "http", "path": "/echo", "raw_path": b"/echo", "query_string": b"", "root_path": ""},
        **{"headers": headers, "client": ("127.0.0.1", 50000), "server": ("127.0.0.1", 80), "state": {"database": ""}},
    }

    async def receive():
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message):
        pass

    with contextlib.suppress(Exception):
        await app(scope, receive, send)


with Inspected(app, check=None) as client:
    for method, target, headers, body, status in module.VISITS:
        exchanged.append(f"{method} {target} {headers}")
        exchange = client.request(method, target, headers=filled(headers), body=body)
        if status not in (None, exchange.status):
            surprises.append(f"{exchanged[-1]}: {exchange.status}")
        for key, value in exchange.response_headers:
            text = value.decode("latin-1")
            latest[key.decode().lower()] = text.partition(";")[0] if key.lower() == b"set-cookie" else text
    for target in getattr(module, "STREAMS", visits.STREAMS):
        exchanged.append(f"leave {target}")
        with client.stream("GET", target) as stream:
            next(iter(stream))
    for path in getattr(module, "SOCKETS", visits.SOCKETS):
        exchanged.append(f"chat {path}")
        listen(client, path)
    if hasattr(module, "ENGINE"):
        exchanged.append("Socket.IO")
        engine(client, module.ENGINE)
    exchanged.append("cut upload")
    client._runner.run(cut_upload())
    exchanged.append("the end")

# The same records again, as a session that was saved has them.
referee = Referee("all")
for record in sink:
    if not isinstance(record, Finding):
        found += [f"saved: {one.rule} {one.text}" for one in referee.findings(codec.loads(codec.dumps(record)))]

print(json.dumps({"found": found, "surprises": surprises, "records": len(sink) > len(module.VISITS)}))
