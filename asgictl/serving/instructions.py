"""What a process needs to know to load and run the app, as a value and as text for the environment."""

import json
from pathlib import Path
from typing import NamedTuple

from asgictl import adapt
from asgictl.serving.lifespan import Mode
from asgictl.target import AppRef

VARIABLE = "ASGICTL_RUNTIME"


class Instructions(NamedTuple):
    """How to load and run the app; times are in seconds.

    `imports` names modules to import when the app is ready.
    """

    ref: AppRef
    how: adapt.Adaptation
    lifespan: Mode = "auto"
    grace: float = 8.0
    startup_timeout: float | None = None
    loop: str = "auto"
    imports: tuple[str, ...] = ()

    def dumps(self, **more: str) -> str:
        """Return the instructions and `more` as text."""
        return json.dumps(
            {**self._asdict(), "ref": self.ref._asdict(), "how": self.how._asdict(), "more": more}, default=str
        )

    @classmethod
    def loads(cls, text: str) -> tuple["Instructions", dict[str, str]]:
        """Return what `dumps` was given."""
        fields = json.loads(text)
        more = fields.pop("more")
        ref = AppRef(**fields.pop("ref"))
        ref = ref._replace(file=Path(str(ref.file)) if ref.file else None)
        return cls(ref=ref, how=adapt.Adaptation(**fields.pop("how")), **fields), more
