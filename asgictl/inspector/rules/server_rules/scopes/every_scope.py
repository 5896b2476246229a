"""What a server gives in every scope (https://asgi.readthedocs.io/en/latest/specs/main.html#applications)."""

from collections.abc import Iterator
from typing import Any

from asgictl.inspector.record import Opaque
from asgictl.inspector.rules import links
from asgictl.inspector.rules.case import shown
from asgictl.inspector.rules.rule import Broken, Rule

DICTIONARY = Rule("A-001", "error", "server", "A scope is a dictionary.", links.APPLICATIONS)
TYPE = Rule("A-002", "error", "server", "A scope has a `type`, which is a string.", links.APPLICATIONS)
UNKNOWN = Rule(
    "A-003",
    "info",
    "server",
    "The types of scopes that have a specification are `http`, `websocket` and `lifespan`.",
    links.PROTOCOLS,
)
ASGI = Rule(
    "A-004",
    "warning",
    "server",
    "A scope says in `asgi`, a dictionary, which `version` of ASGI the server speaks, as a string.",
    links.APPLICATIONS,
)
VERSION = Rule("A-005", "warning", "server", "The `version` of ASGI is 2.0 or 3.0.", links.APPLICATIONS)
SPEC_VERSION = Rule(
    "A-006",
    "error",
    "server",
    "The `spec_version` is a string: the version of the specification for this type of scope.",
    links.HTTP_SCOPE,
)
EXTENSIONS = Rule(
    "A-008",
    "error",
    "server",
    "The `extensions` are a dictionary with a dictionary for each of them.",
    links.EXTENSIONS,
)

_VERSIONS = frozenset(("2.0", "3.0"))
_OF_WEB = frozenset(("2.0", "2.1", "2.2", "2.3", "2.4", "2.5"))
_SPEC_VERSIONS = {"http": _OF_WEB, "websocket": _OF_WEB, "lifespan": frozenset(("1.0", "2.0"))}


def is_unreadable(scope: dict[str, Any]) -> bool:
    """Tell whether nothing is known of a scope, which is no dictionary, but its class."""
    return len(scope) == 1 and isinstance(scope.get("type"), Opaque)


def of_scope(scope: dict[str, Any]) -> Iterator[Broken]:
    """Yield what is wrong with what every scope has."""
    kind = scope.get("type")
    if not isinstance(kind, str):
        yield TYPE(f"`type` is {shown(kind)}, and not a string" if "type" in scope else "the scope has no `type`")
    asgi = scope.get("asgi")
    if isinstance(asgi, dict):
        yield from _of_versions(asgi, kind)
    elif kind != "lifespan":  # whose own rule it is
        yield ASGI(f"`asgi` is {shown(asgi)}, and not a dictionary" if "asgi" in scope else "the scope has no `asgi`")
    yield from _of_extensions(scope.get("extensions"))


def _of_versions(asgi: dict[Any, Any], kind: Any) -> Iterator[Broken]:
    version, spec = asgi.get("version"), asgi.get("spec_version")
    if type(version) is not str:
        yield ASGI(
            f"the `version` in `asgi` is {shown(version)}, and not a string"
            if "version" in asgi
            else "`asgi` has no `version`"
        )
    elif version not in _VERSIONS:
        yield VERSION(f"the `version` of ASGI is {shown(version)}")
    if "spec_version" not in asgi:
        return
    if type(spec) is not str:
        yield SPEC_VERSION(f"the `spec_version` is {shown(spec)}, and not a string")
    elif isinstance(kind, str) and spec not in _SPEC_VERSIONS.get(kind, (spec,)):
        yield SPEC_VERSION(f"the `spec_version` {shown(spec)} is not known for `{kind}`", severity="info")


def _of_extensions(extensions: Any) -> Iterator[Broken]:
    if extensions is None:
        return
    if not isinstance(extensions, dict):
        yield EXTENSIONS(f"`extensions` is {shown(extensions)}, and not a dictionary")
        return
    for name, value in extensions.items():
        if not (isinstance(name, str) and isinstance(value, dict)):
            yield EXTENSIONS(f"the extension {shown(name)} is {shown(value)}, and not a dictionary")
