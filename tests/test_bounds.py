"""What the files of a repository may say: nothing of the user's machine, and no place outside to write to."""

from pathlib import Path
from typing import Any

import pytest
import typer.main

from asgictl import cli, option_types
from asgictl.option_types import Trait
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
