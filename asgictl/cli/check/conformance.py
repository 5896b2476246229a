"""From what the user asks for to what is found: of an app, of a session, or in the catalogue."""

import contextlib
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from asgictl import errors, rfc9110
from asgictl.cli.command import Invocation
from asgictl.cli.serve import planning
from asgictl.console import Console
from asgictl.errors import ConfigError, FileProblemError, InterruptedByUserError, StartError
from asgictl.inspector.request import CheckRequest

if TYPE_CHECKING:
    from asgictl.inspector.probing.orders import ProbeOrder
    from asgictl.inspector.probing.tried import ProbeOutcome
    from asgictl.inspector.record import Blame, Record
    from asgictl.inspector.reports.judgement import Judgement

_ALL_RULES = "`asgictl check --rules` lists them"


def patterns(ignore: Sequence[str]) -> tuple[str, ...]:
    """Return the patterns in lists with commas, each once; raise `ConfigError` for one that is like no rule."""
    from asgictl.inspector import watch

    return tuple(dict.fromkeys(watch.patterns(ignore)))


def of_app(request: CheckRequest, ignore: Sequence[str], run: Invocation) -> "tuple[Judgement, bool]":
    """Return what is found of the app, and whether it hangs; raise `StartError` where it cannot start."""
    from asgictl import adapt
    from asgictl.inspector.probing import watchdog
    from asgictl.inspector.record import quoted, redaction
    from asgictl.serving.processes import surroundings
    from asgictl.serving.request import ServeRequest

    surroundings.check()
    wanted = _wanted(request)
    serving = ServeRequest(app=request.app, factory=request.factory, interface=request.interface, check=True)
    try:
        instructions = planning.plan_of(serving, run.console, run.own_environ).instructions
    except StartError as error:
        error.hint = error.hint and error.hint.replace("asgictl serve", "asgictl check")
        raise
    run.console.hide = partial(quoted.raised, redaction.Redactor(redaction.NAMES))
    with _interruptible(run.console), contextlib.redirect_stdout(sys.stderr):  # a report is alone on its stream
        adapted = adapt.adapt(instructions.ref, instructions.how)
        is_own = adapted.kind in {"ASGI", "ASGI 2"}
        outcome = watchdog.probed(wanted._replace(app=adapted.app, source=adapted.source, is_own=is_own))
    if outcome.problem is not None:
        raise outcome.problem
    module = sys.modules.get(instructions.ref.module)
    file = instructions.ref.file or getattr(module, "__file__", None)
    judged = _judged(f"{instructions.ref} ({adapted.kind})", outcome, ignore, _blames(request))
    return judged._replace(file=Path(file) if file else None), outcome.hangs


@contextlib.contextmanager
def _interruptible(console: Console) -> Iterator[None]:
    """Have the user end the process inside the block, whatever the app's threads are doing."""
    numbers = signal.SIGINT, signal.SIGTERM
    usual = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    except KeyboardInterrupt:
        from asgictl.serving.processes import exits

        console.error(InterruptedByUserError("interrupted; nothing is reported"))
        exits.end(errors.FORCED)
    finally:
        for number, handler in zip(numbers, usual, strict=True):
            signal.signal(number, handler)


def _wanted(request: CheckRequest) -> "ProbeOrder":
    """Return what to probe; raise `ConfigError` for what HTTP does not allow, and for what is no path."""
    from asgictl.inspector.probing import orders

    pairs = []
    for text in request.header:
        pair = rfc9110.header(text)
        if pair is None:
            problem, hint = rfc9110.refusal(text, "write it as `Name: value`")
            raise ConfigError(f"`-H {text}` {problem}", hint=hint, option="header")
        pairs.append((pair[0].lower().encode("latin-1"), pair[1].encode("latin-1")))
    try:
        targets = orders.targets(request.path)
    except ValueError as error:
        hint = "write it as /items, POST:/items or WS:/chat"
        raise ConfigError(f"`--path {error}` is not a path", hint=hint, option="path") from error
    return orders.ProbeOrder(
        app=_nothing,
        source=None,
        targets=tuple(targets),
        headers=tuple(pairs),
        body=_body(request.body),
        unsafe=request.unsafe,
        limit=request.time_limit,
        check="app" if request.blame == "app" else "all",
        info=request.info,
    )


