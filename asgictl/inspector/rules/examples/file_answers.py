"""Examples for files that the server sends: zero-copied, or by their paths."""

import asyncio
import io
import tempfile
from pathlib import Path
from typing import Any

from asgictl.asgi import Receive, Scope, Send
from asgictl.inspector.rules.example import breaks, keeps

_ZERO_COPY: dict[str, Any] = {"http.response.zerocopysend": {}}
_PATH: dict[str, Any] = {"http.response.pathsend": {}}
_TEXT = (b"content-type", b"text/plain")

# This file is one that is there.
_FILE = Path(__file__).resolve()
_SIZE = str(_FILE.stat().st_size).encode()


@breaks("A-204", extensions=_ZERO_COPY)
async def copies_memory(scope: Scope, receive: Receive, send: Send) -> None:
    """Have a file zero-copied that is in memory."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    with io.BytesIO(b"report") as file:
        await send({"type": "http.response.zerocopysend", "file": file})


@keeps("A-204", extensions=_ZERO_COPY)
async def copies_a_file(scope: Scope, receive: Receive, send: Send) -> None:
    """Have a file zero-copied that is one of the operating system."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    with tempfile.TemporaryFile() as file:
        file.write(b"report")
        await send({"type": "http.response.zerocopysend", "file": file, "offset": 0})


@breaks("A-205", extensions=_ZERO_COPY)
async def copies_up_to_a_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Take the count out of a header, as text."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    with tempfile.TemporaryFile() as file:
        file.write(b"report")
        await send({"type": "http.response.zerocopysend", "file": file, "offset": 0, "count": "6"})


@breaks("A-205", extensions=_ZERO_COPY)
async def copies_after_the_end(scope: Scope, receive: Receive, send: Send) -> None:
    """Have a file zero-copied after the last part of the body."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": b"head"})
    with tempfile.TemporaryFile() as file:
        file.write(b"report")
        await send({"type": "http.response.zerocopysend", "file": file, "offset": 0})


@keeps("A-205", extensions=_ZERO_COPY)
async def copies_beside_a_body(scope: Scope, receive: Receive, send: Send) -> None:
    """Have a file zero-copied between two parts of the body."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": b"head", "more_body": True})
    with tempfile.TemporaryFile() as file:
        file.write(b"report")
        message = {"type": "http.response.zerocopysend", "file": file, "offset": 0, "count": 6, "more_body": True}
        await send(message)
    await send({"type": "http.response.body", "body": b"tail"})


@breaks("A-206", extensions=_ZERO_COPY)
async def closes_the_file_late(scope: Scope, receive: Receive, send: Send) -> None:
    """Leave the file open, and have it closed some time after the answer."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    file = _FILE.open("rb")
    asyncio.get_running_loop().call_later(0.001, file.close)
    await send({"type": "http.response.zerocopysend", "file": file, "offset": 0})


@keeps("A-206", extensions=_ZERO_COPY)
async def closes_the_file(scope: Scope, receive: Receive, send: Send) -> None:
    """Close the file."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    with _FILE.open("rb") as file:
        await send({"type": "http.response.zerocopysend", "file": file, "offset": 0})


@breaks("A-207", extensions=_PATH)
async def relative_path(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a file by a path that depends on where the server was started."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"content-length", _SIZE)]})
    await send({"type": "http.response.pathsend", "path": _FILE.name})


@breaks("A-207", extensions=_PATH)
async def path_as_object(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a file by a path that is not text."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"content-length", _SIZE)]})
    await send({"type": "http.response.pathsend", "path": _FILE})


@keeps("A-207", extensions=_PATH)
async def absolute_path(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a file by its whole path."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"content-length", _SIZE)]})
    await send({"type": "http.response.pathsend", "path": str(_FILE)})


@breaks("A-208", extensions=_PATH)
async def path_beside_a_body(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a banner before the file."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT]})
    await send({"type": "http.response.body", "body": b"# banner", "more_body": True})
    await send({"type": "http.response.pathsend", "path": str(_FILE)})


@breaks("A-208", extensions=_PATH)
async def body_beside_a_path(scope: Scope, receive: Receive, send: Send) -> None:
    """End the answer with a body after the file."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"content-length", _SIZE)]})
    await send({"type": "http.response.pathsend", "path": str(_FILE)})
    await send({"type": "http.response.body"})


@keeps("A-208", extensions=_PATH)
async def path_or_body(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the file by its path where the server can, and as a body otherwise."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"content-length", _SIZE)]})
    if "http.response.pathsend" in scope.get("extensions", {}):
        await send({"type": "http.response.pathsend", "path": str(_FILE)})
    else:
        await send({"type": "http.response.body", "body": _FILE.read_bytes()})


@breaks("A-209", extensions=_PATH)
async def missing_file(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a file that is not there."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"content-length", b"6")]})
    await send({"type": "http.response.pathsend", "path": str(_FILE / "missing")})


@breaks("A-209", extensions=_PATH)
async def file_of_another_size(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the size that the file once had."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"content-length", b"6")]})
    await send({"type": "http.response.pathsend", "path": str(_FILE)})


@breaks("A-209", extensions=_PATH)
async def file_without_headers(scope: Scope, receive: Receive, send: Send) -> None:
    """Leave the headers to the server."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.pathsend", "path": str(_FILE)})


@keeps("A-209", extensions=_PATH)
async def file_with_its_headers(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the type and the size of a file with it."""
    await send({"type": "http.response.start", "status": 200, "headers": [_TEXT, (b"content-length", _SIZE)]})
    await send({"type": "http.response.pathsend", "path": str(_FILE)})
