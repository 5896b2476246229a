"""How the sources of a command's options are settled, for a command of the tests' own."""

from pathlib import Path
from typing import Any

import pytest

from asgictl import settings
from asgictl.errors import ConfigError

NUMBER = settings.Option("number", "number", int, 7)
ALL = (NUMBER, settings.Option("word", "word", str | None, None), settings.Option("fast", "fast", bool, default=False))


def resolved(folder: Path, given: dict[str, Any], rules: settings.Rules, **environ: str) -> settings.Settings:
    """Return the settings of a command of its own."""
    return settings.resolve("my-try", ALL, given, rules=rules, environ=environ, folder=folder, note=lambda _: None)


def test_a_command_without_sources_but_its_command_line() -> None:
    """What only a command line can set is what it says, or the default."""
    found = settings.typed(ALL, {"word": "x"})

    assert found == {
        "number": (7, "default", settings.Rank.DEFAULT),
        "word": ("x", "command line", settings.Rank.COMMAND_LINE),
        "fast": (False, "default", settings.Rank.DEFAULT),
    }


def test_the_variables_of_a_command_with_a_dash(tmp_path: Path) -> None:
    """A dash in a command's name is a `_` in its variables."""
    found = resolved(tmp_path, {}, settings.Rules(), ASGICTL_MY_TRY_NUMBER="5", ASGICTL_MY_NUMBER="6")

    assert found["number"] == (5, "ASGICTL_MY_TRY_NUMBER", settings.Rank.VARIABLE)


IDLE: dict[str, tuple[dict[str, Any], str, str]] = {
    "without": ({"number": 1}, "`--number` does nothing without `--word`", "pass --word too, or drop it"),
    "with nothing": (
        {"number": 1, "word": "none"},
        "`--number` does nothing with `--word none`",
        "drop one of them",
    ),
}


@pytest.mark.parametrize("case", IDLE)
def test_an_option_that_needs_another(tmp_path: Path, case: str) -> None:
    """An option that does nothing as it stands is an error that names it; in a variable it may be for other runs."""
    given, message, hint = IDLE[case]
    rules = settings.Rules(harmless={"word": "none"}, needs={"number": "word"})

    with pytest.raises(ConfigError) as caught:
        resolved(tmp_path, given, rules)

    assert (caught.value.message, caught.value.hint, caught.value.option) == (message, hint, "number")
    assert resolved(tmp_path, {"number": 1, "word": "all"}, rules)["number"].value == 1
    assert resolved(tmp_path, {}, rules, ASGICTL_MY_TRY_NUMBER="5")["number"].value == 5


BUNDLED: dict[str, tuple[dict[str, Any], tuple[int, str]]] = {
    "a flag alone": ({"dev": True}, (1, "--dev")),
    "a flag and the command line": ({"dev": True, "number": 4}, (4, "command line")),
    "a flag that is off": ({"dev": False}, (7, "default")),
}


@pytest.mark.parametrize("case", BUNDLED)
def test_what_a_flag_stands_for(tmp_path: Path, case: str) -> None:
    """A flag sets what nothing else says, and its name is where the value comes from."""
    given, expected = BUNDLED[case]
    rules = settings.Rules(bundles={"dev": {"number": 1}})
    options = (*ALL, settings.Option("dev", "dev", bool, default=False))

    found = settings.resolve("try", options, given, rules=rules, environ={}, folder=tmp_path, note=lambda _: None)

    assert found["number"][:2] == expected


EXCLUSIVE: dict[str, tuple[dict[str, Any], dict[str, str], list[str] | str]] = {
    "one of them": ({"number": 1}, {}, []),
    "neither is in use": ({"number": 1, "fast": False}, {}, []),
    "a harmless one": ({"number": 1, "word": "none"}, {}, []),
    "one is stronger": (
        {"word": "x"},
        {"ASGICTL_MY_TRY_NUMBER": "3"},
        ["`--number` (ASGICTL_MY_TRY_NUMBER) gives way to `--word` (command line)"],
    ),
    "both alike": (
        {"number": 1, "word": "x"},
        {},
        "`--number` (command line) and `--word` (command line) exclude each other",
    ),
}


@pytest.mark.parametrize("case", EXCLUSIVE)
def test_of_two_that_exclude_each_other(tmp_path: Path, case: str) -> None:
    """The weaker one gives way, which is told; of two that are as strong, neither can be chosen."""
    given, environ, expected = EXCLUSIVE[case]
    rules = settings.Rules(exclusive=[("number", "word"), ("number", "fast")], harmless={"word": "none"})
    notes: list[str] = []

    def settle() -> settings.Settings:
        return settings.resolve("my-try", ALL, given, rules=rules, environ=environ, folder=tmp_path, note=notes.append)

    if isinstance(expected, str):
        with pytest.raises(ConfigError) as caught:
            settle()
        assert (caught.value.message, caught.value.hint) == (expected, "drop one of them")
        return
    found = settle()
    assert notes == expected
    assert found["number"].value == (7 if expected else 1)
