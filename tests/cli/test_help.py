"""What `--help` says of each command and option, whole: `python -m tests.cli.test_help` rewrites it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.cli.test_cli import run
from tests.cli.test_options import COMMANDS

HELP = Path(__file__).with_name("help.txt")


def lines_of(name: str, command: Any) -> Iterator[str]:
    """Yield what a command says: its own words, then a line for each argument and option."""
    yield f"# asgictl {name}"
    yield from (line.rstrip() for line in command.help.replace("\b", "").splitlines() if line.strip())
    for param in command.params:
        names = ", ".join([*param.opts, *param.secondary_opts])
        default = "" if not param.show_default or param.default in (None, False) else f" [default: {param.default}]"
        panel = getattr(param, "rich_help_panel", None)
        yield f"{names} {param.metavar or ''} | {panel or '-'} | {param.help}{default}"
    yield ""


def text() -> str:
    """Return what all commands say."""
    return "\n".join(line for name, command in COMMANDS.items() for line in lines_of(name, command))


def test_every_word_of_help() -> None:
    """Each option has its flags, its placeholder, its place, its words and its default, as agreed."""
    assert text().splitlines() == HELP.read_text(encoding="utf-8").splitlines()


def test_examples_fit() -> None:
    """The examples that a help begins with keep their two columns on a terminal of 80."""
    examples = [line for line in HELP.read_text(encoding="utf-8").splitlines() if line.lstrip().startswith("asgictl ")]

    assert examples
    assert [line for line in examples if len(line.strip()) > 76] == []


def test_flags_have_no_type() -> None:
    """`--help` itself is a flag as the others are."""
    for words in ((), ("serve",), ("session",)):
        assert "<bool>" not in run(*words, "--help").stdout


if __name__ == "__main__":
    HELP.write_text(text(), encoding="utf-8")
