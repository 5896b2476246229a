"""Where the values of options come from, and what is said of wrong ones."""

import itertools
import os
from pathlib import Path
from typing import Any

import pytest
import typer.main

from asgictl import cli, option_types, settings
from asgictl.cli.serve.options import FORM
from asgictl.errors import ConfigError
from tests import answers
from tests.cli.test_cli import run
from tests.conftest import Write

PYPROJECT = "pyproject.toml"

# The sources of `--port`, highest first: what they are made of, their value, and how they are named.
PORT_SOURCES = {
    "command line": ({"arguments": ["--port", "1001"]}, 1001, "command line"),
    "variable": ({"variables": {"ASGICTL_SERVE_PORT": "1002"}}, 1002, "ASGICTL_SERVE_PORT"),
    "env file": ({"env_file": "ASGICTL_SERVE_PORT=1003\n"}, 1003, "ASGICTL_SERVE_PORT in .env"),
    "platform": ({"variables": {"PORT": "1004"}}, 1004, "PORT"),
    "profile": ({"profile": "port = 1005"}, 1005, "port in [tool.asgictl.serve.profiles.live] of pyproject.toml"),
    "file": ({"table": "port = 1006"}, 1006, "port in [tool.asgictl.serve] of pyproject.toml"),
    "default": ({}, 8000, "default"),
}
# The same for `--graceful-timeout`, which a bundle sets too.
GRACE_SOURCES = {
    "command line": ({"arguments": ["--graceful-timeout", "21"]}, 21, "command line"),
    "variable": ({"variables": {"ASGICTL_SERVE_GRACEFUL_TIMEOUT": "22"}}, 22, "ASGICTL_SERVE_GRACEFUL_TIMEOUT"),
    "profile": (
        {"profile": "graceful-timeout = 23"},
        23,
        "graceful-timeout in [tool.asgictl.serve.profiles.live] of pyproject.toml",
    ),
    "file": ({"table": "graceful-timeout = 24"}, 24, "graceful-timeout in [tool.asgictl.serve] of pyproject.toml"),
    "bundle": ({"arguments": ["--dev"]}, 1, "--dev"),
    "default": ({}, 8, "default"),
}
PAIRS = [
    *(("port", PORT_SOURCES, high, low) for high, low in itertools.combinations(PORT_SOURCES, 2)),
    *(("graceful-timeout", GRACE_SOURCES, high, low) for high, low in itertools.combinations(GRACE_SOURCES, 2)),
]


def printed(folder: Path, monkeypatch: pytest.MonkeyPatch, *sources: dict[str, Any]) -> dict[str, Any]:
    """Return what `--print-config --json` says with all of `sources` in place."""
    arguments, tables = ["serve", "demo", "--print-config", "--json"], ["[tool.asgictl.serve]\n"]
    for source in sources:
        arguments += source.get("arguments", [])
        for name, value in source.get("variables", {}).items():
            monkeypatch.setenv(name, value)
        if "env_file" in source:
            (folder / ".env").write_text(source["env_file"])
            arguments += ["--env-file", ".env"]
        if "table" in source:
            tables.insert(1, f"{source['table']}\n")
        if "profile" in source:
            arguments += ["--profile", "live"]
            tables.append(f"[tool.asgictl.serve.profiles.live]\n{source['profile']}\n")
    (folder / PYPROJECT).write_text("".join(tables))
    monkeypatch.chdir(folder)
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    data: dict[str, Any] = answers.result(result.stdout)
    return data


@pytest.mark.parametrize(("key", "sources", "high", "low"), PAIRS, ids=[f"{p[0]}: {p[2]} over {p[3]}" for p in PAIRS])
def test_the_higher_source_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, sources: dict[str, Any], high: str, low: str
) -> None:
    """Of two sources the higher one counts, and `--print-config` names it."""
    monkeypatch.delenv("ASGICTL_SERVE_PORT", raising=False)
    above, value, name = sources[high]

    # The lower one first, so that the order on the command line does not decide.
    assert printed(tmp_path, monkeypatch, sources[low][0], above)[key] == {"value": value, "source": name}


