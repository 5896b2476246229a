"""Where secrets stand in a text: values by the names before them, however often encoded, logins in URLs, JWTs."""

import base64
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

# How often something may be percent-encoded: a URL in a URL in a URL in a query.
DEPTH = 4

# What a name consists of, as it is and encoded: letters, digits, `$ * - . [ ] _ ~`, and what is not ASCII.
LETTER = rb"[\w$*.\[\]~\x80-\xff-]"
_ENCODED = rb"%(?:25)*+(?:2[4ade]|3[0-9]|4[1-9a-f]|5[0-9abdf]|6[1-9a-f]|7[0-9ae]|[89a-f][0-9a-f])"
_QUOTE = rb"(?:\\*+[\"']|%(?:25)*+2[27])"
_BLANK = rb"(?:\s|%(?:25)*+(?:20|0[9ad]))*+"

# A name, and `=`, or `:` behind a quote, as in JSON; other words and other encoded characters are passed over.
_NAME = re.compile(
    rb"(?i)((?:%b|%b)++)(?:(%b)?+%b(=|%%(?:25)*+3d|(?(2)(?::|%%(?:25)*+3a)|(?!))))?+|%%(?:25)*+[0-9a-f]{2}"
    % (LETTER, _ENCODED, _QUOTE, _BLANK)
)
_BLANKS = re.compile(_BLANK)
_QUOTED = re.compile(b"b?(" + _QUOTE + b")")
_BRACKET = re.compile(rb"(?i)[\[{]|%(?:25)*+[57]b")
_TOKEN = re.compile(rb"(?<![\w-])eyJ[\w-]{10,}+(?:\.[\w-]*+){2,4}")  # RFC 7519 section 3.1, RFC 7516 section 3.1
# What may follow a scheme, in lower case: not the parameters of a challenge (RFC 9110 section 11.6.1).
_CREDENTIALS = re.compile(
    rb"(?:(basic)|(token|jwt|api-?key)|bearer|dpop|negotiate|ntlm)(?:\s|\+|%(?:25)*+(?:20|0[9ad]|2b))++"
    rb"(?![\w-]+=\\*[\"']|(?:realm|scope|error\w*|charset|algs|resource_metadata)=)"
    rb"((?:[^\s,;&<>\"'(){}\[\]\\%]|%(?!(?:25)*(?:2[267c]|3[bce]|[57][bd]|20|0[9ad]))[0-9a-f]{2})++)"
)
_IN_A_WORD = re.compile(rb"(?<!%[0-9a-f]{2})(?<=[\w-])")
_PROSE = re.compile(rb"[a-z]+\s+[a-z]")
_LONG = re.compile(rb"(?=.*\d).{8}")

# A line of a head, in the value of another header: what goes before it, its name, and a colon without a port, or what
# else a URL has there. It matches without a name, too, so that nothing is looked at twice.
_LINE = re.compile(
    rb"(?i)(?:\A|((?:[\s,;|{(\[\"']|%%(?:25)*+(?:20|0[9ad]|2c|3b|7b))++))"
    rb"(?:((?:%b|%b)++)%b(?:(?<![\"']):(?!//|\d{1,5}(?![\w.~+/-]))|%%(?:25)*+3a))?+" % (LETTER, _ENCODED, _BLANK)
)
_BEGINNING = re.compile(rb"(?i)[\r\n,;|{(\[\"']|%(?:25)*+(?:0[ad]|2c|3b|7b)")
_SCHEME = re.compile(
    rb"(?i)(?:api-?key|aws4-hmac-sha256|basic|bearer|digest|dpop|gnap|hawk|jwt|mac|negotiate|ntlm|oauth|signature|token)\Z"
)
_TO_THE_END = re.compile(rb"(?:[^;&\r\n<>\"]|(?<==)\\*\"[^\"]*\"?)*+")
_BEFORE_QUERY = re.compile(rb"(?i)(?:[?&#]|%(?:25)*(?:3f|26|23))\Z")
_LONGEST_MARK = 3 * DEPTH


# Where a secret begins and ends.
Span = tuple[int, int]


def _up_to(level: int, characters: bytes) -> bytes:
    """Return a pattern for one of some ASCII characters, encoded at least once, and `level` times at the most."""
    if not level:
        return rb"(?!)"
    return rb"%%(?:25){0,%d}(?:%b)" % (level - 1, b"|".join(b"%02x" % byte for byte in characters))


class _Level(NamedTuple):
    """How what is encoded so many times ends."""

    query: re.Pattern[bytes]
    other: re.Pattern[bytes]
    login: re.Pattern[bytes]


