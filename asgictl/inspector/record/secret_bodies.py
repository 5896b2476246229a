"""Taking the values of named fields out of bodies and messages, before they are kept."""

import json
import re
from collections import deque
from collections.abc import Iterable
from typing import Any

from asgictl.inspector.bodies import codings
from asgictl.inspector.endings import FRAMES
from asgictl.inspector.headers import Headers, joined, pairs, value_of
from asgictl.inspector.record import CONTENT, Direction, Redacted, as_bytes, parameters
from asgictl.inspector.record.redaction import Mark, Redactor

_STRING = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_COLON = re.compile(r"\s*:\s*")
_DECODER = json.JSONDecoder(strict=False)

_BOUNDARY = re.compile(r'boundary="?([^";]+)', re.IGNORECASE)
_NAME = re.compile(rb"(?im)^content-disposition:[^\r\n]*?[;\s]name\*?=(?:\"((?:[^\"\\]|\\.)*)\"|([^;\s]+))")
_TYPE = re.compile(rb"(?i)^content-type:\s*([^\r\n]*)", re.MULTILINE)

_EVENTS = "text/event-stream"
_REMEMBERED = 1000

# How an event of an event stream ends (https://html.spec.whatwg.org/multipage/server-sent-events.html).
_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")


class SecretBodies:
    """Knows the fields of bodies whose values are secrets."""

    def __init__(self, names: Iterable[str]) -> None:
        """Take the values of fields with these `names` for secrets."""
        self.fields = Redactor(names)
        spelled = ("[-_]?".join(map(re.escape, re.sub("[-_]", "", name))) for name in self.fields.names)
        # A name that has not been found to be one of a field.
        self._loose = re.compile(rf"(?i)(?:{'|'.join(spelled)})(?![\]\"'\\]*\s*(?:[=:]|%(?:25)*3[ad])[\s\"'\\]*\*\*\*)")

    def hidden(self, content: bytes, media_type: str, mark: Mark) -> bytes | None:
        """Return content without the values, None where it has to be left out because they cannot be told apart."""
        kind = media_type.partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            return self._multipart(content, media_type, mark)
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            # UTF-16 has a zero byte between the letters of a name.
            return None if self._loose.search(content.replace(b"\0", b"").decode("latin-1")) else content
        if "\0" in text:  # perhaps UTF-16
            return None
        begin = len(text) - len(text.lstrip())
        is_json = text[begin : begin + 1] in ("{", "[") and _end_of_value(text, begin) is not None
        if kind == "application/x-www-form-urlencoded" and text[begin : begin + 1] not in ("{", "["):
            return bytes(self.fields.query(content, mark))
        found = self.fields.text(self._json(text, mark).encode(), mark)
        if not is_json and self._loose.search(found.decode()):
            return None
        return content if found == text.encode() else found

    def _json(self, text: str, mark: Mark, depth: int = parameters.DEPTH) -> str:
        """Return JSON, whole or not, or a text with JSON in it, without the values; spelled as it was."""
        parts, kept, position = [], 0, 0
        while match := _STRING.search(text, position):
            begin, end = match.span()
            colon = _COLON.match(text, end)
            if colon is not None and self.fields.is_secret(_plain(match[0]).encode("utf-8", "surrogatepass")):
                begin = colon.end()
                end = _end_of_value(text, begin) or len(text)
                put = _marked(text[begin:end], mark)
            elif colon is None and "\\" in match[0]:
                put = self._string(match[0], mark, depth)
            else:
                put = match[0]
            parts += [text[kept:begin], put]
            kept = position = end
        return "".join([*parts, text[kept:]])

    def _string(self, string: str, mark: Mark, depth: int) -> str:
        """Return a string of JSON, which may hold JSON itself, without the values."""
        plain = _plain(string)
        if not depth or plain == string[1:-1]:  # too deep, or not JSON
            return _marked(string, mark) if self._loose.search(string) else string
        inner = self._json(plain, mark, depth - 1)
        return string if inner == plain else json.dumps(inner, ensure_ascii=False)

    def _multipart(self, content: bytes, media_type: str, mark: Mark) -> bytes | None:
        boundary = _BOUNDARY.search(media_type)
        dashes = b"--" + boundary[1].encode("latin-1", "replace") if boundary else b""
        parts = content.split(dashes) if dashes and content.lstrip().startswith(dashes) else []
        if not parts:
            return None
        return dashes.join(part if part[:2] == b"--" else self._part(part, mark) for part in parts)

    def _part(self, part: bytes, mark: Mark) -> bytes:
        head, blank, body = part.partition(b"\r\n\r\n")
        name, kind = _NAME.search(head), _TYPE.search(head)
        value, end = (body[:-2], b"\r\n") if body.endswith(b"\r\n") else (body, b"")
        if not blank:
            return mark(part) if self._loose.search(part.decode("latin-1")) else part
        if not value:
            return part
        secret = name is None or self.fields.is_secret(name[1] or name[2] or b"")
        kept = None if secret else self.hidden(value, kind[1].decode("latin-1") if kind else "", mark)
        return b"".join([head, blank, mark(value) if kept is None else kept, end])