def options() -> dict[str, settings.Option]:
    """Return the options of `asgictl serve` by their keys."""
    command: Any = typer.main.get_command(cli.app)
    return {option.key: option for option in command.get_command(None, "serve").options}


EXAMPLES: dict[Any, tuple[str, Any]] = {bool: ("true", True), int: ("7", 7), float: ("7", 7.0), str: ("x", "x")}


def example(option: settings.Option) -> tuple[str, Any]:
    """Return a value for an option that is not its default: as text and as itself."""
    kind = option_types.kind(option.hint)
    if option.default is True:
        return "false", False
    if kind.base is str and kind.limits:
        return "7", "7"
    if kind.base not in EXAMPLES:
        last = kind.base.__args__[-1]
        return last, last
    text, value = EXAMPLES[kind.base]
    return text, (value,) if kind.many else value


@pytest.mark.parametrize("key", [key for key in options() if key not in {"app", "profile", "env-file", "uvicorn"}])
def test_every_option_has_a_variable_and_a_key(tmp_path: Path, key: str) -> None:
    """Each option can be set by its variable and in the file, unless it is an action."""
    option = options()[key]
    text, value = example(option)
    name = f"ASGICTL_SERVE_{key.upper().replace('-', '_')}"
    toml = text if text in {"true", "false"} or option_types.kind(option.hint).base in {int, float} else f'"{text}"'

    def resolved(environ: dict[str, str]) -> settings.Settings:
        known = list(options().values())
        return settings.resolve(
            "serve", known, {}, rules=FORM.rules, environ=environ, folder=tmp_path, note=lambda _: None
        )

    if not option.settable:
        with pytest.raises(ConfigError):
            resolved({name: text})
        return
    by_variable = resolved({name: text})[option.name]
    (tmp_path / PYPROJECT).write_text(f"[tool.asgictl.serve]\n{key} = {toml}\n")
    by_key = resolved({})[option.name]

    assert (by_variable.value, by_variable.source) == (value, name)
    is_path = option_types.Trait.PATH in option_types.kind(option.hint).marks
    at = (str(tmp_path / "x"),) if isinstance(value, tuple) else str(tmp_path / "x")
    assert by_key.value == (at if is_path else value)


