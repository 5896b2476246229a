"""What stands in a text instead of a secret."""

import re

from asgictl.inspector.record import RUN, Redacted

# What stands in a text instead of a secret: characters that need no encoding in a query (RFC 3986 section 3.4). A size
# and a digest follow, unless the secret is short.
HIDDEN = b"***"
MARK = re.compile(rb"\*\*\*(?:(\d+)\.([0-9a-f]{13}))?")
_HOLDS_MARK = re.compile(rb"\*\*\*\d+\.[0-9a-f]{13}|(?:[=:/\"'\s,;+]|%(?:25)*[0-9A-Fa-f]{2})\*\*\*")


def is_hidden(text: bytes) -> bool:
    """Tell whether a text holds what stands for a secret."""
    return HIDDEN in text and _HOLDS_MARK.search(text) is not None


def told_of(value: bytes | Redacted) -> str:
    """Return the sizes and digests of the secrets that are left out of a header or a parameter, as far as known."""
    if isinstance(value, Redacted):
        marks = [(str(value.size), value.digest)]
    else:
        marks = [(size.decode(), digest.decode()) for size, digest in MARK.findall(value)]
    return ", ".join(f"{size} B {digest[RUN:]}" for size, digest in marks if digest)