async def _nothing(*_: object) -> None:
    """Stand for the app that is not loaded yet."""


def _body(text: str | None) -> bytes:
    if text is None or not text.startswith("@"):
        return (text or "").encode(errors="surrogateescape")
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise FileProblemError(f"cannot read `{text[1:]}`: {errors.reason(error)}", hint="pass --body @FILE") from error


def _blames(request: CheckRequest) -> "frozenset[Blame]":
    from asgictl.inspector.record import BLAMES

    return frozenset(BLAMES if request.blame == "all" else (request.blame,))


def _judged(subject: str, outcome: "ProbeOutcome", ignore: Sequence[str], blames: "frozenset[Blame]") -> "Judgement":
    from asgictl.inspector.reports import judgement

    seen = (judgement.Seen(tried.probe.route, tried.exchange, tried.probe.how) for tried in outcome.tried)
    faults, ignored, hidden = judgement.faults(seen, ignore, blames)
    broken = {fault.seen.route for fault in faults}
    plan = outcome.plan
    found = judgement.Judgement(
        subject,
        faults,
        ignored,
        hidden,
        probes=outcome.probes,
        clean=tuple(route for route in outcome.routes if route not in broken),
        given_up=outcome.given_up,
    )
    if plan is None:
        return found
    unreached = tuple(judgement.Unreached(*skipped) for skipped in plan.skipped)
    return found._replace(probed=plan.probed, found=plan.found, given=plan.given, unreached=unreached)


def of_session(request: CheckRequest, ignore: Sequence[str], console: Console) -> "Judgement":
    """Return what is found of a saved session; raise `FileProblemError` for a file that is none."""
    from asgictl.inspector.reports import judgement, recorded
    from asgictl.inspector.rules import tally
    from asgictl.inspector.sessions.saved_session import SavedSession

    session = SavedSession([str(request.session)], console.note)
    records = _some(session.records(), str(request.session))
    seen = recorded.seen(records, "app" if request.blame == "app" else "all", info=request.info)
    faults, ignored, hidden = judgement.faults(seen, ignore, _blames(request), tally.MOST)
    return judgement.Judgement(str(session), faults, ignored, hidden)


def _some(records: "Iterable[Record]", name: str) -> "Iterator[Record]":
    """Yield records; raise `FileProblemError` where there are none, of which nothing could be said."""
    is_empty = True
    for record in records:
        is_empty = False
        yield record
    if is_empty:
        hint = "record one: `asgictl inspect --save FILE`"
        raise FileProblemError(f"`{name}` holds nothing that could be checked", hint=hint)


def show_rules(request: CheckRequest, console: Console) -> int:
    """Print the catalogue, or what there is to know of the rules that are named."""
    from asgictl.inspector.reports import json_report, rule_pages
    from asgictl.inspector.rules import catalogue

    if request.format not in ("text", "json"):
        raise ConfigError(f"`--rules` has no form `{request.format}`", hint="pass --format json, or drop it")
    if request.app is None:
        found = list(catalogue.rules().values())
        lines = list(rule_pages.listed(found))
    else:
        found = catalogue.chosen([request.app])
        if not found:
            raise ConfigError(f"there is no rule like `{request.app}`", hint=_ALL_RULES)
        lines = []
        for rule in found:
            lines += [*rule_pages.page(rule), []]
        del lines[-1]
    text = "\n".join(console.rendered(line, None) for line in lines)
    console.result(text, {"rules": [json_report.of_rule(rule, examples=request.app is not None) for rule in found]})
    return 0
