"""A launcher around Uvicorn for every Python web app: `asgictl serve` and its companions."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asgictl.inspector.record.recorder import Inspector as Inspector

__all__ = ["Inspector", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load `Inspector` when it is asked for (PEP 562): the command line does without."""
    if name == "Inspector":
        from asgictl.inspector.record.recorder import Inspector

        return Inspector
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
