"""What is sent through a WebSocket: `websocket.send`, by itself.

https://asgi.readthedocs.io/en/latest/specs/www.html#send-send-event
"""

from collections.abc import Iterator
from typing import Any

from asgictl.inspector.record import Redacted
from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import shown
from asgictl.inspector.rules.rule import Broken, Rule

ONE_OF_TWO = Rule(
    "A-341",
    "error",
    "app",
    "Exactly one of `bytes` and `text` is not None.",
    links.WEBSOCKET_SEND,
    "send either `bytes` or `text`",
)
TYPES = Rule(
    "A-342",
    "error",
    "app",
    "What is sent as `bytes` is bytes, and as `text` it is text that can be written in UTF-8.",
    links.WEBSOCKET_SEND,
    "send bytes as `bytes` and text as `text`; encode or decode where it is the other",
)


def of_send(message: dict[str, Any]) -> Iterator[Broken]:
    """Yield what is wrong with what is sent."""
    data, text = message.get("bytes"), message.get("text")
    if data is not None and text is not None:
        yield ONE_OF_TWO("`websocket.send` has both `bytes` and `text`")
    elif data is None and text is None:
        yield ONE_OF_TWO("`websocket.send` has neither `bytes` nor `text`")
    if isinstance(data, bytearray):
        yield TYPES("`bytes` is a bytearray, which not all servers take", severity="warning")
    elif data is not None and not isinstance(data, (bytes, Redacted)):
        yield TYPES(f"`bytes` is {shown(data)}, and not bytes")
    if text is not None and not isinstance(text, (str, Redacted)):
        yield TYPES(f"`text` is {shown(text)}, and not text")
    elif isinstance(text, str) and not text.isascii() and not _is_utf8(text):
        yield TYPES("`text` has a lone surrogate, which cannot be written in UTF-8", severity="warning")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
