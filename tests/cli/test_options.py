"""Every option of every command: its value arrives where it counts, from each source, and changes nothing else."""

import ast
import datetime as dt
import logging
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

import asgictl
import asgictl.scaffold.detect
import asgictl.scaffold.plan
from asgictl import adapt, cli, option_types
from asgictl.certs import issue, keys, names
from asgictl.cli import gen_cert, scaffold, views
from asgictl.cli.command import Invocation
from asgictl.cli.gen_cert import check as cert_check
from asgictl.cli.gen_cert import make, phone, trust
from asgictl.cli.scaffold import check, verify
from asgictl.cli.session import saved
from asgictl.inspector import echo, watch
from asgictl.inspector.client import driver, replay_asgi, replay_http, replay_script
from asgictl.inspector.comparison import differences
from asgictl.inspector.exchange import Exchange
from asgictl.inspector.probing import watchdog
from asgictl.inspector.probing.tried import ProbeOutcome
from asgictl.inspector.record import Finding, Opened
from asgictl.inspector.reports import judgement
from asgictl.inspector.rules import conduct, tally
from asgictl.inspector.sessions import archives, session_file, shell_commands
from asgictl.inspector.show import live
from asgictl.option_types import Trait
from asgictl.scaffold.request import ScaffoldRequest
from asgictl.serving import launch
from asgictl.serving.app.access_log import AccessLog
from asgictl.serving.instructions import Instructions
from asgictl.serving.request import ServeRequest
from asgictl.serving.sockets.listen import Bind
from asgictl.serving.tls import TlsRequest
from tests.cli import option_rows
from tests.cli.option_rows import ABSENT, Row
from tests.inspector import recordings

NOTHING = ProbeOutcome((), 0, (), None, (), hangs=False, problem=None)
WARNING = judgement.Breach(
    conduct.RETURNS,
    Finding(0, 0, 0.0, "A-011", "warning", "app", "an object"),
    judgement.Seen("GET /", Exchange(Opened(0, 0.0, {"type": "http"}))),
    1,
)


class Calls:
    """What a command calls in the end, instead of doing it: the arguments of each function."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.seen: dict[str, Any] = {}

    def of(self, owner: Any, name: str, *arguments: str, answer: Any = 0) -> None:
        """Take note of those arguments of a function that have a name here."""

        def note(*given: Any, **named: Any) -> Any:
            found = {**dict(zip(arguments, given, strict=False)), **named}
            self.seen[name] = {key: it for key, it in found.items() if key and key != "started"}
            return answer(*given, **named) if callable(answer) else answer

        self._monkeypatch.setattr(owner, name, note)


def parts_of(value: Any) -> Any:
    """Return the parts of a value that has some, by their names; else the value, or what it is called."""
    if isinstance(value, Invocation):
        return {"console": value.console}
    if isinstance(value, Mapping) or hasattr(value, "_asdict"):
        return dict(value) if isinstance(value, Mapping) else value._asdict()
    if isinstance(value, Path):
        return str(value).replace(str(Path.cwd()), "{folder}")
    match type(value).__name__:
        case "Console" | "Banner" | "CheckReport" as kind:
            kept = {name.strip("_"): it for name, it in vars(value).items()}
            told = {
                name: it
                for name, it in kept.items()
                if name in {"console", "style"} or (isinstance(it, bool | str | None) and name != "json_for")
                for name, it in kept.items()
                if name in {"console", "style"} or (isinstance(it, bool | str | None) and name != "json_for")
            }
            return {"kind": kind, **told}
        case kind if type(value).__module__.startswith("asgictl.") or callable(value):
            return getattr(value, "__qualname__", kind)
    return getattr(value, "pattern", value)


def changed(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what differs, each with its path: what is there afterwards."""
    old, new = parts_of(before), parts_of(after)
    if isinstance(new, dict):
        old = old if isinstance(old, dict) else {}
        for name in {**old, **new}:
            yield from changed(old.get(name, ABSENT), new.get(name, ABSENT), f"{path}.{name}".removeprefix("."))
    elif old != new:
        yield path, [parts_of(it) for it in new] if isinstance(new, list | tuple) else new


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pair: tuple[bytes, bytes]) -> Callable[..., dict[str, Any]]:
    """Run a command in a small folder up to what it does; return what it calls, and the beginning of what it says."""
    monkeypatch.chdir(tmp_path)
    for name, content in {
        **option_rows.FILES,
        "both.pem": b"".join(pair),
        "ca.pem": pair[0],
        "cert.key": pair[1],
    }.items():
        (tmp_path / name).write_bytes(content)
    for name in ("both.pem", "cert.key"):
        (tmp_path / name).chmod(0o600)
    (tmp_path / "other").mkdir()
    file = session_file.SessionFile(tmp_path / "s.jsonl", about={}, limit=10**6, note=print)
    for record in recordings.REQUEST:
        file(record)
    file.close()

    def call(*words: str) -> dict[str, Any]:
        with monkeypatch.context() as context:
            calls = Calls(context)
            spy(calls)
            context.setattr(logging.getLogger("uvicorn.error"), "filters", [])
            before = dict(os.environ)
            result = CliRunner().invoke(cli.app, words, "secret\n", prog_name="asgictl", catch_exceptions=False)
            os.environ.clear()
            os.environ.update(before)
        said = {"stdout": result.stdout.partition("\n")[0][:60], "stderr": result.stderr.partition("\n")[0]}
        return {**calls.seen, "status": result.exit_code, **said}

    return call


