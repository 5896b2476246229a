"""What a server does with what an app sends against the rules: only a probe tells.

https://asgi.readthedocs.io/en/latest/specs/main.html#error-handling
"""

from asgictl.inspector.rules import links
from asgictl.inspector.rules.rule import Rule

# No record tells of them: whether a message was a wrong one by intent is known only to who has sent it.
INVALID = Rule(
    "A-027",
    "error",
    "server",
    "A server raises an exception for an event that is invalid: of an unknown type, without a key, of a wrong type.",
    links.ERROR_HANDLING,
)
ADDITIONAL = Rule(
    "A-028",
    "error",
    "server",
    "A server raises no exception for an event with more keys than it knows.",
    links.ERROR_HANDLING,
)

PROBED = frozenset((INVALID.id, ADDITIONAL.id))
