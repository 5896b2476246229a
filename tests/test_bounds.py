"""What the files of a repository may say: nothing of the user's machine, and no place outside to write to."""

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pytest
import typer.main

from asgictl import cli, option_types, settings
from asgictl.certs import authority
from asgictl.certs.names import Constraints
from asgictl.option_types import Trait
from asgictl.serving import tls
from asgictl.serving.plan import ServePlan
from tests.cli.test_cli import run
from tests.conftest import Write

# Options that name a file which is read, or a folder that is watched, and nothing else.
READ = {
    "serve": {"env-file", "log-config", "reload-dir", "ssl-certfile", "ssl-keyfile", "client-ca"},
    "inspect": {"env-file", "log-config", "ssl-certfile", "ssl-keyfile", "client-ca"},
    "gen-cert": set[str](),
    "scaffold": {"requirements"},
}
MACHINE = [("gen-cert", "ca-permit", "'com'"), ("gen-cert", "store", "['java']"), ("gen-cert", "group", "1000")]
MACHINE += [("inspect", "no-redact", "true")]
INSIDE = [
    *(("gen-cert", key) for key in ("out", "cert-file", "key-file", "p12")),
    *(("inspect", key) for key in ("save", "respond-file", "uds")),
    ("serve", "uds"),
]


def marked(trait: Trait) -> dict[str, set[str]]:
    """Return the options of each command that have a trait, and that a file can set."""
    group: Any = typer.main.get_command(cli.app)
    return {
        name: {
            option.key
            for option in group.get_command(None, name).options
            if option.settable and trait in option_types.kind(option.hint).marks
        }
        for name in READ
    }


def test_which_options_are_bounded() -> None:
    """A path is one that is read, or one that a repository keeps inside; what is the machine's has a test below."""
    assert marked(Trait.MACHINE) == {name: {key for command, key, _ in MACHINE if command == name} for name in READ}
    inside = marked(Trait.INSIDE)
    assert inside == {name: {key for command, key in INSIDE if command == name} for name in READ}
    assert {name: keys - inside[name] for name, keys in marked(Trait.PATH).items()} == READ


@pytest.mark.parametrize(("command", "key", "value"), MACHINE, ids=[key for _, key, _ in MACHINE])
@pytest.mark.parametrize("profile", ["", ".profiles.mine"], ids=["table", "profile"])
def test_what_concerns_the_machine(
    write: Write, monkeypatch: pytest.MonkeyPatch, command: str, key: str, value: str, profile: str
) -> None:
    """A repository does not decide it: the command is refused, and says where that stands and what to pass."""
    table = f"tool.asgictl.{command}{profile}"
    folder = write({"pyproject.toml": f"[{table}]\n{key} = {value}\n"})
    monkeypatch.chdir(folder)

    result = run(command)

    assert (result.exit_code, result.stdout) == (2, "")
    variable = f"ASGICTL_{command}_{key}".upper().replace("-", "_")
    place = f"`{key}` under `[{table}]` in `{folder}/pyproject.toml`"
    assert result.stderr.splitlines() == [
        f"error: {place} concerns your machine, which no project decides",
        f"hint: drop it; if you want it, pass --{key}, or set {variable}",
    ]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("force", "drop it: `force` is for the command line alone"),
        ("trust", "drop it: `trust` is for the command line alone"),
        ("stores", "see `--help` for what there is, like `names`"),
        ("day", "did you mean `days`?"),
    ],
)
def test_suggestions(write: Write, monkeypatch: pytest.MonkeyPatch, key: str, hint: str) -> None:
    """Nothing is suggested that would be refused in its turn."""
    folder = write({"pyproject.toml": f"[tool.asgictl.gen-cert]\n{key} = true\n"})
    monkeypatch.chdir(folder)

    assert run("gen-cert").stderr.splitlines() == [
        f"error: there is no `{key}` under `[tool.asgictl.gen-cert]` in `{folder}/pyproject.toml`",
        f"hint: {hint}",
    ]


