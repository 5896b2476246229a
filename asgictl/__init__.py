"""A launcher around Uvicorn for every Python web app: `asgictl serve` and its companions.

From Python: `Inspector`, an ASGI middleware; `asgictl.records`, what it records; `asgictl.testing`, for tests.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asgictl import records as records
    from asgictl import testing as testing
    from asgictl.inspector.recorder import Inspector as Inspector

__all__ = ["Inspector", "__version__", "records", "testing"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load what is asked for (PEP 562): the command line does without."""
    if name == "Inspector":
        from asgictl.inspector.recorder import Inspector

        return Inspector
    if name in ("records", "testing"):
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
