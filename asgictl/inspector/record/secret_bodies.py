"""Taking the values of named fields out of bodies and messages, before they are kept."""

import html
import json
import re
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from asgictl.asgi import Message
from asgictl.inspector.bodies import codings
from asgictl.inspector.endings import FRAMES
from asgictl.inspector.headers import Headers, joined, pairs, value_of
from asgictl.inspector.record import CONTENT, Direction, Redacted, as_bytes, parameters
from asgictl.inspector.record.connection import WatchedConnection
from asgictl.inspector.record.redaction import Mark, Redactor

if TYPE_CHECKING:
    from asgictl.inspector.recorder import Inspector

_STRING = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_COLON = re.compile(r"\s*:\s*")
_DECODER = json.JSONDecoder(strict=False)

# What is no character by itself, but can be written as an escape (RFC 8259 section 8.2).
_SURROGATE = re.compile("[\ud800-\udfff]")

# How JSON and JavaScript write any letter.
_ESCAPE = re.compile(r"(?i)\\+(?:u([0-9a-f]{4})|u\{0*([0-9a-f]{1,5})\}|x([0-9a-f]{2}))")

# What begins like gzip, zlib, zstd, bzip2, xz or zip.
_PACKED = re.compile(rb"\x1f\x8b|x[\x01^\x9c\xda]|\x28\xb5\x2f\xfd|BZh|\xfd7zXZ|PK\x03\x04")

_BOUNDARY = re.compile(r'boundary="?([^";]+)', re.IGNORECASE)
_DISPOSITION = re.compile(rb"(?i)^content-disposition:((?:[^\r\n]|\r?\n[ \t])*)", re.MULTILINE)
_NAME = re.compile(rb"(?i)[;\s]name([*\d]*)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^;\s]+))")
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
        # `*-pin` is how names end.
        spelled = ("[-_]?".join(map(re.escape, re.sub(r"^\*-|[-_]", "", name))) for name in self.fields.names)
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
            letters = content.replace(b"\0", b"").decode("latin-1")
            return None if _PACKED.match(content) or self._is_named(letters) else content
        if "\0" in text:  # perhaps UTF-16
            return None
        if kind == "application/x-www-form-urlencoded" and text.lstrip()[:1] not in ("{", "["):
            fields = bytes(self.fields.query(content, mark)).split(b"&")
            return b"&".join(self._field(field, mark) for field in fields)
        found = self.fields.text(self._json(text, mark).encode("utf-8", "surrogatepass"), mark)
        if not _is_json(text) and self._is_named(found.decode("utf-8", "surrogatepass")):
            return None
        return content if found == text.encode() else found

    def _is_named(self, text: str) -> bool:
        """Tell whether a text has a name in it, however written, that has not been found to be one of a field."""
        content = text.encode("utf-8", "surrogatepass")
        plain = parameters.decoded(content).decode("utf-8", "replace") if "%" in text else text
        return any(self._loose.search(form) for form in {text, plain, _unescaped(text), _unescaped(plain)})

    def _field(self, field: bytes, mark: Mark) -> bytes:
        """Return a field of a form without what JSON in it may write with escapes."""
        name, equals, value = field.partition(b"=")
        plain = parameters.decoded(value).decode("utf-8", "replace")
        return name + equals + mark(value) if "\\" in plain and self._is_named(_unescaped(plain)) else field

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
            return _marked(string, mark) if self._is_named(string) else string
        inner = self._json(plain, mark, depth - 1)
        return string if inner == plain else json.dumps(inner, ensure_ascii=_SURROGATE.search(inner) is not None)

    def _multipart(self, content: bytes, media_type: str, mark: Mark) -> bytes | None:
        boundary = _BOUNDARY.search(media_type)
        dashes = b"--" + boundary[1].strip().encode("latin-1", "replace") if boundary else b""
        # At the beginning of a line, and alone there (RFC 2046 section 5.1.1).
        parts = re.split(rb"(?m)^%b(?=--|[ \t]*\r?$)" % re.escape(dashes), content) if dashes else []
        if len(parts) == 1 or b"".join(parts[:1]).strip():
            return None
        return dashes.join(self._part(part, mark) for part in parts)

    def _part(self, part: bytes, mark: Mark) -> bytes:
        head, blank, body = part.partition(b"\r\n\r\n")
        if not blank or part[:2] == b"--":
            return mark(part) if self._is_named(part.decode("latin-1")) else part
        kind = _TYPE.search(head)
        value, end = (body[:-2], b"\r\n") if body.endswith(b"\r\n") else (body, b"")
        if not value:
            return part
        kept = None if self._is_of_secret(head) else self.hidden(value, kind[1].decode("latin-1") if kind else "", mark)
        return b"".join([head, blank, mark(value) if kept is None else kept, end])

    def _is_of_secret(self, head: bytes) -> bool:
        """Tell whether the head of a part names a secret, or what it names cannot be told."""
        disposition = _DISPOSITION.search(head)
        names = [(key, quoted or word) for key, quoted, word in _NAME.findall(disposition[1])] if disposition else []
        # RFC 2231 sections 3 and 4, RFC 2047: in pieces, by charset and language, in words.
        plain = [re.sub(rb"\\(.)", rb"\1", name).rpartition(b"'" if b"*" in key else b"\n")[2] for key, name in names]
        odd = any(key.strip(b"*") or name.startswith(b"=?") for key, name in names)
        return not names or odd or any(map(self.fields.is_secret, plain))


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
    whole = [] if value[:1] == '"' and strings else [value.encode("utf-8", "surrogatepass")]
    marks = [mark(secret) for secret in (*strings, *whole)]
    return f'"{marks[-1].decode()}"'


def _unescaped(text: str) -> str:
    return html.unescape(_ESCAPE.sub(lambda match: chr(int(match[1] or match[2] or match[3], 16)), text))


def _is_json(text: str) -> bool:
    """Tell whether a text is an object or a list of JSON, or several, and nothing else."""
    position: int | None = 0
    while position is not None and (rest := re.compile(r"[{\[]|\Z").search(text, position)):
        if text[position : rest.start()].strip(" \t\r\n\x1e"):
            return False
        if rest.start() == len(text):
            return position > 0
        position = _end_of_value(text, rest.start())
    return False


def _end_of_value(text: str, begin: int) -> int | None:
    """Return where a value of JSON ends, None where it is not whole, or not JSON."""
    try:
        return _DECODER.raw_decode(text, begin)[1]
    except (ValueError, RecursionError):
        return None


class DiscreetConnection(WatchedConnection):
    """One connection, of whose bodies some values are not kept."""

    __slots__ = ("_conversation", "_redacted")

    def __init__(self, inspector: "Inspector[Any]", *connection: Any) -> None:
        self._conversation = Conversation(inspector.bodies, inspector.redactor)
        super().__init__(inspector, *connection)

    def _kept(self, direction: Direction, message: Message) -> tuple[Any, int, bool]:
        kept, size, cut = super()._kept(direction, message)
        self._redacted = left_out = False
        if size:
            headers = self._before.get("headers") if direction == "receive" else self._answers()
            self._redacted, left_out = self._conversation.take(direction, kept, size, headers)
        return kept, size, cut or left_out

    def _found(self) -> list[bytes]:
        return self._conversation.secrets()
