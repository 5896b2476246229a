"""What only an extra of asgictl brings, and what is said where it is missing."""

from importlib.util import find_spec
from typing import NamedTuple

from asgictl import environment
from asgictl.errors import ConfigError


class ExtraModules(NamedTuple):
    """What a command or an option needs beside the core: modules, and the smallest extra that brings all of them."""

    extra: str
    modules: tuple[str, ...]


HTTPS = ExtraModules("https", ("cryptography", "idna", "platformdirs"))
SCAFFOLD = ExtraModules("standard", ("jinja2", "packaging", "tomlkit", "yaml"))


def need(what: str, wants: ExtraModules, option: str | None = None) -> None:
    """Raise `ConfigError` unless there are the modules that `what`, a command or an option, `wants`."""
    missing = [environment.distribution(name) for name in wants.modules if find_spec(name) is None]
    if missing:
        listed = f"{', '.join(missing[:-1])} and {missing[-1]}, which are" if missing[1:] else f"{missing[0]}, which is"
        raise ConfigError(f"`{what}` needs {listed} not installed", hint=environment.adding(wants.extra), option=option)
