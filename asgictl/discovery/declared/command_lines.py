"""Command lines that start a server, read as text: which app they name, and where they look for it."""

import itertools
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_SERVERS = frozenset(
    (
        *("asgictl", "uvicorn", "gunicorn", "hypercorn", "granian", "daphne", "flask", "fastapi", "litestar", "quart"),
        *("sanic", "waitress-serve", "waitress", "uwsgi"),
    )
)

# Options that name the app, of the servers whose argument is a command, or that have it as an option.
_APP_OPTIONS = {
    "flask": ("--app", "-A"),
    "quart": ("--app", "-A"),
    "litestar": ("--app",),
    "fastapi": ("--entrypoint", "-e"),
    "uwsgi": ("--module", "-w", "--wsgi", "--wsgi-file"),
}
_FOLDER_OPTIONS = ("--chdir", "--app-dir", "--working-dir", "--pythonpath")
_FACTORY_OPTIONS = ("--factory", "--call")

# What servers take that has no value.
_FLAGS = frozenset(
    (
        *("--call", "--capture-output", "--check-config", "--daemon", "-D", "--debug", "--dev", "--factory", "--http2"),
        *("--https", "--log-syslog", "--preload", "--prod", "--proxy-headers", "--reload", "-r", "-R", "--use-colors"),
        *("--fast", "--single-process", "--simple", "--access-log", "--traceback", "-v", "--verbose", "--reuse-port"),
        *("--enable-stdio-inheritance", "--spew", "--no-sendfile", "--reload-engine-poll"),
    )
)

# The app as servers take it: a module or a file, and an object, or a call of one. Expressions are compiled only where
# a file has commands.
_APP = r"(?:(?:asgi|wsgi|file):)?(?P<app>[\w./-]+(?::[A-Za-z_][\w.]*(?:\(.*\))?)?)"
_OBJECT = r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*"
_VARIABLE = r"\$(?:\{(\w+)(?::?[-=]([^}]*))?\}|(\w+))"
_WORDS = {"run", "dev", "start", "serve"}


# Quotes that are open for so many lines, or signs, are no quotes.
_LINES, _LONGEST = 20, 10_000


class Named(NamedTuple):
    """An app as a command names it, the folder that it changes to or puts on `sys.path`, and whether it is a factory.

    `script` says that the command is Python's, and `app` a file or a module that starts a server itself.
    """

    app: str
    folder: str = ""
    factory: bool = False
    script: bool = False


def read(text: str, variables: Mapping[str, str] | None = None) -> Iterator[Named]:
    """Yield the apps that the commands in `text`, lines of a shell, start."""
    folder = ""
    known = dict(variables or {})
    for line in _whole(text):
        for words in _commands(filled(line, known)):
            known |= _assigned(words)
            if words[:1] == ["cd"] and len(words) > 1:
                folder = _joined(folder, words[1])
            elif found := of_words(words, known):
                yield found._replace(folder=_joined(folder, found.folder))


def first(text: str, variables: Mapping[str, str] | None = None) -> Named | None:
    """Return the app that the commands in `text` start: the first one of a server, or else of a script."""
    found = list(read(text, variables))
    return next((named for named in found if not named.script), next(iter(found), None))


def _assigned(words: list[str]) -> dict[str, str]:
    """Return the variables that a command sets: `export A=b`, or `A=b` in front of another."""
    words = words[1:] if words[:1] == ["export"] else words
    pairs = (word.partition("=") for word in itertools.takewhile(lambda word: re.match(r"\w+=", word), words))
    return {name: value for name, _, value in pairs}


def _whole(text: str) -> Iterator[str]:
    """Yield the lines of `text`, those together that are within the same quotes."""
    line, joined = "", 0
    for more in text.splitlines():
        line, joined = (f"{line} {more}", joined + 1) if joined else (more, 1)
        try:
            shlex.split(line, comments=True)
        except ValueError:
            if joined < _LINES and len(line) < _LONGEST:
                continue
        yield line
        line, joined = "", 0
    yield line


