"""What a file that is replaced has and the new one has not: services, sites, objects of Kubernetes."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from asgictl.scaffold.lint.containers import Loader, at


def of(path: str, old: bytes, new: bytes) -> tuple[str, ...]:
    """Return the names of what is in the old file alone, each with the kind of thing that it is."""
    there, then = (list(_named(path, content.decode("utf-8-sig", "replace"))) for content in (new, old))
    return tuple(dict.fromkeys(name for name in then if name not in there))


def _named(path: str, text: str) -> Iterable[str]:
    if path == "Caddyfile":
        return (f"the site {name}" for name in _sites(text))
    return _in_yaml(text) if path.endswith(".yaml") else ()


def _in_yaml(text: str) -> Iterator[str]:
    """Yield the services of a compose file or a stack, or the objects of a manifest."""
    try:
        documents: list[Any] = list(yaml.load_all(text, Loader=Loader))  # it is safe
    except (ValueError, yaml.YAMLError):
        return
    for document in documents:
        yield from (f"the service {name}" for name in at(document, "services"))
        name = at(document, "metadata").get("name")
        if name is not None:
            yield f"{document.get('kind')} {name}"


def _sites(text: str) -> Iterator[str]:
    """Yield the addresses before each block, or in the first line of a file that is one site without a block."""
    depth, first = 0, True
    for line in text.splitlines():
        words = re.sub(r"(^|\s)#.*", "", line).replace(",", " ").split()
        opens = words[-1:] == ["{"]
        names = words[:-1] if opens else words
        if depth == 0 and (opens or first) and names and not names[0].startswith(("(", "&(", "import")):
            yield from names
        first = first and not words
        depth += opens - (words[:1] == ["}"])
