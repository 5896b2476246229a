"""How often Python looks for garbage: seldom while asgictl starts, for imports make none (bench/startup.py)."""

import gc

_USUAL = gc.get_threshold()

# So many new objects are a reason to look.
_MANY = 200_000


def seldom() -> None:
    """Look for garbage only when much has been made."""
    gc.set_threshold(_MANY, *_USUAL[1:])


def as_usual() -> None:
    """Look for it as Python does by itself, which the user's code can count on."""
    gc.set_threshold(*_USUAL)
