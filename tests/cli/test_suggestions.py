"""What users of other programs type instead of a command, and the command that does it here."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from asgictl.cli import suggestions
from asgictl.cli.option import Form

COMMANDS = ("serve", "inspect", "check", "gen-cert", "scaffold")
CALLED = {
    "serve": "run start server runserver up prod",
    "serve --dev": "dev develop watch reload",
    "serve --check": "test",
    "gen-cert": "cert certs mkcert ssl https cert-gen gencert",
    "scaffold": "docker init dockerfile deploy",
    "inspect": "trace debug show",
    "check": "lint validate conformance",
}


@pytest.mark.parametrize(("word", "command"), [(word, it) for it, many in CALLED.items() for word in many.split()])
def test_a_command_of_another_program(word: str, command: str) -> None:
    """Each name that stands to reason leads to the command here, with what was typed behind it."""
    assert suggestions.meant([word, "a b", "--x"], COMMANDS) == f"asgictl {command} 'a b' --x"


MEANT = {
    "version": "asgictl --version",
    "version x": "asgictl --version",
    "help": "asgictl --help",
    "help inspect": "asgictl inspect --help",
    "help zebra": "asgictl --help",
    "help zebra serve": "asgictl --help",
    "main:app --port 1": "asgictl serve main:app --port 1",
    "src/web": "asgictl serve src/web",
    "web.py": "asgictl serve web.py",
    "shop": "asgictl serve shop",
    "shop2": "asgictl serve shop2",
    "shop3": None,
    "zebra": None,
    "Run": None,
}


@pytest.mark.parametrize("line", MEANT)
def test_what_is_no_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """A word that names an app, a module or a folder is served; of any other nothing is said."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop2.py").write_text("")
    (tmp_path / "shop3.txt").write_text("")
    monkeypatch.chdir(tmp_path)

    assert suggestions.meant(line.split(), COMMANDS) == MEANT[line]


def test_an_empty_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty argument names nothing."""
    (tmp_path / ".py").write_text("")
    monkeypatch.chdir(tmp_path)

    assert suggestions.meant([""], COMMANDS) is None


BEHIND = {
    "--port 80": "Did you mean 'asgictl serve --port 80'?",
    "--port 80 inspect main:app": "Did you mean 'asgictl inspect --port 80 main:app'?",
    "-p 80 serve": "Did you mean 'asgictl serve -p 80'?",
    "--bind x": "With `asgictl serve`, pass --host.",
    "--zebra": None,
}


@pytest.mark.parametrize("line", BEHIND)
def test_an_option_before_the_command(line: str) -> None:
    """An option that stands before the command is put behind it, or told by its name here."""
    params = [SimpleNamespace(opts=["--port", "-p"]), SimpleNamespace(opts=["app"])]
    serve = SimpleNamespace(form=Form({}, meant={"--bind": "pass --host"}), params=params)
    args = line.split()

    assert suggestions.behind(args, args[0], COMMANDS, serve) == BEHIND[line]
