from pathlib import Path

import socketio

from visits import FILE

sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=["https://shop.example"])
FOLDER = str(Path(__file__).with_name("static"))


@sio.event
async def shout(sid, text):
    return text.upper()


async def started():
    pass


app = socketio.ASGIApp(sio, static_files={"/static": FOLDER}, on_startup=started, on_shutdown=started)
POLLING = "/socket.io/?EIO=4&transport=polling"
ORIGIN = {"origin": "https://shop.example"}
VISITS = [
    ("GET", FILE, {}, b"", 200),
    ("HEAD", FILE, {}, b"", 200),
    ("GET", "/missing", {}, b"", 404),
    ("GET", POLLING, {}, b"", 200),
    ("GET", POLLING, {**ORIGIN, "accept-encoding": "gzip"}, b"", 200),
    ("OPTIONS", POLLING, {**ORIGIN, "access-control-request-method": "POST"}, b"", 200),
    ("GET", "/socket.io/?EIO=4&transport=carrier-pigeon", {}, b"", 400),
]
STREAMS = [FILE]
SOCKETS = []
ENGINE = "/socket.io/?EIO=4&transport=websocket"
