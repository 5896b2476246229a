"""Visit one of the sample apps, as a client would, and print what is found, and what it has answered otherwise."""

import importlib
import json
import re
import sys

from asgictl import Inspector
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
    exchanged.append("the end")

print(json.dumps({"found": found, "surprises": surprises, "records": len(sink) > len(module.VISITS)}))
