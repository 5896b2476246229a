"""Whether the server can be installed beside what the project has locked."""

import functools
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from asgictl import __version__
from asgictl.errors import ConfigError
from asgictl.scaffold.project import Dependencies
from asgictl.scaffold.request import ScaffoldRequest


def check(request: ScaffoldRequest, deps: Dependencies, python: str) -> None:
    """Raise `ConfigError` where asgictl cannot run beside what the project has locked."""
    if request.runner != "asgictl" or deps.pinned.get("asgictl", "") is None:
        return
    if int(python.split(".")[1]) < 11:  # noqa: PLR2004  # what pyproject.toml requires
        raise ConfigError(f"asgictl needs Python 3.11, the project has {python}", hint="pass --runner uvicorn")
    for needed in _needs():
        locked = deps.pinned.get(canonicalize_name(needed.name))
        if locked and not needed.specifier.contains(locked):
            problem = f"{needed.name} is {locked} in the project, and asgictl {__version__} needs {needed.specifier}"
            raise ConfigError(problem, hint=f"update {needed.name}, or pass --runner uvicorn")


@functools.cache
def _needs() -> tuple[Requirement, ...]:
    """Return what asgictl needs without its extras."""
    needed = map(Requirement, metadata.requires("asgictl") or ())
    return tuple(it for it in needed if not (it.marker and "extra" in str(it.marker)))
