"""What every message with headers has to keep: the shape of the headers, by the rules that its part has for that."""

import re
from typing import Any, NamedTuple

from asgictl.inspector.record import Redacted
from asgictl.inspector.rules.case import shown
from asgictl.inspector.rules.rule import Broken, Rule
from asgictl.rfc9110 import is_token

_BREAKS = re.compile(rb"[\r\n\0]")
_PAIR = 2


class HeaderRules(NamedTuple):
    """The rules that a message's headers are judged by."""

    pairs: Rule
    bytes: Rule
    lower: Rule
    pseudo: Rule
    token: Rule
    value: Rule


def all_by(rule: Rule) -> HeaderRules:
    """Return one rule for all of it; a name that is no token is a warning."""
    return HeaderRules(rule, rule, rule, rule, rule._replace(severity="warning"), rule)


def of_headers(headers: Any, rules: HeaderRules) -> list[Broken]:
    """Return what is wrong with headers as they are recorded, of each kind the first."""
    if not isinstance(headers, (list, tuple)):
        return [rules.pairs(f"`headers` is {shown(headers)}, and not pairs of a name and a value")]
    found: dict[str, Broken] = {}
    for pair in headers:
        if not isinstance(pair, (list, tuple)) or len(pair) != _PAIR:
            text = f"`headers` has {shown(pair)}, and not a pair of a name and a value"
            found.setdefault("pairs", rules.pairs(text))
            continue
        name, value = pair
        if not isinstance(name, bytes) or not isinstance(value, (bytes, Redacted)):
            which, wrong = ("name", name) if not isinstance(name, bytes) else ("value", value)
            text = f"the {which} of the header {shown(name)} is {shown(wrong)}, and not bytes"
            found.setdefault("bytes", rules.bytes(text))
        else:
            _of_pair(name, value, rules, found)
    return list(found.values())


def _of_pair(name: bytes, value: bytes | Redacted, rules: HeaderRules, found: dict[str, Broken]) -> None:
    text = name.decode("latin-1")
    if name[:1] == b":":
        found.setdefault("pseudo", rules.pseudo(f"`{text}` is a pseudo header"))
    elif not is_token(text):
        found.setdefault("token", rules.token(f"a header's name is {shown(name)}"))
    elif name != name.lower():
        found.setdefault("lower", rules.lower(f"the header's name `{text}` has capital letters"))
    if isinstance(value, bytes) and _BREAKS.search(value):
        found.setdefault("value", rules.value(f"the value of `{text}` has a line break, or a zero byte"))


def of_secret(detail: Any, rule: Rule) -> list[Broken]:
    """Return what is wrong with a header whose value is not kept, as it was observed."""
    if not isinstance(detail, dict) or "break" not in (detail.get("faults") or ()):
        return []
    return [rule(f"the value of `{detail.get('header')}` has a line break, or a zero byte")]