WRONG = {
    "misspelt key": (
        "[tool.asgictl.serve]\nhots = 1\n",
        {},
        "there is no `hots` under `[tool.asgictl.serve]` in `{file}`",
        "did you mean `host`?",
    ),
    "misspelt table": (
        "[tool.asgictl.sreve]\nport = 1\n",
        {},
        "there is no `sreve` under `[tool.asgictl]` in `{file}`",
        "did you mean `serve`?",
    ),
    "app in the wrong table": (
        "[tool.asgictl.serve]\napp = 'x'\n",
        {},
        "there is no `app` under `[tool.asgictl.serve]` in `{file}`",
        "write `app` under `[tool.asgictl]`",
    ),
    "text for a number": (
        "[tool.asgictl.serve]\nport = '80'\n",
        {},
        "`port` under `[tool.asgictl.serve]` in `{file}`: it is a string, not an integer",
        "it stands for `--port`, see `--help`",
    ),
    "a boolean for a number": (
        "[tool.asgictl.serve]\nport = true\n",
        {},
        "`port` under `[tool.asgictl.serve]` in `{file}`: it is a boolean, not an integer",
        "it stands for `--port`, see `--help`",
    ),
    "out of range": (
        "[tool.asgictl.serve]\nport = 65536\n",
        {},
        "`port` under `[tool.asgictl.serve]` in `{file}`: 65536 is not between 0 and 65535",
        "it stands for `--port`, see `--help`",
    ),
    "a list of numbers": (
        "[tool.asgictl.serve]\nreload-dir = [1]\n",
        {},
        "`reload-dir` under `[tool.asgictl.serve]` in `{file}`: it is a list, not a list of strings",
        "it stands for `--reload-dir`, see `--help`",
    ),
    "wrong choice in a profile that is not used": (
        "[tool.asgictl.serve.profiles.live]\nlifespan = 'maybe'\n",
        {},
        "`lifespan` under `[tool.asgictl.serve.profiles.live]` in `{file}`: 'maybe' is not one of 'auto', 'on', 'off'",
        "it stands for `--lifespan`, see `--help`",
    ),
    "unknown profile": (
        "[tool.asgictl.serve.profiles.live]\n",
        {"ASGICTL_SERVE_PROFILE": "life"},
        "there is no profile `life` in `{file}`",
        "did you mean `live`?",
    ),
    "no profiles": (
        "",
        {"ASGICTL_SERVE_PROFILE": "live"},
        "there is no profile `live` in `{file}`",
        "write it as `[tool.asgictl.serve.profiles.live]`",
    ),
    "unknown variable": (
        "",
        {"ASGICTL_SERVE_PROT": "1"},
        "there is no variable `ASGICTL_SERVE_PROT`",
        "did you mean `ASGICTL_SERVE_PROD`?",
    ),
    "no number in a variable": (
        "",
        {"ASGICTL_SERVE_WORKERS": "many"},
        "the variable `ASGICTL_SERVE_WORKERS`: 'many' is not a valid integer or auto",
        "it stands for `--workers`, see `--help`",
    ),
    "no number from the platform": (
        "",
        {"PORT": "http"},
        "the variable `PORT`: 'http' is not a valid integer",
        "it stands for `--port`, see `--help`",
    ),
    "no boolean in a variable": (
        "",
        {"ASGICTL_SERVE_RELOAD": "maybe"},
        "the variable `ASGICTL_SERVE_RELOAD`: 'maybe' is not a boolean, true or false",
        "it stands for `--reload`, see `--help`",
    ),
    "no list in a variable": (
        "",
        {"ASGICTL_SERVE_RELOAD_DIR": "[1]"},
        "the variable `ASGICTL_SERVE_RELOAD_DIR`: '[1]' is not a list of strings",
        "it stands for `--reload-dir`, see `--help`",
    ),
    "two that exclude each other": (
        "[tool.asgictl.serve]\nreload = true\nworkers = 2\n",
        {},
        "`--reload` (reload in [tool.asgictl.serve] of pyproject.toml) and `--workers` (workers in"
        " [tool.asgictl.serve] of pyproject.toml) exclude each other",
        "drop one of them",
    ),
    "a table of its own that is none": (
        "[tool.asgictl.zebra]\n",
        {},
        "there is no `zebra` under `[tool.asgictl]` in `{file}`",
        "see `--help` for what there is, like `serve`",
    ),
    "a misspelt table with a dash": (
        "[tool.asgictl.gen-certs]\n",
        {},
        "there is no `gen-certs` under `[tool.asgictl]` in `{file}`",
        "did you mean `gen-cert`?",
    ),
    "a misspelt table of the inspector": (
        "[tool.asgictl.inspects]\n",
        {},
        "there is no `inspects` under `[tool.asgictl]` in `{file}`",
        "did you mean `inspect`?",
    ),
    "a misspelt table of the scaffold": (
        "[tool.asgictl.scafold]\n",
        {},
        "there is no `scafold` under `[tool.asgictl]` in `{file}`",
        "did you mean `scaffold`?",
    ),
    "a misspelt app": (
        "[tool.asgictl]\napps = 'x'\n",
        {},
        "there is no `apps` under `[tool.asgictl]` in `{file}`",
        "did you mean `app`?",
    ),
    "a key like the profile's": (
        "[tool.asgictl.serve]\nprofil = 'x'\n",
        {},
        "there is no `profil` under `[tool.asgictl.serve]` in `{file}`",
        "did you mean `prod`?",
    ),
    "a variable that is like none": (
        "",
        {"ASGICTL_SERVE_QQQQQQQQQQQQQQQQQQQQQQQQ": "1"},
        "there is no variable `ASGICTL_SERVE_QQQQQQQQQQQQQQQQQQQQQQQQ`",
        "see `--help` for what there is, like `ASGICTL_SERVE_PORT`",
    ),
    "an unknown profile of several": (
        "[tool.asgictl.serve.profiles.zebra]\n[tool.asgictl.serve.profiles.live]\n",
        {"ASGICTL_SERVE_PROFILE": "q"},
        "there is no profile `q` in `{file}`",
        "see `--help` for what there is, like `live`",
    ),
    "a list in JSON that is none": (
        "",
        {"ASGICTL_SERVE_RELOAD_DIR": "[1"},
        "the variable `ASGICTL_SERVE_RELOAD_DIR`: '[1' is not a list in JSON",
        "it stands for `--reload-dir`, see `--help`",
    ),
    "a path with a NUL": (
        '[tool.asgictl.serve]\nssl-certfile = "a\\u0000b"\n',
        {},
        "`ssl-certfile` under `[tool.asgictl.serve]` in `{file}`: 'a\\x00b' holds a NUL character",
        "it stands for `--ssl-certfile`, see `--help`",
    ),
    "a NUL in one of many": (
        '[tool.asgictl.serve]\nreload-dir = ["a", "a\\u0000b"]\n',
        {},
        "`reload-dir` under `[tool.asgictl.serve]` in `{file}`: 'a\\x00b' holds a NUL character",
        "it stands for `--reload-dir`, see `--help`",
    ),
    "half of a character": (
        "",
        {"ASGICTL_SERVE_RELOAD_DIR": '["\\ud800"]'},
        "the variable `ASGICTL_SERVE_RELOAD_DIR`: '\\ud800' holds half of a character",
        "it stands for `--reload-dir`, see `--help`",
    ),
    "an env file in a profile": (
        "[tool.asgictl.serve.profiles.live]\nenv-file = 'x'\n",
        {},
        "there is no `env-file` under `[tool.asgictl.serve.profiles.live]` in `{file}`",
        "write it outside of the profiles, or pass --env-file",
    ),
    "a profile in the file": (
        "[tool.asgictl.serve]\nprofile = 'x'\n",
        {},
        "there is no `profile` under `[tool.asgictl.serve]` in `{file}`",
        "pass --profile, or set ASGICTL_SERVE_PROFILE",
    ),
    "a header that is none": (
        "[tool.asgictl.serve]\nheader = ['bad']\n",
        {},
        "`bad` is not a header (header in [tool.asgictl.serve] of pyproject.toml)",
        "write it as `Name: value`",
    ),
    "a template that is none": (
        "",
        {"ASGICTL_SERVE_ACCESS_LOG_FORMAT": "{pth}"},
        "there is no `{{pth}}` for `--access-log-format` (ASGICTL_SERVE_ACCESS_LOG_FORMAT)",
        "did you mean `{path}`?",
    ),
    "uvicorn has no such argument": (
        "[tool.asgictl.serve.uvicorn]\nws_max_que = 1\n",
        {},
        "uvicorn {uvicorn} has no argument `ws_max_que` (ws_max_que in [tool.asgictl.serve.uvicorn] of pyproject.toml)",
        "did you mean `-X ws_max_queue=1`?",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_configuration(write: Write, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """What is wrong ends with 2, names its file and key or its variable, and suggests."""
    import uvicorn

    text, variables, message, hint = WRONG[case]
    folder = write({PYPROJECT: text})
    monkeypatch.chdir(folder)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    result = run("serve", "demo", "--dry-run")

    said = [f"error: {message.format(file=folder / PYPROJECT, uvicorn=uvicorn.__version__)}", f"hint: {hint}"]
    assert (result.exit_code, result.stderr.splitlines()) == (2, said)


# What Kubernetes sets for a Service with two ports, and Docker for a link to a container.
KUBERNETES = {
    "SERVICE_HOST": "10.0.0.1",
    "SERVICE_PORT": "80",
    "SERVICE_PORT_HTTP": "80",
    "SERVICE_PORT_METRICS_UDP": "9000",
    "PORT": "tcp://10.0.0.1:80",
    "PORT_80_TCP": "tcp://10.0.0.1:80",
    "PORT_80_TCP_PROTO": "tcp",
    "PORT_80_TCP_PORT": "80",
    "PORT_80_TCP_ADDR": "10.0.0.1",
    "PORT_9000_UDP": "udp://[fd00::1]:9000",
    "PORT_9000_UDP_ADDR": "fd00::1",
    "PORT_3868_SCTP": "sctp://10.0.0.1:3868",
}
DOCKER = {
    "NAME": "/web/asgictl-serve",
    "PORT": "tcp://172.17.0.5:8000",
    "PORT_8000_TCP_PORT_START": "8000",
    "PORT_8000_TCP_END": "8001",
    "ENV_LANG": "C.UTF-8",
}
LINKS = [
    *((command, "") for command in ("serve", "inspect", "gen-cert", "scaffold")),
    *(("serve", service) for service in ("WEB_", "NEXT_", "WEB_SERVER_")),
]


@pytest.mark.parametrize("variables", [KUBERNETES, DOCKER])
@pytest.mark.parametrize(("command", "service"), LINKS)
def test_service_links(tmp_path: Path, variables: dict[str, str], command: str, service: str) -> None:
    """What Kubernetes and Docker set for a service that is called like a command sets no option, and is no mistake."""
    prefix = f"ASGICTL_{command.upper().replace('-', '_')}_{service}"
    parsed: Any = typer.main.get_command(cli.app)
    form: Any = parsed.get_command(None, command)
    environ = {f"{prefix}{name}": value for name, value in variables.items()}

    found = settings.resolve(
        command, form.options, {}, rules=form.form.rules, environ=environ, folder=tmp_path, note=pytest.fail
    )

    assert {setting.source for setting in found.values()} == {"default"}


NO_LINKS = {
    "ASGICTL_SERVE_PROT": "tcp://10.0.0.1:80",
    "ASGICTL_SERVE_WORKER": "4",
    "ASGICTL_SERVE_API_PORT": "8000",
    "ASGICTL_SERVE_ENV_FIEL": ".env",
    "ASGICTL_SERVE_NAME": "web",
}


@pytest.mark.parametrize("name", NO_LINKS)
def test_what_is_no_service_link(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A name that is only like one is a mistake as before."""
    monkeypatch.setenv(name, NO_LINKS[name])

    assert run("serve", "demo", "--dry-run").stderr.splitlines()[0] == f"error: there is no variable `{name}`"


def test_a_link_in_an_env_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a file of the user's own it is the user's mistake."""
    monkeypatch.chdir(write({".env": "ASGICTL_SERVE_PORT=tcp://10.0.0.1:80\n"}))

    result = run("serve", "demo", "--env-file", ".env", "--dry-run")

    assert (result.exit_code, result.stderr.splitlines()[1]) == (2, "hint: it stands for `--port`, see `--help`")


ENV_FILES = {
    "missing": (None, "there is no file `.env`", "pass --env-file with a file"),
    "a folder": ("folder", "cannot read `.env`: Is a directory", None),
    "not text": (b"A=\xff\xfe", "cannot read `.env`: it is not UTF-8", None),
    "a null byte": (
        b"A=1\nB=\0\n",
        "line 2 of `.env` is not `NAME=value`",
        "put it right, or make it a comment with #",
    ),
    "broken": (
        b"A=1\nB='\n",
        "line 2 of `.env` is not `NAME=value`",
        "put it right, or make it a comment with #",
    ),
}


@pytest.mark.parametrize("case", ENV_FILES)
def test_wrong_env_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """An env file that cannot be used ends with 4, and names the file and the line."""
    content, message, hint = ENV_FILES[case]
    if content == "folder":
        (tmp_path / ".env").mkdir()
    elif isinstance(content, bytes):
        (tmp_path / ".env").write_bytes(content)
    monkeypatch.chdir(tmp_path)

    result = run("serve", "--env-file", ".env", "--print-config")

    lines = [f"error: {message}", *([f"hint: {hint}"] if hint else [])]
    assert (result.exit_code, result.stderr.splitlines()) == (4, lines)


def test_an_explicit_default_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--port 8000` is said explicitly, though 8000 is the default too."""
    (tmp_path / PYPROJECT).write_text("[tool.asgictl.serve]\nuds = 'web.sock'\n")
    monkeypatch.chdir(tmp_path)

    result = run("serve", "demo", "--port", "8000", "--print-config", "--json")

    data = answers.result(result.stdout)
    assert (data["uds"]["value"], data["port"]["source"]) == (None, "command line")
    said = "`--uds` (uds in [tool.asgictl.serve] of pyproject.toml) gives way to `--port` (command line)"
    assert result.stderr == f"note: {said}\n"


def test_dev_is_not_taken_away_by_the_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `--dev` stands for counts more than what a platform sets for all apps."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEB_CONCURRENCY", "4")

    result = run("serve", "demo", "--dev", "--print-config", "--json")

    data = answers.result(result.stdout)
    assert (data["reload"]["value"], data["workers"]["value"]) == (True, "1")
    assert result.stderr == "note: `--workers` (WEB_CONCURRENCY) gives way to `--reload` (--dev)\n"


def test_env_files(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later env file counts more than an earlier one, and what is set already stays."""
    folder = write({"a": "ASGICTL_SERVE_HOST=::\nASGICTL_SERVE_PORT=1\n", "b": "ASGICTL_SERVE_PORT=2\nTAKEN=new\n"})
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TAKEN", "old")

    result = run("serve", "demo", "--env-file", "a", "--env-file", "b", "--print-config", "--json")

    data = answers.result(result.stdout)
    assert [data[key]["value"] for key in ("host", "port")] == ["::", 2]
    assert os.environ["TAKEN"] == "old"


def test_env_files_are_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An env file is UTF-8 wherever it is read, also with a mark at its beginning; an empty value sets nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("\ufeffASGICTL_SERVE_HOST=b\xfccher.test\nASGICTL_SERVE_PORT=\nNO_VALUE\n", "utf-8")
    monkeypatch.setenv("ASGICTL_SERVE_HOST", "")
    monkeypatch.setattr("locale.getpreferredencoding", lambda *_: "ascii")

    result = run("serve", "demo", "--env-file", ".env", "--print-config", "--json")

    data = answers.result(result.stdout)
    assert data["host"] == {"value": "b\xfccher.test", "source": "ASGICTL_SERVE_HOST in .env"}
    assert data["port"] == {"value": 8000, "source": "default"}
    assert "NO_VALUE" not in os.environ


def test_a_profile_without_a_project_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no file, the error for a profile says so."""
    monkeypatch.chdir(tmp_path)

    result = run("serve", "demo", "--profile", "live", "--dry-run")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "error: there is no profile `live`: there is no pyproject.toml",
        "hint: write it as `[tool.asgictl.serve.profiles.live]`",
    ]


def test_a_wrong_argument_for_uvicorn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-X` without a value says how it is written."""
    monkeypatch.chdir(tmp_path)

    result = run("serve", "demo", "-X", "ws_max_queue", "--dry-run")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "error: `-X ws_max_queue` has no value",
        "hint: write it as `-X ws_max_queue=value`",
    ]


def test_explicit_choices_overrule_a_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--dev` gives way to what is said explicitly: workers instead of its reload."""
    data = printed(tmp_path, monkeypatch, {"arguments": ["--dev", "--workers", "2"]})

    assert data["reload"] == {"value": False, "source": "default"}
    assert data["workers"] == {"value": "2", "source": "command line"}
    assert data["next-port"] == {"value": True, "source": "--dev"}


def test_uvicorns_arguments_are_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-X` adds to the table of the file, and counts more; secrets are not shown."""
    data = printed(
        tmp_path,
        monkeypatch,
        {"table": "ssl-keyfile-password = 'geheim'\nuvicorn = {ws_max_queue = 1, ws-per-message-deflate = false}"},
        {
            "arguments": [
                "-X",
                "ws_max_queue=2",
                "-X",
                " h11-max-incomplete-event-size =3",
                "-X",
                "ssl_keyfile_password=x",
            ]
        },
        {"arguments": ["-X", "loop=1", "-X", "loop=2"], "profile": "uvicorn = {ws_max_queue = 9, loop = 'x'}"},
    )

    said = "command line"
    assert {key: value for key, value in data.items() if key.startswith("uvicorn.")} == {
        "uvicorn.ws_max_queue": {"value": "2", "source": said},
        "uvicorn.h11_max_incomplete_event_size": {"value": "3", "source": said},
        "uvicorn.ssl_keyfile_password": {"value": "***", "source": said},
        "uvicorn.loop": {"value": "2", "source": said},
        "uvicorn.ws_per_message_deflate": {
            "value": False,
            "source": "ws-per-message-deflate in [tool.asgictl.serve.uvicorn] of pyproject.toml",
        },
    }
    assert data["ssl-keyfile-password"]["value"] == "***"


def test_print_config_as_a_table(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table begins with the app and how it was found."""
    monkeypatch.chdir(write({"main.py": "async def app(scope, receive, send): ...\n"}))

    lines = run("serve", "--print-config", "--header", "A: 1").stdout.splitlines()

    assert lines[0].split(maxsplit=2) == ["app", "main:app", "found in main.py, line 1"]
    assert [line.split(maxsplit=1)[1] for line in lines if line.startswith("header ")] == ["A: 1       command line"]
    assert len(lines) == len([option for option in options().values() if option.settable])  # no `uvicorn`, but `app`


FLASK = "from flask import Flask\nweb = Flask(__name__)\n"
DRY = {
    "Flask": (["flasky:web"], "uvicorn flasky:web --interface wsgi --timeout-graceful-shutdown 8"),
    "a Flask factory": (
        ["tut:create_app"],
        "uvicorn tut:create_app --factory --interface wsgi --timeout-graceful-shutdown 8",
    ),
    "a FastAPI factory": (["tut:make_api"], "uvicorn tut:make_api --factory --timeout-graceful-shutdown 8"),
    "an unknown factory": (["tut:make_app"], "uvicorn tut:make_app --factory --timeout-graceful-shutdown 8"),
    "arguments": (
        ["tut:make_app('dev')"],
        "uvicorn tut:make_app --factory --timeout-graceful-shutdown 8",
    ),
    "plain": ([], "uvicorn main:app --timeout-graceful-shutdown 8"),
    "many": (
        [*("--workers", "3", "--header", "A: b c", "--no-server-header", "--no-access-log", "--root-path", "/api")],
        "uvicorn main:app --workers 3 --no-access-log --no-server-header --root-path /api"
        " --timeout-graceful-shutdown 8 --header 'A:b c'",
    ),
    "reload": (
        ["--dev", "--reload-include", "*.html"],
        "uvicorn main:app --reload --reload-dir {folder} --reload-include '*.html' --timeout-graceful-shutdown 1",
    ),
    "socket": (
        ["--uds", "a b"],
        "uvicorn main:app --uds 'a b' --forwarded-allow-ips '*' --timeout-graceful-shutdown 8",
    ),
    "not ours": (
        ["-X", "ws_per_message_deflate=false", "-X", "reset_contextvars=true", "--forwarded-allow-ips", "*"],
        "uvicorn main:app --ws-per-message-deflate false --forwarded-allow-ips '*' --reset-contextvars"
        " --timeout-graceful-shutdown 8",
    ),
}


FACTORIES = """
from flask import Flask
from fastapi import FastAPI
from elsewhere import build
def create_app():
    app = Flask(__name__)
    return app
def make_api():
    return FastAPI()
def make_app(kind="prod"):
    return build(kind)
"""
UNSURE = "note: only the import tells whether the app is a WSGI app: if so, add --interface wsgi\n"
SAID = {
    "reload": "note: uvicorn has nothing for --next-port, --show-errors\n",
    "socket": "note: uvicorn has nothing for --uds-mode\n",
    "an unknown factory": UNSURE,
    "arguments": f"note: uvicorn has nothing for the factory's arguments\n{UNSURE}",
}


@pytest.mark.parametrize("case", DRY)
def test_dry_run(write: Write, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """`--dry-run` prints the same server as a command line for uvicorn, which takes it."""
    import shlex

    import uvicorn

    folder = write({"main.py": "async def app(scope, receive, send): ...\n", "flasky.py": FLASK, "tut.py": FACTORIES})
    monkeypatch.chdir(folder)
    arguments, line = DRY[case]

    result = run("serve", "--dry-run", *arguments)

    assert result.exit_code == 0
    assert result.stderr == SAID.get(case, "")
    words = shlex.split(result.stdout)
    assert sorted(words) == sorted(shlex.split(line.format(folder=folder)))
    uvicorn.main.make_context("uvicorn", words[1:])


# Variables with values that only fail when they are used, and what is said of them.
USED: dict[str, tuple[str, str]] = {
    "SERVE_SSL_CERTFILE": ("x.pem", "`x.pem` does not exist"),
    "SERVE_LOG_CONFIG": ("no.yaml", "there is no file `no.yaml`"),
    "SERVE_ENV_FILE": ("no.env", "there is no file `no.env`"),
    "SERVE_UVICORN": ("nope", "`-X nope` has no value"),
    "SERVE_FD": ("99", "the descriptor 99 is not a socket: Bad file descriptor"),
    "INSPECT_RESPOND_FILE": ("no.txt", "cannot read `no.txt`: No such file or directory"),
    "INSPECT_SAVE": ("no/s.jsonl", "cannot save to `no/s.jsonl`: No such file or directory"),
}


@pytest.mark.parametrize("name", USED)
def test_a_value_that_fails_names_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Also what is wrong only when it is used names the variable, or the file and key, that it comes from."""
    monkeypatch.chdir(tmp_path)
    value, problem = USED[name]
    monkeypatch.setenv(f"ASGICTL_{name}", value)
    command = name.partition("_")[0].lower()

    words = ["demo"] if command == "serve" or name == "INSPECT_SAVE" else []
    result = run(command, *words, "--port", "0") if name != "SERVE_FD" else run(command, *words)

    assert result.exit_code in {2, 3, 4}
    assert result.stderr.splitlines()[0] == f"error: {problem} (ASGICTL_{name})"


def test_a_value_that_fails_names_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that a file names is looked for beside that file, which the error says."""
    (tmp_path / "sub").mkdir()
    (tmp_path / PYPROJECT).write_text("[tool.asgictl.serve]\nssl-certfile = 'x.pem'\n")
    monkeypatch.chdir(tmp_path / "sub")

    result = run("serve", "demo")

    assert result.stderr.splitlines() == [
        f"error: `{tmp_path}/x.pem` does not exist (ssl-certfile in [tool.asgictl.serve] of {tmp_path}/pyproject.toml)",
        "hint: see that it is there",
    ]
