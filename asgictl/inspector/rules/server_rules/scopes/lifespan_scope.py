"""The lifespan as the server gives it (https://asgi.readthedocs.io/en/latest/specs/lifespan.html)."""

from collections.abc import Iterator
from typing import Any

from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import shown
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.inspector.rules.server_rules.scopes import scope_values

TYPE = Rule(
    "A-401",
    "error",
    "server",
    "The scope of a lifespan has the type `lifespan`, and says in `asgi` which version the server speaks.",
    links.LIFESPAN_SCOPE,
)
STATE = Rule(
    "A-402", "error", "server", "The `state` of a lifespan is a dictionary, empty at the start.", links.LIFESPAN_STATE
)
READY = Rule(
    "A-420",
    "error",
    "server",
    "There are no requests before `lifespan.startup.complete`, and none after `lifespan.startup.failed`.",
    links.LIFESPAN,
)
LOOP = Rule("A-421", "error", "server", "The lifespan and the requests run in one event loop.", links.LIFESPAN)


def of_scope(scope: dict[str, Any]) -> Iterator[Broken]:
    """Yield what is wrong with the scope of a lifespan."""
    asgi, state = scope.get("asgi"), scope.get("state", {})
    if not isinstance(asgi, dict):
        yield TYPE(f"`asgi` is {shown(asgi)}, and not a dictionary" if "asgi" in scope else "the scope has no `asgi`")
    if not scope_values.is_state(state):
        yield STATE(f"`state` is {shown(state)}, and not a dictionary with strings as keys")
    elif state:
        yield STATE(f"there is {shown(next(iter(state)))} in the `state` before the startup")