def printed(*arguments: str) -> tuple[int, str]:
    """Return the status of `inspect --print-config`, and its first line on stderr or what it says of no-redact."""
    result = run("inspect", "demo", "--print-config", *arguments)
    said = [line.split()[1:] for line in result.stdout.splitlines() if line.startswith("no-redact")]
    return result.exit_code, " ".join(said[0]) if said else result.stderr.splitlines()[0]


def test_env_files(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of variables says no more than the file that names it; what the user names, or exports, counts."""
    folder = write({".env": "ASGICTL_INSPECT_NO_REDACT=1\n", "pyproject.toml": ""})
    monkeypatch.chdir(folder)

    assert printed("--env-file", ".env") == (0, "true ASGICTL_INSPECT_NO_REDACT in .env")
    monkeypatch.delenv("ASGICTL_INSPECT_NO_REDACT")
    write({"pyproject.toml": "[tool.asgictl.inspect]\nenv-file = '.env'\n"})
    mine = "concerns your machine, which no project decides"
    assert printed() == (2, f"error: the variable `ASGICTL_INSPECT_NO_REDACT` in `.env` {mine}")
    monkeypatch.setenv("ASGICTL_INSPECT_NO_REDACT", "1")
    assert printed() == (0, "true ASGICTL_INSPECT_NO_REDACT")
    monkeypatch.delenv("ASGICTL_INSPECT_NO_REDACT")

    write({".env": "ASGICTL_INSPECT_SAVE=../x.jsonl\n"})
    assert printed() == (
        2,
        f"error: the variable `ASGICTL_INSPECT_SAVE` in `.env` leads out of `{folder}`, to `{folder.parent}/x.jsonl`",
    )
    write({".env": "ASGICTL_CA_DIR=ca\n"})
    assert printed() == (
        2,
        f"error: the variable `ASGICTL_CA_DIR` in `.env` {mine} (env-file in [tool.asgictl.inspect] of pyproject.toml)",
    )


@pytest.mark.parametrize("command", ["serve", "inspect"])
@pytest.mark.parametrize("machine", [False, True], ids=["users", "clones"])
def test_variables_that_say_where_an_authority_is(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch, command: str, *, machine: bool
) -> None:
    """A repository's variables are the app's alone: whose authority signs, and what the system trusts, stays."""
    home, theirs = tmp_path / "home", tmp_path / "clone/d"
    monkeypatch.setenv("HOME", str(home))
    for name in ("ASGICTL_CA_DIR", "XDG_DATA_HOME", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    now = dt.datetime.now(dt.UTC)
    for folder in (home / ".local/share", theirs):
        authority.make(folder / "asgictl/ca", Constraints(), now)
    lines = f"XDG_DATA_HOME={theirs}\nHOME={theirs}\nSSL_CERT_FILE={theirs}/asgictl/ca/ca.pem\n"
    table = "" if machine else f"[tool.asgictl.{command}]\nenv-file = '.env'\n"
    clone = write({"clone/.env": lines, "clone/pyproject.toml": table}) / "clone"
    monkeypatch.chdir(clone)
    plans: list[ServePlan] = []
    monkeypatch.setattr("asgictl.serving.launch.launch", lambda plan, *_: plans.append(plan) or 0)  # type: ignore[func-returns-value]

    assert run(command, "demo", "--https", *(["--env-file", ".env"] if machine else [])).exit_code == 0
    (plan,) = plans
    assert plan.tls is not None
    notes: list[str] = []
    secured = tls.secure(plan.tls, "localhost", notes.append)

    own = theirs if machine else home / ".local/share"
    assert secured.authority == own / "asgictl/ca"
    assert (Path("ssl/cert.pem").read_text().endswith((own / "asgictl/ca/ca.pem").read_text()), secured.system) == (
        True,
        machine,
    )
    assert os.environ["XDG_DATA_HOME"] == str(theirs)


def test_names_of_variables_on_windows(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """In small letters a repository's variables are bounded, too, where the system does not tell them apart."""
    folder = write({"pyproject.toml": "[tool.asgictl.inspect]\nenv-file = '.env'\n"})
    monkeypatch.chdir(folder)
    monkeypatch.setattr(settings, "_as_system", str.upper)

    for name in ("asgictl_ca_dir", "asgictl_inspect_no_redact"):
        write({".env": f"{name}=1\n"})
        status, line = printed()
        assert (status, line.split(" (")[0]) == (
            2,
            f"error: the variable `{name.upper()}` in `.env` concerns your machine, which no project decides",
        )


def test_no_file_of_variables_for_certificates(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository names no file of variables to `gen-cert`, where one could widen the authority."""
    variables = "ASGICTL_GEN_CERT_CA_PERMIT=com\n"
    folder = write({".env": variables, "pyproject.toml": "[tool.asgictl.gen-cert]\nenv-file = '.env'\n"})
    monkeypatch.chdir(folder)

    result = run("gen-cert", "--trust")

    assert result.exit_code == 2
    assert result.stderr.splitlines()[0] == (
        f"error: there is no `env-file` under `[tool.asgictl.gen-cert]` in `{folder}/pyproject.toml`"
    )


@pytest.mark.parametrize(("command", "key"), INSIDE, ids=[f"{command} {key}" for command, key in INSIDE])
@pytest.mark.parametrize("way", ["up", "absolute", "link", "folder", "below"])
def test_places_that_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, key: str, way: str
) -> None:
    """A place that a repository names is inside of it, however it is written; the error says where else it leads."""
    clone, outside = tmp_path / "clone", tmp_path / "outside"
    below = clone / "src"
    for folder in (clone, outside, below):
        folder.mkdir()
    (clone / "link").symlink_to(outside / "x")
    (clone / "links").symlink_to("../outside")
    places = {"up": "../outside/x", "absolute": f"{outside}/x", "link": "link", "folder": "links/x"}
    place = places.get(way, "../outside/x")
    (clone / "pyproject.toml").write_text(f"[tool.asgictl.{command}]\n{key} = '{place}'\n")
    monkeypatch.chdir(below if way == "below" else clone)

    result = run(command)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        f"error: `{key}` under `[tool.asgictl.{command}]` in `{clone}/pyproject.toml` "
        f"leads out of `{clone}`, to `{outside}/x`",
        f"hint: keep it inside; if you want it, pass --{key} {outside}/x",
    ]
    assert list(outside.iterdir()) == []


def test_places_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that stays inside is followed, `..` too, and the user may name any place."""
    clone = tmp_path / "clone"
    (clone / "certs").mkdir(parents=True)
    (clone / "src").mkdir()
    (clone / "link").symlink_to("certs")
    (clone / "pyproject.toml").write_text("[tool.asgictl.gen-cert]\nout = 'src/../link'\n")
    monkeypatch.chdir(clone)

    assert run("gen-cert").exit_code == 0
    assert run("gen-cert", "--out", "../mine").exit_code == 0
    monkeypatch.setenv("ASGICTL_GEN_CERT_OUT", str(tmp_path / "exported"))
    assert run("gen-cert").exit_code == 0

    made = sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.key"))
    assert made == ["clone/certs/cert.key", "exported/cert.key", "mine/cert.key"]


@pytest.mark.parametrize(("command", "key"), INSIDE, ids=[f"{command}-{key}" for command, key in INSIDE])
def test_what_no_file_can_be_called(write: Write, monkeypatch: pytest.MonkeyPatch, command: str, key: str) -> None:
    """A path with a NUL in it is refused like any other wrong value, before anybody looks where it leads."""
    folder = write({"pyproject.toml": f'[tool.asgictl.{command}]\n{key} = "a\\u0000b"\n'})
    monkeypatch.chdir(folder)

    result = run(command)

    named = f"`{key}` under `[tool.asgictl.{command}]` in `{folder}/pyproject.toml`"
    assert (result.exit_code, result.stderr.splitlines()) == (
        2,
        [f"error: {named}: 'a\\x00b' holds a NUL character", f"hint: it stands for `--{key}`, see `--help`"],
    )
