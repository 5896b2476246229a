"""What stands in a text instead of a secret."""

import re

# What stands in a text instead of a secret: characters that need no encoding in a query (RFC 3986 section 3.4). A size
# and a digest follow, unless the secret is short.
HIDDEN = b"***"
MARK = re.compile(rb"\*\*\*(?:\d+\.([0-9a-f]{8}))?")
_HOLDS_MARK = re.compile(rb"\*\*\*\d+\.[0-9a-f]{8}|(?:[=:/\"'\s,;]|%(?:25)*[0-9A-Fa-f]{2})\*\*\*")


def is_hidden(text: bytes) -> bool:
    """Tell whether a text holds what stands for a secret."""
    return HIDDEN in text and _HOLDS_MARK.search(text) is not None
