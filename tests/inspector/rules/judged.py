"""Apps before the rules."""

import asyncio
import contextlib
import copy
import inspect
import warnings
from collections.abc import Sequence
from typing import Any

from asgictl import Inspector
from asgictl.asgi import Asgi2, ASGIApp, Message, Scope
from asgictl.inspector.record import Finding, Record
from asgictl.inspector.request import Check


def records_of(app: ASGIApp, scope: Scope, messages: Sequence[Message], check: Check = "app") -> list[Record]:
    """Return what is recorded, and found, of one call of an app; whatever it waits for in vain is cancelled."""
    records: list[Record] = []
    asgi3 = app if inspect.iscoroutinefunction(app) else Asgi2(app)  # type: ignore[arg-type]  # one of ASGI 2
    waiting = list(messages)

    async def receive() -> Message:
        await asyncio.sleep(0)
        if not waiting:
            await asyncio.sleep(60)
        return copy.deepcopy(waiting.pop(0))

    async def send(message: Message) -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        with contextlib.suppress(Exception):  # it is in the records
            async with asyncio.timeout(1):
                await Inspector(asgi3, sink=records.append, check=check, info=True)(copy.deepcopy(scope), receive, send)
        await asyncio.sleep(0.01)

    with warnings.catch_warnings():
        # What an app has not awaited is in the records as well.
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        asyncio.run(main())
    return records


def findings_of(app: ASGIApp, scope: Scope, messages: Sequence[Message], **options: Any) -> list[Finding]:
    """Return what is found of one call of an app."""
    return [record for record in records_of(app, scope, messages, **options) if isinstance(record, Finding)]
