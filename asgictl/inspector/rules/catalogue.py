"""All rules by their numbers, with their examples."""

import fnmatch
import functools
import importlib
from collections.abc import Iterable, Mapping

from asgictl.inspector.rules.example import EXAMPLES, Example
from asgictl.inspector.rules.rule import Rule

_MODULES = (
    *("general", "conduct", "http_rules.response_start", "http_rules.response_headers", "http_rules.response_body"),
    *("http_rules.response_order", "http_rules.response_semantics", "http_rules.response_pace"),
    *("http_rules.extension_fields", "http_rules.extension_messages"),
    *("websocket_rules.websocket_accept", "websocket_rules.websocket_send", "websocket_rules.websocket_close"),
    *("websocket_rules.websocket_denial", "websocket_rules.websocket_case", "lifespan_case"),
    *("server_rules.scopes.every_scope", "server_rules.scopes.http_scope", "server_rules.scopes.request_path"),
    *("server_rules.scopes.request_headers", "server_rules.scopes.tls_scope", "server_rules.scopes.websocket_scope"),
    *("server_rules.scopes.lifespan_scope", "server_rules.received_http", "server_rules.received_websocket"),
    *("server_rules.received_lifespan", "server_rules.after_disconnect", "server_rules.probed"),
)
_EXAMPLES = (
    *("any_message", "any_app", "http_starts", "http_answers", "http_meaning", "extended_answers", "file_answers"),
    *("startups", "shutdowns", "websocket_handshakes", "websocket_conversations", "websocket_denials"),
)


@functools.cache
def rules() -> Mapping[str, Rule]:
    """Return all rules by their numbers, in order."""
    found: dict[str, Rule] = {}
    for name in _MODULES:
        module = importlib.import_module(f"asgictl.inspector.rules.{name}")
        found |= {value.id: value for value in vars(module).values() if isinstance(value, Rule)}
    return dict(sorted(found.items()))


def chosen(patterns: Iterable[str]) -> list[Rule]:
    """Return the rules whose numbers are like one of `patterns`: `A-153`, or `A-15?`."""
    return [rule for number, rule in rules().items() if any(fnmatch.fnmatchcase(number, one) for one in patterns)]


def examples(number: str) -> list[Example]:
    """Return the examples of a rule: one that breaks it, and one that does not."""
    for name in _EXAMPLES:
        importlib.import_module(f"asgictl.inspector.rules.examples.{name}")
    return [example for example in EXAMPLES if example.rule == number]
