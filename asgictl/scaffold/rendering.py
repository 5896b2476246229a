"""Fill in a template, and write values as the file's syntax wants them.

What a template prints without a filter has to be plain: a word that is itself in every language. Whatever else a value
holds, its filter writes it as one value of the language, or it is refused. So a text of the project's is never more
than the value that it stands for.
"""

import functools
import json
import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2

from asgictl.errors import ConfigError
from asgictl.scaffold.accepted import YAML_WORDS

_TEMPLATES = Path(__file__).with_name("templates")
_PLAIN = re.compile(r"([A-Za-z0-9_./@+~=-]|:(?!$))*")
_UNIT_PLAIN = re.compile(r"([\w./:@+~=,-]|%%)+")


def render(template: str, values: dict[str, Any]) -> str:
    """Return the text of a template; a name that is not among the `values` is an error.

    Raises `ConfigError` for a value that the file's language has no way to write.
    """
    return str(_environment().get_template(template).render(values))


class Written(str):
    """A piece of a file, in its syntax, which a template prints as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return it unchanged: this is what Jinja asks of a text before it escapes it."""
        return self


def quoted(text: object) -> Written:
    """Return a string of YAML and of JSON."""
    return Written(json.dumps(line(text), ensure_ascii=False))


def compose(text: object) -> Written:
    """Return a string of a compose file, in which `$` begins a variable unless it is doubled."""
    return quoted(line(text).replace("$", "$$"))


def flow(items: Iterable[object]) -> Written:
    """Return a list of strings of a compose file."""
    return Written(f"[{', '.join(map(compose, items))}]")


def words(items: Iterable[object]) -> Written:
    """Return a list of strings of JSON: the exec form of a Dockerfile, and a flow sequence of a manifest."""
    return Written(f"[{', '.join(map(quoted, items))}]")


def shell(text: object) -> Written:
    """Return one word of a shell."""
    return Written(shlex.quote(line(text)))


def docker(text: object) -> Written:
    """Return one value of ENV or ARG in a Dockerfile."""
    return Written(_quoted_unless(_PLAIN, line(text), r"[\\\"$]"))


def unit(items: Iterable[object]) -> Written:
    """Return the words of a command in a systemd unit: systemd.syntax(7), systemd.service(5) "Command lines"."""
    return Written(" ".join(_unit_word(line(item).replace("$", "$$")) for item in items))


def unit_variable(text: object) -> Written:
    """Return one assignment of `Environment=` in a systemd unit, in which a dollar sign is one."""
    return Written(_unit_word(line(text)))


def line(text: object) -> Written:
    """Return `text`, which is one line, as it is; raise `ConfigError` for anything else."""
    if not str(text).isprintable():
        raise ConfigError(f"`{text}` cannot stand in a file that is written", hint="use printable characters only")
    return Written(text)


def _unit_word(text: str) -> str:
    return _quoted_unless(_UNIT_PLAIN, text.replace("%", "%%"), r"[\\\"]")


def _quoted_unless(plain: re.Pattern[str], text: str, special: str) -> str:
    if plain.fullmatch(text):
        return text
    escaped = re.sub(special, r"\\\g<0>", text)
    return f'"{escaped}"'


def scalar(text: str) -> Written:
    """Return a string of a compose file, without quotes where YAML takes it for one so too."""
    return compose(text) if text in YAML_WORDS or text[:1].isdigit() else Written(_plain(text))


def _compose_path(path: str) -> Written:
    return compose(path if path.startswith(("/", "~", ".")) else f"./{path}")


def _plain(value: object) -> object:
    if hasattr(value, "__html__"):
        return value
    text = str(value)
    if not _PLAIN.fullmatch(text):
        raise ConfigError(
            f"`{text}` is not a plain word, as the file wants it", hint="use letters, digits, `-` and `_`"
        )
    return Written(text)


@functools.cache
def _environment() -> jinja2.Environment:
    # What escapes is not HTML's: `finalize` lets nothing pass that is not plain, or comes from one of the filters.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        finalize=_plain,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "quoted": quoted,
        "compose": compose,
        "compose_path": _compose_path,
        "flow": flow,
        "exec": words,
        "sh": shell,
        "docker": docker,
        "unit": unit,
        "unit_variable": unit_variable,
        "line": line,
        "scalar": scalar,
    }
    return environment
