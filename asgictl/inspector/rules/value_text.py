"""Values in what is said of them."""

from typing import Any

from asgictl.inspector.record import Opaque

_WIDTH = 60


def shown(value: Any) -> str:
    """Return a value with its type, cut where it is long."""
    if isinstance(value, Opaque):
        return f"an object of `{value.type}`"
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # in the tuples of a scope there may be anything
        return f"an object of `{type(value).__name__}`"
    text = text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
    return text if value is None or isinstance(value, bool) else f"{text} ({type(value).__name__})"


def class_of(value: Any) -> str:
    """Return the name of a value's class, as far as it is kept."""
    return value.type if isinstance(value, Opaque) else type(value).__name__


def text_of(detail: Any) -> str:
    """Return what a fact says: text, or a list of texts."""
    texts = detail if isinstance(detail, list) else [detail]
    return ", ".join(text if isinstance(text, str) else class_of(text) for text in texts)
