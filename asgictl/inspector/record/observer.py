"""What is seen of a connection beside its messages, as facts for `Observed`: some rules need more than messages."""

import asyncio
import contextlib
import inspect
import itertools
import operator
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar
from weakref import ref

from asgictl.asgi import Scope
from asgictl.failure import class_name
from asgictl.inspector.record import CONTENT, Fact
from asgictl.inspector.record.snapshot import ATOMS

F = TypeVar("F", bound=Callable[..., Any])
Facts = Iterable[tuple[Fact, Any]]
HeaderFault = Literal["break", "whitespace", "samesite", "joined"]
# By their ids: they live as long as the app has them live.
Files = dict[int, ref[Any]]

# After one of these nobody hears the app: a tuple, for the type of a message can be anything.
GONE = ("http.disconnect", "websocket.disconnect")

# Keys whose values the app may change as it likes.
_OWN = frozenset(("state",))

# How deep values are compared: headers are lists of pairs, extensions hold dictionaries.
_DEPTH = 6

# What no header's value has in it, and would begin another line (RFC 9110 section 5.5).
BREAKS = re.compile(rb"[\r\n\0]")
_ATTRIBUTES = re.compile(rb";\s*([A-Za-z-]+)(?:=([^;]*))?")
# A comma after an attribute, after which another cookie begins, and not the rest of a date.
_JOINED = re.compile(rb"[^;]*;.*,\s*[^\s;,=]+=", re.DOTALL)


class SeenLifespan(NamedTuple):
    """The lifespan that an app is in: the number of its connection, its state, and its event loop."""

    id: int
    state: object
    loop: object


def coroutine_function(function: F) -> F:
    """Mark a function that returns a coroutine, for those who ask whether it does.

    Before Python 3.12 that is `asyncio.iscoroutinefunction` alone: `inspect.iscoroutinefunction` knows no mark there.
    """
    if sys.version_info >= (3, 12):
        return inspect.markcoroutinefunction(function)
    function._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]  # noqa: SLF001  # as asyncio does itself
    return function


def of_scope(scope: Any, lifespan: SeenLifespan | None, interface: str | None = None) -> Facts:
    """Yield what is to be seen when a connection begins, with an app that perhaps has another `interface`."""
    if interface is not None:
        yield "interface", interface
    if not isinstance(scope, dict):
        yield "scope", class_name(scope)
    elif lifespan is not None and scope.get("type") != "lifespan":
        if lifespan.state is not None and scope.get("state") is lifespan.state:
            yield "state", "shared"
        if lifespan.loop is not asyncio._get_running_loop():  # noqa: SLF001  # documented, and raises nothing
            yield "loop", "another"


def before(scope: Scope) -> Scope:
    """Return a scope as the app is asked; the app may change it, and the headers and extensions in it."""
    kept = dict(scope)
    if type(headers := kept.get("headers")) is list:
        kept["headers"] = headers[:]
    if type(extensions := kept.get("extensions")) is dict:
        kept["extensions"] = extensions.copy()
    return kept


def is_changed(kept: Any, headers: Any) -> bool:
    """Tell whether headers are kept differently from how they were given; objects in them may not let that be asked."""
    try:
        return bool(kept != headers)
    except BaseException:  # noqa: BLE001  # whatever they raise
        return True


def of_message(message: Any, kept: Any, files: Files) -> Facts:
    """Return what is to be seen of a message, of which `kept` is recorded; `files` takes those that it has."""
    facts: list[tuple[Fact, Any]] = []
    if kept.__class__ is not dict or not isinstance(message, dict):
        return facts
    for key, value in kept.items():
        given = message.get(key)
        if value.__class__ is list and key != "headers" and isinstance(given, tuple):
            facts.append(("tuple", key))
        elif value.__class__ is bytes and key in CONTENT and isinstance(given, memoryview):
            facts.append(("memoryview", key))
    headers = kept.get("headers")
    if headers.__class__ is list and headers:
        facts += _of_secrets(message["headers"], headers)
    if (kind := kept.get("type")) == "http.response.pathsend":
        facts.append(("file", _of_path(message.get("path"))))
    elif kind == "http.response.zerocopysend" and "file" in message:
        facts.append(("file", _of_file(message["file"])))
        with contextlib.suppress(TypeError):  # some objects have no weak references
            files[id(message["file"])] = ref(message["file"])
    return facts


def of_end(scope: Any, before: Scope, result: object, files: Files) -> Facts:
    """Yield what is to be seen when an app has ended that was given `before` as its scope."""
    if result is not None:
        yield "returned", class_name(result)
    if before:
        changed = [
            key
            for key, value in before.items()
            if scope.get(key) is not value and key not in _OWN and _differ(scope.get(key), value)
        ]
        if changed:
            yield "changed", changed
        if before.get("type") == "lifespan" and isinstance(state := before.get("state"), dict):
            odd = sorted({class_name(key) for key in dict.keys(state) if not isinstance(key, str)})
            if odd:
                yield "state keys", ", ".join(odd)
    for file in [seen() for seen in files.values()]:
        if file is not None and not getattr(file, "closed", True):
            yield "open file", class_name(file)


def _differ(one: Any, other: Any, depth: int = _DEPTH) -> bool:
    """Tell whether two values are different; other objects than ASGI's own types are not asked, and are themselves.

    Starlette replaces the list of headers by another one with the same in it.
    """
    kind = type(one)
    if one is other:
        return False
    if kind is not type(other) or not depth:
        return True
    if kind in ATOMS:
        return bool(one != other)
    if kind is dict:
        return _differ([*one.items()], [*other.items()], depth)
    if (kind is not list and kind is not tuple) or len(one) != len(other):
        return True
    return not all(map(operator.is_, one, other)) and any(map(_differ, one, other, itertools.repeat(depth - 1)))


def _of_secrets(given: Any, kept: list[Any]) -> list[tuple[Fact, Any]]:
    """Return what is wrong with those values of headers that are not kept, or not all of them."""
    facts: list[tuple[Fact, Any]] = []
    for old, new in zip(given, kept, strict=False):
        if old is new or new.__class__ is not tuple or new == tuple(old):
            continue
        name, value = old
        if not isinstance(name, bytes):
            continue
        if found := list(faults(name.lower(), value)) if isinstance(value, bytes) else ["bytes"]:
            facts.append(("secret", {"header": name.decode("latin-1"), "faults": found}))
    return facts


def faults(name: bytes, value: bytes) -> Iterator[HeaderFault]:
    """Yield what is wrong with the value of a header."""
    if BREAKS.search(value):
        yield "break"
    if value != value.strip(b" \t"):
        yield "whitespace"
    if name == b"set-cookie":
        attributes = {key.lower(): (text or b"").strip().lower() for key, text in _ATTRIBUTES.findall(value)}
        if attributes.get(b"samesite") == b"none" and b"secure" not in attributes:
            yield "samesite"
        if _JOINED.match(value):
            yield "joined"


def _of_path(path: Any) -> dict[str, Any]:
    """Return what is known of a file by its path, which an app has the server send."""
    if not isinstance(path, str):
        return {}
    try:
        size = Path(path).stat().st_size
    except (OSError, ValueError):
        size = None
    return {"absolute": Path(path).is_absolute(), "size": size}


def _of_file(file: Any) -> dict[str, Any]:
    """Return what is known of an open file, which an app has the server send."""
    try:
        status = os.fstat(file.fileno())
    except Exception:  # noqa: BLE001  # whatever the app sends
        return {"descriptor": False}
    return {"descriptor": True, "size": status.st_size}
