"""What users of other programs type, and what it is called here."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asgictl import reading

# Commands of other launchers, and names that stand to reason, with the command here.
_COMMANDS = {
    **dict.fromkeys(("run", "start", "server", "runserver", "up", "prod"), "serve"),
    **dict.fromkeys(("dev", "develop", "watch", "reload"), "serve --dev"),
    **dict.fromkeys(("test",), "serve --check"),
    **dict.fromkeys(("lint", "validate", "conformance"), "check"),
    **dict.fromkeys(("cert", "certs", "mkcert", "ssl", "https", "cert-gen", "gencert"), "gen-cert"),
    **dict.fromkeys(("docker", "init", "dockerfile", "deploy"), "scaffold"),
    **dict.fromkeys(("trace", "debug", "show"), "inspect"),
}


def meant(args: Sequence[str], commands: Sequence[str]) -> str | None:
    """Return the command line that one which begins with no command means, or None where nothing is near."""
    first, *rest = args
    match first:
        case "version":
            return "asgictl --version"
        case "help":
            known = [name for name in rest[:1] if name in commands]
            return " ".join(("asgictl", *known, "--help"))
    if first in _COMMANDS:
        return shlex.join(("asgictl", *_COMMANDS[first].split(), *rest))
    if _names_an_app(first):
        return shlex.join(("asgictl", "serve", first, *rest))
    return None


def behind(args: Sequence[str], option: str, commands: Sequence[str], serve: Any) -> str | None:
    """Say where an `option` belongs that stands before the command, or what it is called here; None for no option."""
    if hint := serve.form.meant.get(option):
        return f"With `asgictl serve`, {hint}."
    if not any(option in param.opts for param in serve.params):
        return None
    command = next((word for word in args if word in commands), "serve")
    rest = [word for word in args if word != command]
    return f"Did you mean '{shlex.join(('asgictl', command, *rest))}'?"


def _names_an_app(text: str) -> bool:
    if ":" in text or "/" in text or text.endswith(".py"):
        return True
    return bool(text) and (reading.is_dir(Path(text)) or reading.is_file(Path(f"{text}.py")))
