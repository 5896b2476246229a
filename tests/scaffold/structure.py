"""What a written file consists of, by its own language's parser: instructions, keys and words, whatever they say."""

import io
import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import yaml
from dockerfile_parse import DockerfileParser

_SIGNS = re.compile(r"\$\(|\$\{|[$`;&|<>()]+")


def entries(path: str, text: str) -> Iterator[tuple[Any, ...]]:
    """Yield the entries of the file `path`; what stands for a value is left out, how many words it has is not."""
    if path == "Dockerfile":
        return _dockerfile(text)
    if path.endswith(".yaml"):
        return (it for document in yaml.load_all(text, Loader=yaml.CBaseLoader) for it in _keys(document, ()))
    if path.endswith((".service", ".socket")):
        return _unit(text)
    if path == "Caddyfile":
        return _caddyfile(text)
    # In an ignore list the name of a file that is let in is a value, and a pattern is not.
    return ((re.sub(r"^![\w./~@+-]+$", "!", line),) for line in text.splitlines())


def _dockerfile(text: str) -> Iterator[tuple[Any, ...]]:
    for entry in DockerfileParser(fileobj=io.BytesIO(text.encode())).structure:
        instruction, value = entry["instruction"], entry["value"]
        if instruction in {"CMD", "HEALTHCHECK"}:
            before, bracket, after = value.partition("[")
            command = json.loads(bracket + after)
            names = compile(command[2], "-c", "exec").co_names if command[0] == "python" else ()
            yield instruction, before, len(command), command[0], names
        elif instruction == "RUN":
            yield instruction, len(shlex.split(value)), *_SIGNS.findall(re.sub(r"'[^']*'", "", value))
        elif instruction == "ENV":
            yield instruction, *(word.partition("=")[0] for word in shlex.split(value))
        elif instruction != "COMMENT":
            yield instruction, len(value.split()), *_SIGNS.findall(value)


def _keys(value: Any, path: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield each key with those above it, and what a compose file replaces in the strings."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _keys(inner, (*path, key))
    elif isinstance(value, list):
        yield (*path, len(value))
        for inner in value:
            yield from _keys(inner, (*path, "[]"))
    else:
        yield (*path, "=", *re.findall(r"\$\{?\w*", value.replace("$$", "")))


def _unit(text: str) -> Iterator[tuple[Any, ...]]:
    for line in text.replace("\\\n", " ").splitlines():
        if line and line[0] not in "#;":
            key, _, value = line.partition("=")
            words = shlex.split(value) if key.startswith(("Bind", "Environment", "Exec")) else [value]
            names = [word.partition("=")[0] for word in words] if key == "Environment" else [len(words)]
            yield key, *names, *re.findall(r"%.", value.replace("%%", "")), *_SIGNS.findall(value.replace("$$", ""))


def _caddyfile(text: str) -> Iterator[tuple[str, ...]]:
    """Yield the tokens of each line, by the rules of https://caddyserver.com/docs/caddyfile/concepts#structure."""
    for line in text.splitlines():
        tokens = re.findall(r'"(?:\\"|[^"])*"|`[^`]*`|\S+', re.sub(r"(^|\s)#.*", "", line))
        if tokens:
            yield (tokens[0], *("…" for _ in tokens[1:-1]), *(token for token in tokens[-1:] if token in "{}"))
