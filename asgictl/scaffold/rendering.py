"""Fill in a template, and write values as the file's syntax wants them."""

import functools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2

_TEMPLATES = Path(__file__).with_name("templates")


def render(template: str, values: dict[str, Any]) -> str:
    """Return the text of a template; a name that is not among the `values` is an error."""
    return _environment().get_template(template).render(values)


def quoted(text: object) -> str:
    """Return a string of YAML and of JSON."""
    return json.dumps(str(text), ensure_ascii=False)


def flow(items: Iterable[object]) -> str:
    """Return a list of YAML for a compose file, in which `$` begins a variable unless it is doubled."""
    return json.dumps([str(item).replace("$", "$$") for item in items], ensure_ascii=False)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(  # noqa: S701  # no HTML
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "quoted": quoted,
        "flow": flow,
        "exec": lambda items: json.dumps(list(items), ensure_ascii=False),
        "compose_path": lambda path: quoted(path if path.startswith(("/", "~", ".")) else f"./{path}"),
    }
    return environment
