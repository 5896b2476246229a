"""What came of probing an app."""

from typing import NamedTuple

from asgictl.errors import AppLoadError
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.probing.probes import Plan, Probe


class Tried(NamedTuple):
    """A probe that has been made, and what was recorded of it."""

    probe: Probe
    exchange: Exchange


class ProbeOutcome(NamedTuple):
    """What came of it: the probes with a finding, how many there were, and of which routes.

    `given_up` is what was not probed because the app hangs, and what did not return after its answer.
    `problem` is why the app could not be started. After an app that `hangs`, threads of it may still run.
    """

    tried: tuple[Tried, ...]
    probes: int
    routes: tuple[str, ...]
    plan: Plan | None
    given_up: tuple[str, ...]
    hangs: bool
    problem: AppLoadError | None
