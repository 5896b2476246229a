"""What a command line says of the server that it starts."""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# The lifespan's shutdown comes after the requests; asgictl gives it a second, with workers half a second more.
LAST_WORDS = 2


class Server(NamedTuple):
    """The server, the seconds that it leaves open requests at a stop (None: as long as they take), and its port.

    A port is None where nothing says it, and 0 where that cannot be told.
    """

    program: str
    graceful: float | None
    port: int | None


def script(words: Sequence[str]) -> str | None:
    """Return what a shell is given to run, or None for a command without a shell."""
    shell = len(words) > 2 and re.fullmatch(r"(/\S*/)?(ba|da)?sh", words[0]) and words[1] == "-c"  # noqa: PLR2004  # sh -c it
    return words[2] if shell else None


def server(words: Sequence[str], environ: Mapping[str, str] | None = None) -> Server | None:
    """Return the server that a command starts with the variables of `environ`; None for a program that is not known."""
    words, environ = list(words), environ or {}
    if (text := script(words)) is not None:
        try:
            words = shlex.split(text)
        except ValueError:
            return None
    names = [re.split(r"[\\/]", word)[-1] for word in words]
    program = next((name for name in ("asgictl", "uvicorn") if name in names), None)
    if program is None:
        return None
    option, usual = ("--graceful-timeout", 8.0) if program == "asgictl" else ("--timeout-graceful-shutdown", None)
    prefix = "ASGICTL_SERVE" if program == "asgictl" else "UVICORN"
    graceful = _number(words, option, environ.get(f"{prefix}_{option[2:].upper().replace('-', '_')}"), environ)
    ports = [environ.get(f"{prefix}_PORT"), *([environ.get("PORT")] if program == "asgictl" else [])]
    port = _number(words, "--port", next(filter(None, ports), None), environ)
    return Server(program, usual if graceful is None else graceful, None if port is None else int(port))


def _number(words: Sequence[str], option: str, otherwise: str | None, environ: Mapping[str, str]) -> float | None:
    """Return the number that an option has, or else the text `otherwise`; 0 for a variable that nothing sets."""
    found = otherwise or ""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == option:
            found = following
        elif word.startswith(f"{option}="):
            found = word.removeprefix(f"{option}=")
    if match := re.fullmatch(r"\$\{?(\w+)(?::-(\d+))?\}?", found):
        found = environ.get(match[1]) or match[2] or "0"
    return float(found) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", found) else None