@pytest.fixture(scope="module")
def pair() -> tuple[bytes, bytes]:
    """Return a certificate and its key."""
    key = keys.generate("ec256")
    made = issue.server(names.parse(("localhost",)), key, dt.timedelta(days=1), dt.datetime.now(dt.UTC), None)
    return made.pem(), keys.pem(key, None)


def spy(calls: Calls) -> None:
    """Put a note in the place of everything that the commands do."""

    def launched(_plan: object, _reporter: object, wrap: Any = None) -> int:
        if getattr(wrap, "__name__", "") == "wrap":
            wrap("the app")
        return 0

    async def answers(*_: Any) -> AsyncIterator[Any]:
        yield SimpleNamespace(opened=SimpleNamespace(replay_of=7), records=list)

    calls.of(launch, "launch", "plan", "reporter", "wrap", answer=launched)
    calls.of(watch, "Inspector", "app")
    calls.of(echo, "Echo", "answer")
    calls.of(watch, "SessionFile", "file", answer=SimpleNamespace(next_id=0, close=lambda: None))
    calls.of(tally.Tally, "reaches", "", "threshold", answer=False)
    calls.of(live, "Live", "view", "wanted", answer=SimpleNamespace(close=lambda *_: None))
    calls.of(make, "server", "console", "pair", "order")
    calls.of(make, "client", "", "name", "pair", "order")
    calls.of(make, "sign", "", "request", "target", "order")
    calls.of(cert_check, "check", "", "pair", "password")
    calls.of(trust, "trust", "", "pair", "order", "request")
    calls.of(trust, "untrust", "", "stores")
    calls.of(trust, "tell_of_root", "")
    calls.of(gen_cert, "_is_root", answer=True)
    calls.of(trust, "show", "", "", "")
    calls.of(phone, "phone", "", "pair", "host", "where")
    calls.of(asgictl.scaffold.detect, "detect", "request", answer=SimpleNamespace(notes=[], root=Path()))
    calls.of(asgictl.scaffold.plan, "plan", "", "", answer=[])
    calls.of(scaffold, "_write", "run", "flags")
    calls.of(scaffold, "_print_one", "", "", "", "name")
    calls.of(check, "check", "console")
    calls.of(verify, "verify", "console")
    calls.of(views, "show", "console", "", "wanted", "", "name", answer=True)
    calls.of(views, "view_of", "name")
    calls.of(saved, "print_differences", "console")
    calls.of(archives, "written", answer=["{}"])
    calls.of(shell_commands, "curl", answer=shell_commands.CommandLine("a command", ()))
    calls.of(shell_commands, "httpie", answer=shell_commands.CommandLine("another command", ()))
    calls.of(replay_script, "script", "", "change", answer=SimpleNamespace(without=(), id=7))
    calls.of(replay_asgi, "into_app", "driver", answer=answers)
    calls.of(replay_http, "to_server", "to", "", "timeout", answer=answers)
    calls.of(driver, "Driver", "app")
    calls.of(adapt, "adapt", "ref", "how", answer=SimpleNamespace(app="the app", source="theirs", kind="ASGI"))
    calls.of(watchdog, "probed", "order", answer=NOTHING)
    calls.of(judgement, "faults", "", "ignore", "blames", answer=((WARNING,), {}, 0))
    calls.of(differences, "of_answers", answer=[])


