"""A server for plain HTTP beside the one that the user has started, in a thread of its own."""

import asyncio
import contextlib
import threading
from typing import Any

import uvicorn

from asgictl.asgi import ASGIApp
from asgictl.serving import protocols
from asgictl.serving.sockets.listen import Listener
from asgictl.serving.sockets.request_head import LimitedHead

# How long an end may take, in seconds.
_END = 2.0

# How long a request's head may take, in seconds, as with --prod.
_HEAD = 30.0


class PlainListener:
    """Answers on a socket that listens already, from `start` until `stop`."""

    def __init__(self, app: ASGIApp, listener: Listener, thread: str, **options: Any) -> None:
        """Answer by `app`, in a thread of this name; `options` are uvicorn's."""
        self._listener = listener
        self._name = thread
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        config = uvicorn.Config(
            app,
            http=_protocol,  # type: ignore[arg-type]  # whatever makes one is called
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            **options,
        )
        self._server = uvicorn.Server(config)

    def start(self) -> bool:
        """Answer; return False, and do nothing, for a second call, or where it is over."""
        if self._thread is not None or self._server.should_exit:
            return False
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),), name=self._name, daemon=True)
        self._thread.start()
        return True

    def stop(self) -> None:
        """Have it refuse new clients at once, and end, which takes uvicorn up to 0.1 s."""
        self._server.should_exit = True
        if self._thread is None:
            self._listener.close()
        elif self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it is closed already
                self._loop.call_soon_threadsafe(self._close_doors)

    def close(self) -> None:
        """Stop, and return when it is over."""
        self.stop()
        if self._thread is not None:
            self._thread.join(_END)
        self._listener.close()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve([self._listener.socket])

    def _close_doors(self) -> None:
        for server in getattr(self._server, "servers", ()):
            server.close()


def _protocol(**arguments: Any) -> asyncio.Protocol:
    """Return what speaks HTTP on one connection: h11, which limits the size of a head itself."""
    inner = protocols.http_class("h11")(**arguments)
    return LimitedHead(inner, arguments["server_state"], seconds=_HEAD, size=0, refused=lambda _: None)
