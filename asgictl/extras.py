"""What only an extra of asgictl brings, and what is said where it is missing."""

from importlib.util import find_spec
from typing import Literal

from asgictl import environment
from asgictl.errors import ConfigError

Extra = Literal["https", "standard"]

# What commands and options need beside the core, as the modules are called.
HTTPS = ("cryptography", "idna", "platformdirs")
SCAFFOLD = ("jinja2", "packaging", "tomlkit", "yaml")


def need(what: str, modules: tuple[str, ...], extra: Extra, option: str | None = None) -> None:
    """Raise `ConfigError` unless there are the modules that `what`, a command or an option, needs of an extra."""
    missing = [environment.distribution(name) for name in modules if find_spec(name) is None]
    if missing:
        listed = f"{', '.join(missing[:-1])} and {missing[-1]}, which are" if missing[1:] else f"{missing[0]}, which is"
        raise ConfigError(f"`{what}` needs {listed} not installed", hint=environment.adding(extra), option=option)
