"""The forms in which apps quote a request's secrets, in what they raise."""

import base64
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any
from urllib.parse import unquote_plus

from asgictl.asgi import Scope
from asgictl.inspector.headers import pairs
from asgictl.inspector.record import as_bytes
from asgictl.inspector.record.marks import HIDDEN
from asgictl.inspector.record.redaction import Redactor

# A shorter secret is taken out of a text only where it is a word of its own.
_SHORT = 4


def hiding(redactor: Redactor, scope: Scope, answer: Any, more: Iterable[bytes] = ()) -> Callable[[str], str]:
    """Return what takes the secrets of a request, of the headers of its answer, and `more`, out of a text."""
    found: list[bytes] = list(more)

    def note(value: bytes) -> bytes:
        found.append(value)
        for name in (b"authorization", b"cookie"):  # such a header's value in another header
            found.extend(form for form in _forms(name, value) if len(form) >= _SHORT)
        return HIDDEN

    for name, value in (*pairs(scope.get("headers")), *pairs(answer)):
        if not isinstance(value, bytes):
            continue
        if redactor.is_secret(name.lower()):
            found += _forms(name.lower(), value)
        else:
            redactor.value(name.lower(), value, note)
    query, path = scope.get("query_string"), scope.get("raw_path")
    if isinstance(query, bytes):
        redactor.query(query, note)
    redactor.path(as_bytes(path) if isinstance(path, str) else path, note)
    known = _pattern(found)

    def hide(text: str) -> str:
        text = known.sub(lambda match: redactor.mark(as_bytes(match[0])).decode(), text) if known else text
        return raised(redactor, text)

    return hide


def raised(redactor: Redactor, text: str) -> str:
    """Return what an exception says, or what Python prints of it, without secrets: its lines of code stay."""
    lines = text.splitlines(keepends=True) if '\n  File "' in f"\n{text}" else [text]
    return "".join(
        redactor.said(line) if line[:1] == " " else redactor.text(as_bytes(line)).decode("utf-8", "surrogatepass")
        for line in lines
    )


def _pattern(found: Collection[bytes]) -> re.Pattern[str] | None:
    """Return a pattern for secrets as they are, decoded, and as `repr` and JSON write them."""
    values = {text for value in found for text in (value.decode("latin-1"), value.decode("utf-8", "replace"))}
    for _ in range(2):
        values |= {unquote_plus(text) for text in values}
    values |= {form[1:-1] for text in values for form in (repr(text), json.dumps(text))}
    values |= {repr(value)[2:-1] for value in found}
    ordered = sorted(filter(None, values), key=len, reverse=True)
    patterns = [re.escape(text) if len(text) >= _SHORT else rf"(?<!\w){re.escape(text)}(?!\w)" for text in ordered]
    return re.compile("|".join(patterns)) if patterns else None


def _forms(name: bytes, value: bytes) -> Iterator[bytes]:
    """Yield a secret header's value, and what apps make of it."""
    yield value
    if name == b"cookie":
        for cookie in value.split(b";"):
            yield cookie.partition(b"=")[2].strip().strip(b'"')
    elif name == b"set-cookie":
        yield value.partition(b";")[0].partition(b"=")[2].strip().strip(b'"')
    elif name == b"sec-websocket-protocol":
        for protocol in value.split(b","):
            yield protocol.strip()
    elif name.endswith(b"authorization"):
        scheme, _, credentials = value.partition(b" ")
        yield credentials
        for parameter in credentials.split(b","):
            yield parameter.partition(b"=")[2].strip().strip(b'"')
        if scheme.lower() == b"basic":
            try:
                user = base64.b64decode(credentials)
            except ValueError:
                return
            yield user
            yield user.partition(b":")[2]
