"""How a request says to which check of a server it belongs: in its path, and in a header that survives a wrong path."""

import re
from typing import Any, NamedTuple

PREFIX = "/-/asgictl/"
HEADER = b"asgictl-probe"

# The probe that asks for what has been seen.
RESULTS = "results"

# What its answer is.
MEDIA_TYPE = b"application/jsonl"

_MARK = re.compile(r"([0-9a-f]{16})/([a-z0-9-]{1,40})")


class ProbeMark(NamedTuple):
    """A check of a server, by the number that its client has chosen at random, and a probe of it."""

    session: str
    probe: str

    def __str__(self) -> str:
        return f"{self.session}/{self.probe}"

    @property
    def path(self) -> str:
        """The path that it is asked for by."""
        return f"{PREFIX}{self}"


def of_scope(scope: Any) -> ProbeMark | None:
    """Return the mark of a request, None for any other; nothing in a scope makes it raise."""
    try:
        values = [value for name, value in scope.get("headers") or () if bytes(name).lower() == HEADER]
        texts = [*(bytes(value).decode("latin-1") for value in values), *_of_path(scope.get("path"))]
    except Exception:  # noqa: BLE001  # whatever a server hands over
        try:
            texts = _of_path(scope["path"])
        except Exception:  # noqa: BLE001  # as before
            return None
    found = next((match for text in texts if (match := _MARK.match(text))), None)
    return ProbeMark(found[1], found[2]) if found else None


def _of_path(path: Any) -> list[str]:
    _, found, rest = path.partition(PREFIX) if isinstance(path, str) else ("", "", "")
    return [rest] if found else []
