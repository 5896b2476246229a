"""Sizes as people read them."""

_KILO = 1000


def size(count: int) -> str:
    """Return a number of bytes."""
    if count < _KILO:
        return f"{count} B"
    value, unit = float(count), "B"
    for unit in ("kB", "MB", "GB"):  # noqa: B007  # used after the loop
        value /= _KILO
        if value < _KILO:
            break
    return f"{value:.1f} {unit}"
