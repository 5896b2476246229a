"""`asgictl session replay`."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from asgictl import errors, pyproject, rfc9110
from asgictl.cli import server_url, views
from asgictl.cli.command import Invocation
from asgictl.cli.session import saved
from asgictl.console import Console
from asgictl.errors import AsgictlError, ConfigError, FileProblemError, StartError
from asgictl.inspector.request import ReplayRequest

if TYPE_CHECKING:
    from asgictl.inspector.client.driver import Driver
    from asgictl.inspector.client.replay_script import Edit, Script
    from asgictl.inspector.comparison.found import Found
    from asgictl.inspector.exchange import Exchange
    from asgictl.inspector.sessions.saved_session import SavedSession


def replay(request: ReplayRequest, run: Invocation) -> int:
    """Send recorded requests and WebSocket messages again, into an app or to a server.

    \b
    asgictl session replay s.jsonl 7 --app main:app            in this process
    asgictl session replay s.jsonl --to http://127.0.0.1:8000  to a server
    asgictl session replay s.jsonl 7 --app main:app --diff     what has changed
    asgictl session replay s.jsonl 7 --app main:app -H 'X: 1'  with a header
    """  # noqa: D301  # \b is click's mark for a paragraph that keeps its lines
    from asgictl.inspector.comparison.found import Remark

    console = run.console
    _check(request)
    change = _change(request)
    files, numbers = saved.split(request.words)
    session = saved.session(files, console)
    exchanges = saved.wanted(session, numbers)
    exchanges = {number: exchanges[number] for number in numbers} or exchanges
    scripts, left_out = _scripts(exchanges, change, console, named=bool(numbers), diff=request.diff)
    if not scripts and not (left_out and request.diff):
        problem = f"{session} holds nothing that can be sent again"
        raise AsgictlError(problem, hint="make some requests while `asgictl inspect --save` runs")
    _say_what_is_lost(scripts, exchanges, console)
    name = request.view or ("full" if len(scripts) == 1 else "line")
    view = views.view_of(name, whole=request.traceback)
    found: dict[int, list[Found]] = {number: [Remark("request", text)] for number, text in left_out.items()}
    unanswered: list[StartError] = []

    def tell(error: StartError) -> None:
        if len(scripts) == 1 and not request.diff:
            raise error
        unanswered.append(error)
        console.note(error.message)

    for new in _results(request, console, scripts, session, tell):
        old = exchanges[int(new.opened.replay_of or 0)]
        if request.diff:
            found[old.id] = list(_differences(old, new, over_network=bool(request.to)))
            if not request.json:
                saved.print_differences(console, f"#{old.id}", "now", found[old.id])
        else:
            views.show(console, new.records(), views.everything(), view, name)
    if request.diff:
        compared = (
            [{"id": number, **saved.as_data(found[number])} for number in sorted(found)] if request.json else None
        )
        return saved.concluded_all(console, itertools.chain(*found.values()), compared, [session])
    _check_answers(unanswered, len(scripts))
    return 0


def _differences(old: "Exchange", new: "Exchange", *, over_network: bool) -> "Iterable[Found]":
    from asgictl.inspector.client import replay_http
    from asgictl.inspector.comparison import differences

    return differences.of_answers(old, new, replay_http.ADDED if over_network else frozenset())


def _check_answers(unanswered: Sequence[StartError], count: int) -> None:
    """Raise `StartError` unless all that was sent again got an answer."""
    if unanswered:
        raise StartError(f"{len(unanswered)} of {count} got no answer", hint=unanswered[0].hint)


def _scripts(
    exchanges: "Mapping[int, Exchange]", change: "Edit", console: Console, *, named: bool, diff: bool
) -> "tuple[list[Script], dict[int, str]]":
    """Return what to send, and why others cannot be sent again.

    Raises `AsgictlError` for one that is `named`, unless a `diff` will say so.
    """
    from asgictl.inspector.client import replay_script

    scripts, left_out = [], {}
    for exchange in exchanges.values():
        if named or exchange.type in ("http", "websocket"):
            try:
                scripts.append(replay_script.script(exchange, change))
            except AsgictlError as error:
                if named and not diff:
                    raise
                left_out[exchange.id] = f"not sent: {error.message}"
                console.note(f"{error.message}; it is left out")
    return scripts, left_out


def _say_what_is_lost(scripts: Sequence["Script"], exchanges: "Mapping[int, Exchange]", console: Console) -> None:
    for one in scripts:
        if one.without:
            missing = saved.listed(one.without, exchanges[one.id])
            console.note(f"#{one.id} is sent without {missing}, which the session does not hold")
            console.hint(_how_to_give(one.without))


def _how_to_give(names: Sequence[str]) -> str:
    given = [("-H", "headers", False), ("--path", "parameters", True)]
    ways = [f"pass {way} for {what}" for way, what, query in given if any((name[0] in "?;") is query for name in names)]
    return ", ".join(ways)


def _results(
    request: ReplayRequest,
    console: Console,
    scripts: Sequence["Script"],
    session: "SavedSession",
    unanswered: Callable[[StartError], object],
) -> Iterable["Exchange"]:
    """Yield what came of each script, as it comes; with progress on a terminal."""
    import asyncio

    from asgictl.inspector.client import replay_asgi as again
    from asgictl.inspector.client import replay_http
    from asgictl.inspector.record import quoted
    from asgictl.inspector.record.redaction import Redactor
    from asgictl.serving.processes import surroundings

    surroundings.check_loop("run it in a shell; from a notebook with `!asgictl session replay ...`")
    names, fields = _redacted(session, compared=request.diff), session.names("redacted_body")
    first_id = session.highest + 1
    redactor = Redactor(names, fields)
    console.hide = partial(quoted.raised, redactor)
    if request.to is not None:
        results = replay_http.to_server(request.to, scripts, request.timeout, first_id, redactor, unanswered)
    else:
        results = again.into_app(_driver(request, first_id, names, fields), scripts, unanswered)

    async def following() -> "Exchange | None":
        return await anext(results, None)

    with asyncio.Runner() as runner, console.progress("replayed", len(scripts)) as advance:
        while (new := runner.run(following())) is not None:
            advance()
            yield new


def _redacted(session: "SavedSession", *, compared: bool) -> Sequence[str]:
    """Return the names of what is left out: as in the session, or what it does not hold would be a difference.

    A file of another program says nothing of that.
    """
    from asgictl.inspector.record.redaction import NAMES

    return session.names("redacted") if compared or "redacted" in session.lists else NAMES


def _driver(request: ReplayRequest, first_id: int, names: Sequence[str], fields: Sequence[str]) -> "Driver":
    """Return a driver of the app that is named."""
    import os

    from asgictl import adapt, discovery
    from asgictl.inspector.client.driver import Driver

    ref = discovery.find(request.app, pyproject.current_folder(), os.environ, lambda _: None)
    how = adapt.Adaptation(interface=request.interface, factory=request.factory)
    app = adapt.adapt(ref, how).app
    return Driver(app, timeout=request.timeout, first_id=first_id, redact=names, redact_body=fields)


def _check(request: ReplayRequest) -> None:
    """Raise `ConfigError` for options that do not go together, or lead nowhere."""
    if (request.app is None) == (request.to is None):
        raise ConfigError("exactly one of `--app` and `--to` is needed", hint="pass --app APP or --to URL")
    if request.json and not request.diff:
        raise ConfigError("`--json` needs `--diff`", hint="add --diff, or pass --view json", option="json")
    if request.to is not None:
        server_url.check("to", request.to, yes=request.yes)


def _change(request: ReplayRequest) -> "Edit":
    """Return what is to be sent differently; raise `ConfigError` for what HTTP does not allow."""
    from asgictl.inspector.client.replay_script import Edit

    changed = []
    for text in request.header:
        pair = rfc9110.header(text)
        if pair is None:
            problem, hint = rfc9110.refusal(text, "write it as `Name: value`, or `Name:` to leave it out")
            raise ConfigError(f"`-H {text}` {problem}", hint=hint)
        changed.append((pair[0], pair[1] or None))
    method, target = request.method, request.path
    if method is not None and not rfc9110.is_token(method):
        raise ConfigError(f"`--method {method}` is not a method", hint="pass one like POST", option="method")
    if target is not None and (not target.startswith("/") or not target.isprintable() or " " in target):
        raise ConfigError(f"`--path {target}` is not a path", hint="pass one like /items?page=2", option="path")
    return Edit(method and method.upper(), target, tuple(changed), _body(request.body))


def _body(text: str | None) -> bytes | None:
    if text is None or not text.startswith("@"):
        return None if text is None else text.encode(errors="surrogateescape")
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise FileProblemError(f"cannot read `{text[1:]}`: {errors.reason(error)}", hint="pass --body @FILE") from error
