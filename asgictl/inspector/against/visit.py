"""One connection that a probe has opened, as the app behind the server has it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from asgictl.asgi import Message, Receive, Scope, Send
from asgictl.inspector.against.ledger import Ledger
from asgictl.inspector.rules.rule import Broken
from asgictl.inspector.rules.server_rules import probed

# How long the server may take, in seconds; below what a client waits.
LIMIT = 3.0

# So many messages are taken at most.
_MOST = 200


class Visit(NamedTuple):
    """A connection, with where it is told what only its probe can know."""

    scope: Scope
    receive: Receive
    send: Send
    ledger: Ledger
    number: int

    def judge(self, broken: Broken) -> None:
        """Take note that a rule is broken."""
        self.ledger.judge(self.number, broken)

    async def next(self, limit: float = LIMIT) -> Message | None:
        """Return the next message, None where there is none in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                return await self.receive()
        return None

    async def messages(self) -> AsyncIterator[Message]:
        """Yield the messages until none comes in time: not for ever, whatever a server gives."""
        for _ in range(_MOST):
            message = await self.next()
            if message is None:
                return
            yield message
            await asyncio.sleep(0)

    async def sent(self, *messages: Message) -> bool:
        """Send messages; return whether the server has taken all of them."""
        try:
            async with asyncio.timeout(LIMIT):
                for message in messages:
                    await self.send(message)
        except Exception:  # noqa: BLE001  # whatever a server raises
            return False
        return True

    async def refused(self, message: Message, what: str) -> bool:
        """Send what is wrong; return whether the server has raised an exception, and judge it where it has not."""
        if not await self.sent(message):
            return True
        self.judge(probed.INVALID(f"`send` has raised nothing for {what}"))
        return False

    async def takes(self, *messages: Message) -> None:
        """Send what has more keys than it needs, and judge a server that raises an exception."""
        for message in messages:
            try:
                await self.send(message)
            except Exception as error:  # noqa: BLE001  # whatever a server raises
                kind = message["type"]
                self.judge(probed.ADDITIONAL(f"`send` has raised {type(error).__name__} for one more key in `{kind}`"))
                return