def _level(level: int) -> _Level:
    user = rb"(?:(?!%b)[^/?#@\s:\"<>%b])*+" % (_up_to(level, b"/?#@:&"), b"&" if level else b"")
    password = rb"(?:(?!%b)[^/?#\s\"<>%b])*" % (_up_to(level, b"/?#@&"), b"&" if level else b"")
    return _Level(
        query=re.compile(rb"(?i)(?:(?!%b)[^\s&#<>\"])*+" % _up_to(level, b'&#<>"')),
        other=re.compile(rb"(?i)(?:(?!%b|,\s|,$)[^\s;&<>\"])*+" % _up_to(level, b'&;<>"')),
        login=re.compile(
            rb"(?i)(?::|%b)(?:/|%b){2}(%b)(?:(?::|%b)(%b))?(?:@|%b)"
            % (_up_to(level, b":"), _up_to(level, b"/"), user, _up_to(level, b":"), password, _up_to(level, b"@"))
        ),
    )


_LEVELS = [_level(level) for level in range(DEPTH + 1)]


def decoded(text: bytes) -> bytes:
    """Return a text without any percent-encoding, however often it was done."""
    for _ in range(DEPTH):
        if b"%" not in text:
            break
        text = unquote_to_bytes(text)
    return text


def values(text: bytes, is_secret: Callable[[bytes], bool], *, only_queries: bool = False) -> Iterator[Span]:
    """Yield where the values of secret names are; with `only_queries` those only that `?`, `&` or `#` goes before."""
    position = 0
    while match := _NAME.search(text, position):
        position = match.end()
        if match[3] is None or not is_secret(match[1]):
            continue
        in_query = _BEFORE_QUERY.search(text, max(0, match.start() - _LONGEST_MARK), match.start()) is not None
        if only_queries and not in_query:
            continue
        begin, end = _value(text, match, in_query=in_query)
        if end > begin:
            yield begin, end
        position = max(position, end)


def _value(text: bytes, match: re.Match[bytes], *, in_query: bool) -> Span:
    level = len(match[3]) // 2  # `=`, `%3D`, `%253D`
    begin = match.end()
    if match[2] is not None and (blank := _BLANKS.match(text, begin)):
        begin = blank.end()
    if not in_query and (quote := _QUOTED.match(text, begin)):
        return quote.end(), _unquoted(text, quote.end(), quote[1])
    if match[2] is not None and _BRACKET.match(text, begin):
        return begin, len(text)
    kinds = _LEVELS[min(level, DEPTH)]
    ended = (kinds.query if in_query else kinds.other).match(text, begin)
    end = ended.end() if ended else begin
    if _SCHEME.match(text, begin, end) or match[1].lower().endswith(b"authorization"):
        rest = _TO_THE_END.match(text, end)
        end = rest.end() if rest else end
    return begin, end


def _unquoted(text: bytes, begin: int, quote: bytes) -> int:
    """Return where the same quote is again, and does not belong to what it quotes."""
    # In JSON, and in JSON in its strings, each level doubles the backslashes, and adds one (RFC 8259 section 7).
    backslashes = 2 * len(quote) if b"%" not in quote else 2
    before = rb"(?<!\\)(?<!%%5c)(?<!%%255c)(?:\\{%d})*+" % backslashes
    end = re.compile(b"(?i)" + before + re.escape(quote)).search(text, begin)
    return end.end() - len(quote) if end else len(text)


def logins(text: bytes, level: int) -> Iterator[Span]:
    """Yield passwords, and what stands alone before the `@`, of URLs that are encoded up to `level` times."""
    for match in _LEVELS[level].login.finditer(text):
        alone = not match[2] or match[2] == b"x-oauth-basic"  # GitHub's word for no password
        begin, end = match.span(1 if alone and match[1] else 2)
        if end > begin:
            yield begin, end


def lines(text: bytes, is_secret: Callable[[bytes], bool]) -> Iterator[Span]:
    """Yield where the values of secret headers are that stand in another header's value, like `cookie: a=b`."""
    position = 0
    for line in _LINE.finditer(text):
        before, name = line.groups()
        if line.start() < position or not name or not is_secret(name):
            continue
        if line.start() and not _BEGINNING.search(before or b""):
            continue
        blank = _BLANKS.match(text, line.end())
        begin = blank.end() if blank else line.end()
        quote = (before or b"").rstrip()[-1:]
        end = re.compile(quote if quote in (b"'", b'"') else rb"[\r\n]|\Z").search(text, begin)
        position = end.start() if end else len(text)
        if position > begin:
            yield begin, position


def credentials(text: bytes) -> Iterator[Span]:
    """Yield what follows the name of a scheme, as in `Bearer abc`, but not the words of a sentence."""
    low = text.lower()
    for match in _CREDENTIALS.finditer(low):
        begin, end = match.span(3)
        is_one = not _IN_A_WORD.match(low, match.start()) and not _PROSE.match(text, begin)
        is_one = is_one and not (match[1] and not _is_login(text[begin:end]))
        if is_one and not (match[2] and not _LONG.match(match[3])):
            yield begin, end


def _is_login(text: bytes) -> bool:
    """Tell whether a text is a user and a password as `Basic` has them (RFC 7617)."""
    try:
        return b":" in text or b":" in base64.b64decode(decoded(text).rstrip(b"=") + b"==")
    except ValueError:
        return False


def tokens(text: bytes) -> Iterator[Span]:
    """Yield JSON Web Tokens, which are known by their shape."""
    return (match.span() for match in _TOKEN.finditer(text))
