"""What the values of a scope have to be: one question for each kind, which no value can make raise."""

from typing import Any

from asgictl.inspector.record import Opaque

_PAIR = 2


def is_text(value: Any) -> bool:
    """Tell whether it is a string."""
    return issubclass(type(value), str)


def is_some_text(value: Any) -> bool:
    """Tell whether it is a string that is not empty."""
    return issubclass(type(value), str) and bool(value)


def is_text_or_none(value: Any) -> bool:
    """Tell whether it is a string, or None."""
    return value is None or issubclass(type(value), str)


def is_bytes(value: Any) -> bool:
    """Tell whether it is bytes."""
    return issubclass(type(value), bytes)


def is_bytes_or_none(value: Any) -> bool:
    """Tell whether it is bytes, or None."""
    return value is None or issubclass(type(value), bytes)


def is_boolean(value: Any) -> bool:
    """Tell whether it is True or False."""
    return type(value) is bool


def is_integer(value: Any) -> bool:
    """Tell whether it is an integer, and no boolean."""
    return issubclass(type(value), int) and type(value) is not bool


def is_client(value: Any) -> bool:
    """Tell whether it is a host and a port, or None."""
    return value is None or (_is_pair(value) and is_text(value[0]) and is_integer(value[1]))


def is_server(value: Any) -> bool:
    """Tell whether it is a host and a port, or the path of a Unix socket and None, or None."""
    return value is None or (_is_pair(value) and is_text(value[0]) and (value[1] is None or is_integer(value[1])))


def is_state(value: Any) -> bool:
    """Tell whether it is a dictionary with strings as keys."""
    return isinstance(value, dict) and all(map(is_text, value))


def is_texts(value: Any) -> bool:
    """Tell whether it is an iterable of strings; of one that could be gone through only once nothing is known."""
    return isinstance(value, Opaque) or (isinstance(value, (list, tuple)) and all(map(is_text, value)))


def _is_pair(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == _PAIR