class Conversation:
    """The bodies, or messages, of one connection on their way through."""

    def __init__(self, bodies: SecretBodies, redactor: Redactor) -> None:
        self._bodies = bodies
        self._redactor = redactor
        # In the middle of a body, or of an event.
        self._inside: set[Direction] = set()
        self._kinds: dict[Direction, str] = {}
        self._pieces: dict[Direction, bytearray] = {}
        # The latest ones: a WebSocket may last.
        self._found: deque[bytes] = deque(maxlen=_REMEMBERED)

    def take(self, direction: Direction, kept: dict[str, Any], size: int, headers: Any) -> tuple[bool, bool]:
        """Take the secrets out of what is `kept` of a message of `size` bytes.

        Tell whether there were any, and whether the content is left out.

        `headers` are those of the request, or the answer, that a body belongs to. A body, or an event, that is packed,
        or does not begin and end with this message, is left out.
        """
        given = list(pairs(headers))
        is_frame = kept.get("type") in FRAMES
        kind = "" if is_frame else value_of(given, "content-type") or ""
        whole = is_frame or self._is_whole(direction, kept, size, given, kind)
        changed = left_out = False
        for key in CONTENT:
            value = kept.get(key)
            if not value or not isinstance(value, (bytes, bytearray, str)):
                continue
            content = as_bytes(value)
            self._kinds[direction] = kind
            if not whole and not kind.lower().startswith(_EVENTS):
                self._pieces.setdefault(direction, bytearray()).extend(content)
            hidden = self._bodies.hidden(content, kind, self._note) if whole else None
            if hidden is None:
                self._found.append(content)
                kept[key] = Redacted(size, self._redactor.redacted(content).digest)
                left_out = True
            elif hidden != content:
                kept[key] = hidden.decode("utf-8", "surrogatepass") if isinstance(value, str) else hidden
            changed = changed or hidden != content
        return changed, left_out

    def _is_whole(self, direction: Direction, kept: dict[str, Any], size: int, headers: Headers, kind: str) -> bool:
        first = direction not in self._inside
        self._inside.add(direction)
        if kind.lower().startswith(_EVENTS):
            if ends := bytes(kept.get("body") or b"").endswith(_ENDS):
                self._inside.discard(direction)
        else:
            ends = not kept.get("more_body") or value_of(headers, "content-length") == str(size)
        return first and ends and not codings.named(joined(headers, "content-encoding"))

    def secrets(self) -> list[bytes]:
        """Return the secrets that have been seen, those in bodies that were left out as well."""
        for direction, content in self._pieces.items():
            self._bodies.hidden(bytes(content), self._kinds[direction], self._note)
            self._found.append(bytes(content))
        return list(self._found)

    def _note(self, value: bytes) -> bytes:
        self._found.append(value)
        return self._redactor.mark(value)


def _plain(string: str) -> str:
    """Return what a string of JSON stands for."""
    try:
        return str(_DECODER.decode(string))
    except ValueError:  # an escape that JSON does not know
        return string[1:-1]


def _marked(value: str, mark: Mark) -> str:
    """Return what stands for a value of JSON; each string in it is a secret by itself, too."""
    strings = [_plain(string).encode("utf-8", "surrogatepass") for string in _STRING.findall(value)]
    marks = [mark(secret) for secret in (*strings, *([] if value[:1] == '"' and strings else [value.encode()]))]
    return f'"{marks[-1].decode()}"'


def _end_of_value(text: str, begin: int) -> int | None:
    """Return where a value of JSON ends, None where it is not whole, or not JSON."""
    try:
        return _DECODER.raw_decode(text, begin)[1]
    except (ValueError, RecursionError):
        return None
