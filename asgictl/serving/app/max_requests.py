"""`--max-requests`: a worker that has answered so many asks to be replaced."""

import random
from collections.abc import Callable

from asgictl.asgi import ASGIApp, Receive, Scope, Send

# Workers that start together and share the load would also reach the limit together.
_SPREAD = 0.1


def counted(app: ASGIApp, limit: int, worn: Callable[[], object]) -> ASGIApp:
    """Return `app`, which calls `worn`, once, after `limit` requests and up to a tenth more."""
    left = limit + random.randint(0, int(limit * _SPREAD))  # noqa: S311  # not a secret

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal left
        if scope["type"] != "lifespan":
            left -= 1
            if left == 0:
                worn()
        await app(scope, receive, send)

    return counting
