"""When uvicorn's event loop and protocols are imported: before the app, whose folder comes first on `sys.path`.

The protocol for WebSockets waits until the app is ready: the library takes about a tenth of the time to the first
answer (bench/startup.py), and no page needs it before.
"""

import functools
import importlib
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from asgictl.serving.processes import stopping

_WEBSOCKETS = "uvicorn.protocols.websockets.auto"

# The first requests do not have to share the interpreter with an import; in seconds.
_CALM = 0.5

# What uvicorn imports for its arguments `loop`, `http` and `ws`; a test holds it against uvicorn.
_LOOPS = {"auto": ("uvloop",), "uvloop": ("uvloop",), "zuvloop": ("zuvloop",)}
_HTTP = {
    "auto": "uvicorn.protocols.http.auto:AutoHTTPProtocol",
    "h11": "uvicorn.protocols.http.h11_impl:H11Protocol",
    "httptools": "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol",
    "zttp": "uvicorn.protocols.http.zttp_impl:ZttpProtocol",
}
_WS = {
    "auto": _WEBSOCKETS,
    "websockets": "uvicorn.protocols.websockets.websockets_impl",
    "websockets-sansio": "uvicorn.protocols.websockets.websockets_sansio_impl",
    "wsproto": "uvicorn.protocols.websockets.wsproto_impl",
}

# What else is imported only when something needs it: by the error page, for WSGI apps, to spread --max-requests; with
# HTTPS for a certificate's times, and for what is wrong with one that replaces another.
_RARE = ("html", "a2wsgi", "random")
_RARE_OF_HTTPS = ("_strptime", "asgictl.certs.verdict")


def websockets(**arguments: Any) -> Any:
    """Return uvicorn's own choice of a WebSocket protocol, for a client that upgrades its connection."""
    from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol

    assert AutoWebSocketsProtocol is not None  # noqa: S101  # the plan has looked for the library
    return AutoWebSocketsProtocol(**arguments)


def needed(loop: str, http: str, ws: Any) -> tuple[str, ...]:
    """Return the modules that uvicorn needs for its arguments; none for what users name as `module:attribute`."""
    loops = tuple(filter(find_spec, _LOOPS.get(loop, ())))
    return (*loops, *(module for module in (_HTTP.get(http, "").partition(":")[0], _WS.get(ws)) if module))


@functools.cache
def http_class(http: str) -> Any:
    """Return the class that uvicorn takes for its argument `http`."""
    module, _, name = _HTTP[http].partition(":")
    return getattr(importlib.import_module(module), name)


def postponed(arguments: dict[str, Any]) -> tuple[str, ...]:
    """Return the modules that may be imported when the app is ready, and put what imports them into `arguments`."""
    if arguments["ws"] != "auto" or not find_spec("websockets"):
        return ()
    arguments["ws"] = websockets
    return (_WEBSOCKETS,)


def import_before(folders: Iterable[str], *, needed: Iterable[str], later: Iterable[str], secure: bool = False) -> None:
    """Import what is `needed` before `folders` come first on `sys.path`.

    What is for `later`, or is rare, waits, unless a file in one of the folders could be taken for what it imports.
    """
    for module in ("uvicorn.middleware.proxy_headers", *needed):
        importlib.import_module(module)
    names = {name.partition(".")[0] for folder in folders for name in _names(folder)}
    if names & {"websockets", "a2wsgi", "cryptography", "cffi", "idna", *sys.stdlib_module_names}:
        for module in (*later, *_RARE, *(_RARE_OF_HTTPS if secure else ())):
            importlib.import_module(module)


def import_later(modules: Iterable[str]) -> None:
    """Import modules soon, and before they are needed; not those of which that cannot be done now."""
    for module in modules:
        stopping.later(_CALM, functools.partial(_import, module))


def _import(module: str) -> None:
    with suppress(OSError):
        importlib.import_module(module)


def _names(folder: str) -> list[str]:
    """Return the names of what is in a folder; none of one that cannot be read, or is an archive."""
    try:
        return os.listdir(folder)  # noqa: PTH208  # names alone
    except OSError:
        return []
