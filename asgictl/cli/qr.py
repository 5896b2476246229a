"""QR codes on the terminal, which a package draws that is in an extra."""

from importlib.util import find_spec

from asgictl import environment


def missing() -> str | None:
    """Return the hint that says how to install what draws the codes; None where it is."""
    return environment.installing("segno") if find_spec("segno") is None else None


def code(url: str) -> str:
    """Return the lines of a code that leads to `url`."""
    import io

    import segno

    out = io.StringIO()
    segno.make(url, micro=False).terminal(out, compact=True)
    return out.getvalue()
