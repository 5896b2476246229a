"""What stands in for the processes that uvicorn's supervisor starts."""

import signal
from typing import Any


class Workers:
    """The processes of a launch, of which there are as many as a test says, and what they are told."""

    address, token = "address", "token"

    def __init__(self, *_: object, **__: object) -> None:
        self.pids: list[int] = []
        self.told: list[tuple[int, dict[str, Any]]] = []
        self.sent: set[tuple[int, signal.Signals]] = set()
        self.acts: list[str] = []

    def tell(self, pid: int, message: dict[str, Any]) -> None:
        """Take a message for a worker."""
        if pid in self.pids:
            self.told.append((pid, message))

    def have_ended(self) -> bool:
        """Tell whether no process runs any more."""
        return not self.pids

    def was_sent(self, pid: int, number: signal.Signals) -> bool:
        """Tell whether the supervisor has sent a worker a signal."""
        return (pid, number) in self.sent

    def start(self) -> None:
        """Attend to the workers."""
        self.acts.append("start")

    def leave_ends(self) -> None:
        """Look for no more ends."""
        self.acts.append("leave ends")

    def close(self) -> None:
        """Attend to nobody any more."""
        self.acts.append("close")
