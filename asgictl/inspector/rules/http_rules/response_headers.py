"""The headers of an answer, each by itself.

https://asgi.readthedocs.io/en/latest/specs/www.html#response-start-send-event
"""

from asgictl.inspector.rules import links
from asgictl.inspector.rules.header_checks import HeaderRules, Kind
from asgictl.inspector.rules.rule import Rule

PAIRS = Rule(
    "A-143",
    "error",
    "app",
    "The headers are an iterable of pairs, each a name and a value.",
    links.RESPONSE_START,
    "send a list like `[(b'content-type', b'text/plain')]`, for a dict `list(headers.items())`",
)
BYTES = Rule(
    "A-144",
    "error",
    "app",
    "The names and values of headers are byte strings.",
    links.RESPONSE_START,
    "encode names and values: `name.encode('latin-1')`",
)
LOWER_CASE = Rule(
    "A-145",
    "info",
    "app",
    "The names of headers are in lower case; over HTTP/1 they go as they are, which is worth a word alone.",
    links.RESPONSE_START,
    "write the name in lower case: `b'content-type'`",
)
PSEUDO = Rule(
    "A-146",
    "error",
    "app",
    "Pseudo headers of HTTP/2, like `:status`, are not among the headers.",
    links.RESPONSE_START,
    "leave it out; the status is the message's `status`",
)
TOKEN = Rule(
    "A-148",
    "warning",
    "app",
    "The name of a header is a token: letters, digits, and a few other characters.",
    links.rfc(9110, "5.1"),
    "leave spaces, colons and what is not ASCII out of the name",
)
ONE_LINE = Rule(
    "A-149",
    "error",
    "app",
    "The value of a header has no CR, LF or NUL, with which a client could write headers of its own.",
    links.rfc(9110, "5.5"),
    "quote, or refuse, what comes from outside before it becomes a header",
)
STRIPPED = Rule(
    "A-150",
    "warning",
    "app",
    "The value of a header neither begins nor ends with white space.",
    links.rfc(9110, "5.5"),
    "strip the value: `value.strip()`",
)
COOKIES = Rule(
    "A-170",
    "warning",
    "app",
    "Each cookie has a `Set-Cookie` of its own, and one with `SameSite=None` is `Secure` as well.",
    links.HTTP,
    "send a header for each cookie, and `Secure` with `SameSite=None`",
)

RULES: dict[Kind, Rule] = {
    "pairs": PAIRS,
    "bytes": BYTES,
    "lower case": LOWER_CASE,
    "pseudo": PSEUDO,
    "token": TOKEN,
    "break": ONE_LINE,
    "whitespace": STRIPPED,
    "joined": COOKIES,
    "samesite": COOKIES,
}

_SHAPE: tuple[Kind, ...] = ("pairs", "bytes", "lower case", "pseudo", "token", "break")


def shaped_by(rule: Rule) -> HeaderRules:
    """Return the rules of a message that has one of its own for what headers are; what values say is as elsewhere."""
    return {**RULES, **dict.fromkeys(_SHAPE, rule)}
