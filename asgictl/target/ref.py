"""The answer to "which app": where it is, and how it was found."""

from pathlib import Path
from typing import NamedTuple


class AppRef(NamedTuple):
    """An application to import: `module:attribute`, with what `sys.path` and the environment need for it.

    `found` says how it was found, `also` what would have matched next. `factory` is None where
    only the loaded object can tell. `settings` is a Django settings module to name in the environment.
    """

    module: str
    attribute: str
    found: str
    path: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    factory: bool | None = None
    settings: str | None = None
    file: Path | None = None
    looked: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The import string, as users write it."""
        return f"{self.module}:{self.attribute}"
