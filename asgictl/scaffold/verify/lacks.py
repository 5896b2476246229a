"""What an image lacks, by what its build or its container says, and what brings it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from asgictl import reading
from asgictl.scaffold.project import DependencyKind

_STALE = re.compile(
    r"Lockfile (doesn't satisfy|hash doesn't match)|changed significantly since poetry\.lock"
    r"|lockfile .*needs to be updated|Pipfile\.lock .*out of date"
)
_COMPILER = re.compile(
    r"(command|No such file or directory:) '[\w./+-]*(gcc|g\+\+|cc|c\+\+|clang)'( failed: No such file|$)"
    r"|[Uu]nknown compiler|linker `cc` not found"
    r"|No (CMAKE_C|CMAKE_CXX)_COMPILER could be found"
)
_PROGRAM = re.compile(
    r"No such file or directory: '([\w+-]+-config|[\w+]+_config|cmake|make|cargo|rustc|swig|gfortran)'"
    r"|([\w+-]+-config|[\w+]+_config): (?:command )?not found|([\w+]+_config) executable not found"
)
# So much is read of each line, which may be of any length.
_LONGEST = 1000
_OLDER = "or --python with a version that there are wheels for"
_SIGNS = (
    (
        re.compile(r"fatal error: ([\w./+-]+\.h(?:pp)?): No such file"),
        f"pass --apt with the Debian package that has `{{}}`, one that ends in -dev, {_OLDER}",
    ),
    (
        re.compile(r"(?:ImportError|OSError): (lib[\w.+-]+\.so[\w.]*): cannot open shared object file"),
        "pass --apt with the Debian package that has `{}`",
    ),
    (
        re.compile(r"FileNotFoundError: \[Errno 2\] No such file or directory: '([^']*[./][^']*)'"),
        "`{}` is not in the image: it has to exist when the image is built, and not be in .dockerignore",
    ),
)
_PACKAGES: Mapping[str, str] = {
    "curl-config": "libcurl4-openssl-dev",
    "krb5-config": "libkrb5-dev",
    "mysql_config": "default-libmysqlclient-dev",
    "pg_config": "libpq-dev",
    "pkg-config": "pkg-config",
    "xml2-config": "libxml2-dev",
    "xslt-config": "libxslt1-dev",
    **{name: name for name in ("cargo", "cmake", "gfortran", "make", "rustc", "swig")},
}
_NAME = r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*"
_VARIABLES = (
    re.compile(rf"KeyError: '({_NAME})'"),
    re.compile(rf"UndefinedValueError: ({_NAME}) not found"),
    re.compile(
        rf"(?:Error|Configured|Exception|ERROR)\b.*\b({_NAME})\b.*\b(?:environment variable|is required|must be set)"
    ),
    re.compile(rf"(?:Error|Configured|Exception|ERROR)\b.*\b(?:[Ee]nvironment variable|env var)s? [`'\"]?({_NAME})\b"),
)
# https://docs.pydantic.dev/latest/errors/validation_errors/#missing
_REQUIRED = re.compile(r"\s*Field required \[type=missing\b")
_FIELD = re.compile(r"\s*([A-Za-z]\w*)")


def hint(lines: Sequence[str], kind: DependencyKind, env: Path, unset: Sequence[str] = ()) -> str | None:
    """Return what to do about a build, or a start, that has said `lines`; None where that is not known.

    Variables are taken from the file `env`, and those `unset` have no default in the source.
    """
    lines = [line[:_LONGEST] for line in lines]
    for line in lines:
        if _STALE.search(line):
            return f"the lock is not up to date: run `{kind} lock`"
        if match := _PROGRAM.search(line):
            name = match[1] or match[2] or match[3]
            package = _PACKAGES.get(name, f"with the Debian package that has `{name}`")
            return f"pass --apt {package}, {_OLDER}"
        for sign, advice in _SIGNS:
            if match := sign.search(line):
                return advice.format(match[1])
    if any(_COMPILER.search(line) for line in lines):
        return f"a dependency has no wheel, and is compiled: pass --apt build-essential, {_OLDER}"
    fields = list(dict.fromkeys(_fields(lines)))
    names = fields or dict.fromkeys(match[1] for line in lines for it in _VARIABLES if (match := it.search(line)))
    # What the source says is the whole name.
    names = [*dict.fromkeys((*(it for it in names if not any(one.endswith(it) for one in unset)), *unset))]
    prefix = " (with the prefix of those settings, if any)" if set(fields) & set(names) - set(unset) else ""
    listed = ", ".join(names)
    return f"set {listed}{prefix} in `{reading.shown(env)}`, which compose and --verify read" if names else None


def _fields(lines: Sequence[str]) -> Iterator[str]:
    for before, line in zip(("", *lines), lines, strict=False):
        if _REQUIRED.match(line) and (field := _FIELD.fullmatch(before)):
            yield field[1].upper()