def _commands(line: str) -> Iterator[list[str]]:
    """Yield the words of each command on a line, which `;`, `&&`, `||`, `|` and `&` divide outside of quotes."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&")
    lexer.whitespace_split = True
    words: list[str] = []
    try:
        for word in lexer:
            if set(word) <= set(";|&"):
                yield words
                words = []
            else:
                words.append(word)
    except ValueError:  # an open quote
        return
    yield words


def of_words(words: list[str], variables: Mapping[str, str] | None = None) -> Named | None:
    """Return the app that a command, split into words, starts."""
    words = [filled(word, variables or {}) for word in words]
    for index, word in enumerate(words):
        name = word.rpartition("/")[2]
        if name in {"sh", "bash", "ash", "dash"} and words[index + 1 : index + 2] in (["-c"], ["-lc"], ["-ec"]):
            return first(" ".join(words[index + 2 : index + 3]), variables)
        if name in _SERVERS:
            found = _of_server(name, words[index + 1 :])
            named = (variables or {}).get(f"{name.upper()}_APP")
            return found or (Named(named) if named else None)
        if re.fullmatch(r"(python|pypy)[\d.]*", name) and (found := _of_python(words[index + 1 :])):
            return found
    return None


def _of_python(words: list[str]) -> Named | None:
    words = [word for word in words if not re.fullmatch(r"-[uOBEIsSP]+", word)]
    match words:
        case ["-m", module, *rest] if module in _SERVERS:
            return _of_server(module, rest)
        case ["-m", module, *_] if re.fullmatch(r"[A-Za-z_][\w.]*", module):
            return Named(module, script=True)
        case [file, *_] if file.endswith(".py") and not file.endswith("manage.py"):
            return Named(file, script=True)
    return None


def _of_server(server: str, words: list[str]) -> Named | None:  # noqa: C901  # what a word may be
    """Return the app in the words that follow a server's name."""
    named: str | None = None
    folder, attribute = "", ""
    factory = False
    swallowed: str | None = None  # by an option that has no value
    rest = iter(words)
    for word in rest:
        option, equals, value = word.partition("=")
        if not word.startswith("-"):
            if server in _APP_OPTIONS and server not in {"fastapi", "uwsgi"}:
                continue  # a command, as in `flask run`
            if server in {"asgictl", "fastapi", "sanic"} and word in _WORDS:
                continue
            if named is None and (match := re.fullmatch(_APP, word)) and _is_name(match["app"]):
                named = match["app"]
            continue
        if option in _FACTORY_OPTIONS:
            factory = True
        if option in _FLAGS or option.startswith("--no-"):
            continue
        value = value if equals else next(rest, "")
        swallowed = swallowed or (value if re.fullmatch(_OBJECT, value) else None)
        if option in _APP_OPTIONS.get(server, ()):
            named = value
        elif option in _FOLDER_OPTIONS or (option == "-d" and server == "granian"):
            folder = value
        elif option in {"--callable", "--app"}:
            attribute = value
    named = named or swallowed
    if named and attribute and ":" not in named:
        named = f"{named}:{attribute}"
    return Named(named, folder, factory) if named else None


def _is_name(text: str) -> bool:
    """Tell whether `text` is an app's name, and no number or address."""
    module = text.partition(":")[0]
    return all(
        re.fullmatch(r"[A-Za-z_][\w-]*", part)
        for part in module.removesuffix(".py").strip("./").split("/")[-1].split(".")
    )


def filled(text: str, variables: Mapping[str, str]) -> str:
    """Return `text` with its variables replaced, as a shell does; one that is not known stays."""

    def value(match: re.Match[str]) -> str:
        known = variables.get(match[1] or match[3])
        return known if known is not None else (match[2] if match[2] is not None else match[0])

    return re.sub(_VARIABLE, value, text)


def _joined(folder: str, inner: str) -> str:
    return inner if not folder or inner.startswith("/") else f"{folder}/{inner}".rstrip("/")
