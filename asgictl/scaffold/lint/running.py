"""What a command line says of the server that it starts."""

import re
import shlex
from collections.abc import Sequence
from typing import NamedTuple

# The lifespan's shutdown comes after the requests; asgictl gives it a second, with workers half a second more.
LAST_WORDS = 2


class Server(NamedTuple):
    """The server, the seconds that it leaves open requests at a stop (None: as long as they take), and its port."""

    program: str
    graceful: float | None
    port: int | None


def server(words: Sequence[str]) -> Server | None:
    """Return the server that a command starts, or None for a program that is not known."""
    words = list(words)
    if words[:2] in (["sh", "-c"], ["/bin/sh", "-c"], ["bash", "-c"]) and len(words) > 2:  # noqa: PLR2004  # the script
        try:
            words = shlex.split(words[2])
        except ValueError:
            return None
    names = [re.split(r"[\\/]", word)[-1] for word in words]
    program = next((name for name in ("asgictl", "uvicorn") if name in names), None)
    if program is None:
        return None
    option, usual = ("--graceful-timeout", 8.0) if program == "asgictl" else ("--timeout-graceful-shutdown", None)
    graceful = _number(words, option)
    port = _number(words, "--port")
    return Server(program, usual if graceful is None else graceful, None if port is None else int(port))


def _number(words: Sequence[str], option: str) -> float | None:
    for word, following in zip(words, [*words[1:], ""], strict=True):
        text = following if word == option else word.removeprefix(f"{option}=") if word.startswith(f"{option}=") else ""
        if match := re.fullmatch(r"(?:\$\{\w+:-)?(\d+(?:\.\d+)?)\}?", text):  # a number, or a variable's default
            return float(match[1])
    return None
