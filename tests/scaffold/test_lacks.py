"""A trial that fails for what an image lacks says what brings it: of Debian, of the lock, of the environment."""

from pathlib import Path

import pytest

from asgictl.scaffold.project import DependencyKind
from asgictl.scaffold.verify import lacks

ENV = Path("src/.env")
IN_ENV = "in `src/.env`, which compose and --verify read"
BUILDS = [
    ("#9 1.2 error: command 'gcc' failed: No such file or directory", "build-essential"),
    ("error: command '/usr/bin/x86_64-linux-gnu-g++' failed: No such file or directory", "build-essential"),
    ("#10 6.7  error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'", "build-essential"),
    ("../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc']]", "build-essential"),
    ("error: linker `cc` not found", "build-essential"),
    ("CMake Error: No CMAKE_CXX_COMPILER could be found.", "build-essential"),
    ("FileNotFoundError: [Errno 2] No such file or directory: 'curl-config'", "libcurl4-openssl-dev"),
    ("/bin/sh: 1: mysql_config: not found", "default-libmysqlclient-dev"),
    ("Error: pg_config executable not found.", "libpq-dev"),
    ("error: [Errno 2] No such file or directory: 'cargo'", "cargo"),
    ("No such file or directory: 'net-snmp-config'", "with the Debian package that has `net-snmp-config`"),
    (
        "src/x.c:4:10: fatal error: ldap/lber.h: No such file or directory",
        "with the Debian package that has `ldap/lber.h`, one that ends in -dev",
    ),
    (
        "ImportError: libcairo.so.2: cannot open shared object file: No such file or directory",
        "with the Debian package that has `libcairo.so.2`",
    ),
]


@pytest.mark.parametrize(("line", "packages"), BUILDS)
def test_a_debian_package_that_no_table_knows(line: str, packages: str) -> None:
    """What a compiler, or the loader, does not find is told with the option that brings it."""
    advice = lacks.hint(
        ["Collecting x", line, "executor failed running [/bin/sh -c pip install x]"], "requirements", ENV
    )

    wheels = "" if ".so" in packages else ", or --python with a version that there are wheels for"
    assert (advice or "").endswith(f"pass --apt {packages}{wheels}")


@pytest.mark.parametrize(
    "lines",
    [
        ["x.c:1:10: fatal error: a.h: No such file or directory", "error: command 'gcc' failed with exit code 1"],
        ["error: command 'gcc' failed: No such file or directory", "fatal error: a.h: No such file or directory"],
    ],
)
def test_the_first_cause(lines: list[str]) -> None:
    """A header that is missing counts more than the compiler that says so."""
    advice = "pass --apt with the Debian package that has `a.h`, one that ends in -dev"

    assert (lacks.hint(lines, "pyproject", ENV) or "").startswith(f"{advice}, or --python ")


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("pdm", "WARNING: Lockfile doesn't satisfy the project requirements, packages may be outdated"),
        ("poetry", "pyproject.toml changed significantly since poetry.lock was last generated."),
        ("uv", "error: The lockfile at `uv.lock` needs to be updated, but `--locked` was provided."),
        ("pipenv", "Your Pipfile.lock (a1b2) is out of date. Expected: (c3d4)."),
    ],
)
def test_a_lock_that_is_not_up_to_date(kind: DependencyKind, line: str) -> None:
    """A lock that its own tool refuses is reported with the command that regenerates it."""
    assert lacks.hint(["#10 0.8", line], kind, ENV) == f"the lock is not up to date: run `{kind} lock`"


def test_a_file_that_is_not_in_the_image() -> None:
    """What the app opens at its start, and does not find, is named with what may keep it out."""
    lines = ["FileNotFoundError: [Errno 2] No such file or directory: 'client/dist/index.html'"]
    advice = "is not in the image: it has to exist when the image is built, and not be in .dockerignore"

    assert lacks.hint(lines, "pipenv", ENV) == f"`client/dist/index.html` {advice}"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("  File 'x.py', line 3\nKeyError: 'DATABASE_URL'", "DATABASE_URL"),
        (
            "pydantic_core._pydantic_core.ValidationError: 2 validation errors for Settings\n"
            "SECRET_KEY\n"
            "  Field required [type=missing, input_value={'a': 1}, input_type=dict]\n"
            "    For further information visit https://errors.pydantic.dev/2/v/missing\n"
            "database_url\n"
            "  Field required [type=missing, input_value={}, input_type=dict]\n",
            "SECRET_KEY, DATABASE_URL (with the prefix of those settings, if any)",
        ),
        ("decouple.UndefinedValueError: TOKEN not found. Declare it as envvar or define a default", "TOKEN"),
        ("django.core.exceptions.ImproperlyConfigured: Set the DB_URL environment variable", "DB_URL"),
        ('environs.EnvError: Environment variable "API_KEY" not set', "API_KEY"),
        ("ValueError: AZURE_ENDPOINT is required for Azure\nERROR:    AZURE_ENDPOINT is required", "AZURE_ENDPOINT"),
        ("RuntimeError: the environment variable APP_SECRET must be set", "APP_SECRET"),
        ("KeyError: 'a'\nINFO: HOST is 0.0.0.0, the environment variable HOST must be set", None),
        ("ValidationError: 1 validation error for Item\nname\n  Input should be a valid string", None),
    ],
)
def test_a_variable_that_is_not_set(text: str, names: str | None) -> None:
    """Variables without which the app does not start are named, with the file that they go into."""
    advice = lacks.hint(text.splitlines(), "uv", ENV)

    assert advice == (f"set {names} {IN_ENV}" if names else None)


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (["KeyError: 'TOKEN'"], "TOKEN, SECRET_KEY, APP_URL"),
        (["KeyError: 'SECRET_KEY'"], "SECRET_KEY, APP_URL"),
        (["url", "  Field required [type=missing, input_value={}]"], "SECRET_KEY, APP_URL"),
        (["RuntimeError: not configured"], "SECRET_KEY, APP_URL"),
    ],
)
def test_variables_that_the_source_needs(lines: list[str], names: str) -> None:
    """All variables that have no default, and are not set, are named at once, and not one after each trial."""
    assert lacks.hint(lines, "uv", ENV, ("SECRET_KEY", "APP_URL")) == f"set {names} {IN_ENV}"


def test_a_line_of_any_length() -> None:
    """A line that is as long as a whole log is no matter: what is lacking stands at its beginning."""
    lines = [f"KeyError: 'TOKEN' {'ERROR A ' * 50_000}"]

    assert lacks.hint(lines, "uv", ENV) == f"set TOKEN {IN_ENV}"
