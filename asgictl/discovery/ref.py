"""The answer to "which app": where it is, and how it was found."""

from pathlib import Path
from typing import NamedTuple

# The variable that names the settings of a Django project.
SETTINGS = "DJANGO_SETTINGS_MODULE"


class AppRef(NamedTuple):
    """An application to import: `module:attribute`, with what `sys.path` and the environment need for it.

    `found` says how it was found, `also` what would have matched next, `notes` what users should know of the search.
    `factory` is None where only the loaded object can tell; `arguments` is what it is called with, as Python literals.
    `settings` is a Django settings module to name in the environment. `looked` is there only where the bundled app
    stands in: the places where there was nothing.
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
    arguments: str = ""
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The import string, as users write it."""
        return f"{self.module}:{self.attribute}{f'({self.arguments})' if self.arguments else ''}"
