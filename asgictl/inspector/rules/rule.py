"""What a rule is, and what is found to break it."""

from typing import NamedTuple

from asgictl.inspector.record import Blame, Severity


class Rule(NamedTuple):
    """A rule of ASGI: its number, how serious it is, who has to keep it, its sentence, and where it stands.

    `change` says what to do about it.
    """

    id: str
    severity: Severity
    blame: Blame
    sentence: str
    link: str
    change: str = ""

    def __call__(self, text: str, *, severity: Severity | None = None, n: int | None = None) -> "Broken":
        """Return that it is broken, and how; by the `n`th message where it is not the one that is looked at."""
        return Broken(self, text, severity or self.severity, n)


class Broken(NamedTuple):
    """A rule that is broken, and how."""

    rule: Rule
    text: str
    severity: Severity
    n: int | None