def commands_of(group: Any, *above: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command with its words."""
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if hasattr(command, "list_commands"):
            yield from commands_of(command, *above, name)
        else:
            yield (*above, name), command


COMMANDS = {" ".join(words): command for words, command in commands_of(typer.main.get_group(cli.app))}


def options_of(command: Any) -> dict[str, Any]:
    """Return the options of a command, each with what `asgictl.settings` knows of it."""
    arguments = {param.name for param in command.params if param.param_type_name == "argument"}
    return {option.key: option for option in command.options if option.name not in arguments}


def rows() -> Iterator[tuple[str, str, Row]]:
    """Yield command, option and row."""
    for name, table in option_rows.TABLES.items():
        for key, row in table.items():
            yield name, key, row


def test_every_option_has_a_row() -> None:
    """No option of any command is left out below."""
    assert {name: set(table) for name, table in option_rows.TABLES.items()} == {
        name: set(options_of(command)) for name, command in COMMANDS.items()
    }


REQUESTS = {request for command in COMMANDS.values() for request in command.requests}

# Fields that are read by their keys: by the source of all values, and for the console.
BY_KEY = {"dev", "profile", "env_file", "traceback"}


def read_in(file: Path) -> Iterator[str]:
    """Yield the names that a file reads of some value."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_field_is_an_option_and_is_read() -> None:
    """No field of a request is without an option in some command, and none without a use."""
    package = Path(asgictl.__file__).parent
    read = {name for file in package.rglob("*.py") if file.name != "options.py" for name in read_in(file)}
    offered = {option.name for command in COMMANDS.values() for option in command.options}
    fields = {field for request in REQUESTS for field in request._fields}
    for template in (package / "scaffold" / "templates").glob("*.j2"):
        read |= set(re.findall(r"\{\{ (\w+)", template.read_text(encoding="utf-8")))

    assert fields == offered
    assert fields - read <= BY_KEY


# Values further down that have a default too, and the fields that hold another form of the option there.
BELOW: dict[type[Any], set[str]] = {
    Bind: {"uds_mode"},
    adapt.Adaptation: set(),
    AccessLog: set(),
    Instructions: {"access_log"},
    TlsRequest: {"client_cert", "tls_min"},
}


@pytest.mark.parametrize("value", BELOW, ids=lambda value: value.__name__)
def test_a_default_is_the_same_everywhere(value: Any) -> None:
    """What a value has for a field that is an option is the option's default."""
    usual = ServeRequest._field_defaults
    own = {field: it for field, it in value._field_defaults.items() if field in usual and field not in BELOW[value]}

    assert own == {field: usual[field] for field in own}


def test_containers_serve_as_the_desk_does() -> None:
    """The port and the time for a stop are the same in a container."""
    assert (ScaffoldRequest().port, ScaffoldRequest().graceful) == (
        ServeRequest().port,
        ServeRequest().graceful_timeout,
    )


def sources(name: str, key: str, row: Row) -> dict[str, tuple[list[str], dict[str, str], str]]:
    """Return the ways to give the option its value: words, variables and a file."""
    option, typed = options_of(COMMANDS[name])[key], f"--{'no-' if row.off else ''}{key}"
    ways: dict[str, tuple[list[str], dict[str, str], str]] = {
        "command line": ([typed, *([] if row.value is None else [row.value])], {}, "")
    }
    if not COMMANDS[name].form.configurable or not option.settable:
        return ways
    text = row.value if row.value is not None else str(not row.off).lower()
    ways["variable"] = ([], {f"ASGICTL_{name}_{key}".upper().replace("-", "_"): text}, "")
    if key != "profile" and Trait.MACHINE not in option_types.kind(option.hint).marks:
        toml = text if row.value is None or text.isdigit() else f"'{text}'"
        toml = f"['{text}']" if option_types.kind(option.hint).many else toml
        ways["file"] = ([], {}, f"[tool.asgictl.{name}]\n{key} = {row.toml or toml}\n")
    return ways


@pytest.mark.parametrize(("name", "key", "row"), list(rows()), ids=lambda it: it if isinstance(it, str) else "")
def test_an_option_arrives(
    called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, name: str, key: str, row: Row
) -> None:
    """On the command line, from a variable and from the file an option does the same, and that alone."""
    words = [*name.split(), *(row.alone or option_rows.BESIDE.get(name, ())), *row.beside]
    Path("pyproject.toml").write_text(option_rows.PYPROJECT)
    before = called(*words)
    for source, (more, variables, file) in sources(name, key, row).items():
        with monkeypatch.context() as context:
            for variable, text in variables.items():
                context.setenv(variable, text)
            Path("pyproject.toml").write_text(file + option_rows.PYPROJECT)

            after = called(*words, *more)

        assert (source, dict(changed(before, after))) == (source, row.changes)
