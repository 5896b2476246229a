"""What a project itself says its app is: in variables, a Procfile, a Dockerfile, compose files, scripts, a Makefile.

All of it is read as text, and nothing is run.
"""

import json
import os
import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from asgictl import environment, errors, image, pyproject, reading, signature
from asgictl.discovery.declared import command_lines
from asgictl.discovery.declared.command_lines import Named
from asgictl.discovery.places import COMPOSE, DOCKERFILES, DOTENV, GUNICORN, MAKEFILES, PROCFILE, VARIABLES
from asgictl.errors import AsgictlError

_TASKS = ("poe", "taskipy", "pdm", "hatch", "rye", "pixi")
_LIMIT = 200_000

_PLAIN = (str, int, float)

# So many scripts of a project are looked at.
_SCRIPTS = 50

# No compose file nests its brackets deeper.
_DEPTH = 50

Note = Callable[[str], object]


class Claim(NamedTuple):
    """An app that something names: where it stands, in words, and the folders from which it may be meant.

    An `explicit` one names nothing else, and not an app in an image.
    """

    named: Named
    where: str
    bases: tuple[Path, ...]
    explicit: bool = False


def claims(
    folder: Path, environ: Mapping[str, str], around: pyproject.PyProject | None, note: Note
) -> Iterator[list[Claim]]:
    """Yield what names an app, the strongest first; those that stand together in one list say the same, or nothing.

    `note` hears of files that are passed over.
    """
    for name in VARIABLES:
        if value := environ.get(name):
            yield [Claim(Named(value), f"the variable {name}", (folder,), explicit=True)]
    yield from _dotenv(folder, note)
    yield from _procfile(folder, note)
    yield from _gunicorn(folder, note)
    yield from _dockerfiles(folder, note)
    yield from _compose(folder, note)
    if around is not None and around.root == folder:
        yield from _scripts(around)
    yield from _makefile(folder, note)


def _text(file: Path, note: Note) -> str | None:
    """Return what is in `file`; None where there is none, or none that can be believed, of which `note` hears.

    What `asgictl scaffold` has written, and nobody edited, says nothing that is not read elsewhere.
    """
    if not os.path.lexists(file):
        return None
    if owner := reading.stranger(file):
        note(f"`{file}` is passed over: it belongs to {owner}, neither to you nor to root")
        return None
    try:
        text = reading.content(file, limit=_LIMIT).decode(errors="replace")
    except OSError as error:
        note(f"`{reading.shown(file)}` is passed over: {errors.reason(error)}")
        return None
    return None if signature.is_untouched(text.replace("\r\n", "\n")) else text


def _place(file: Path, folder: Path, line: int | None) -> str:
    name = file.relative_to(folder).as_posix()
    return f"{name}, line {line}" if line else name


def _line_of(text: str, word: str) -> int | None:
    """Return the number of the first line that holds `word`."""
    return next((number for number, line in enumerate(text.splitlines(), 1) if word in line), None)


def _dotenv(folder: Path, note: Note) -> Iterator[list[Claim]]:
    for name in DOTENV:
        text = _text(folder / name, note)
        if text is None or not any(variable in text for variable in VARIABLES):
            continue
        import io

        from dotenv.parser import parse_stream

        found = {it.key: it for it in parse_stream(io.StringIO(text)) if it.value}
        for variable in VARIABLES:
            if (it := found.get(variable)) is not None:
                line = it.original.line + it.original.string.split(variable)[0].count("\n")
                place = _place(folder / name, folder, line)
                yield [Claim(Named(str(it.value)), place, (folder,), explicit=True)]


def _procfile(folder: Path, note: Note) -> Iterator[list[Claim]]:
    file = folder / PROCFILE
    text = _text(file, note) or ""
    found: dict[str, Claim] = {}
    for number, line in enumerate(text.splitlines(), 1):
        kind, colon, command = line.partition(":")
        if colon and (named := command_lines.first(command)):
            found.setdefault(kind.strip(), Claim(named, _place(file, folder, number), (folder,), explicit=True))
    web = found.pop("web", None)
    if web:
        yield [web]
    yield list(found.values())


def _gunicorn(folder: Path, note: Note) -> Iterator[list[Claim]]:
    """Yield what the file that gunicorn reads by itself names; it is Python, and not run."""
    text = _text(folder / GUNICORN, note) or ""
    if match := re.search(r"""(?m)^wsgi_app\s*=\s*["']([^"']+)["']""", text):
        yield [Claim(Named(match[1]), _place(folder / GUNICORN, folder, _line_of(text, match[0])), (folder,))]


class _Image(NamedTuple):
    """What the last stage of a Dockerfile runs, and from where.

    `commands` are CMD and ENTRYPOINT with their lines, `folders` those of the context that the working directory may
    come from, and `copies` the places of files in the image, with where they are copied from.
    """

    commands: list[tuple[int, str]]
    variables: dict[str, str]
    folders: list[str]
    copies: dict[str, str]


def _dockerfiles(folder: Path, note: Note) -> Iterator[list[Claim]]:
    for name in DOCKERFILES:
        if text := _text(folder / name, note):
            yield _of_dockerfile(folder / name, text, folder, folder, note)
            return


def _of_dockerfile(file: Path, text: str, context: Path, folder: Path, note: Note) -> list[Claim]:
    run = _image(text)
    places = [context / name for name in run.folders if reading.is_dir(context / name)]
    bases = tuple(dict.fromkeys((*places, context)))
    for line, command in run.commands:
        words = _words(command)
        claim = _command(words, command, run.variables)
        if claim is not None:
            return [Claim(claim, _place(file, folder, line), bases)]
        if script := _script(words or command.split(), bases, run.copies, note):
            return [claim for claim in [_of_script(*script, folder, bases, run.variables)] if claim]
    if module := run.variables.get("MODULE_NAME"):  # of the images of tiangolo
        run.variables.setdefault("APP_MODULE", f"{module}:{run.variables.get('VARIABLE_NAME', 'app')}")
    for name in (*VARIABLES, "APP_MODULE"):
        if value := run.variables.get(name):
            return [
                Claim(Named(value), _place(file, folder, _line_of(text, name) or _line_of(text, "MODULE_NAME")), bases)
            ]
    return []


def _image(text: str) -> _Image:
    found: dict[str, tuple[int, str]] = {}
    variables: dict[str, str] = {}
    copies: dict[str, str] = {}
    workdir = "/"
    parsed = image.parse(text)
    for it in parsed.final or parsed.before:
        match it.name:
            case "CMD" | "ENTRYPOINT" as kind:
                found[kind] = (it.line, it.value)
            case "ENV" | "ARG":
                variables |= it.variables
            case "WORKDIR":
                workdir = posixpath.join(workdir, it.value)
            case "COPY" | "ADD" if "--from=" not in it.value:
                *sources, place = [word for word in it.words if not word.startswith("--")] or [""]
                place = posixpath.join(workdir, place)
                several = len(sources) > 1 or place.endswith("/")
                for name in sources:
                    inner = posixpath.basename(name.rstrip("/")) if several and "." in posixpath.basename(name) else ""
                    copies[posixpath.normpath(posixpath.join(place, inner))] = posixpath.normpath(name).lstrip("/")
    return _Image(_commanded(found), variables, list(_origins(posixpath.normpath(workdir), copies)), copies)


def _commanded(found: dict[str, tuple[int, str]]) -> list[tuple[int, str]]:
    """Return what is run: CMD, which ENTRYPOINT is called with where both are lists, or the one that there is."""
    commands = [found[kind] for kind in ("CMD", "ENTRYPOINT") if kind in found]
    both = [_words(text) for _, text in reversed(commands)]
    if len(commands) > 1 and all(both):
        commands.insert(0, (found["CMD"][0], json.dumps([word for words in both for word in words or ()])))
    return commands


def _origins(workdir: str, copies: Mapping[str, str]) -> Iterator[str]:
    """Yield the folders of the context that are copied to `workdir`, or around it, the nearest first."""
    for place in sorted(copies, key=len, reverse=True):
        inside = posixpath.relpath(workdir, place)
        if not inside.startswith(".."):
            yield posixpath.normpath(posixpath.join(copies[place], inside))
    for place, name in copies.items():  # below it: on `sys.path` by another way
        if place.startswith(f"{workdir.rstrip('/')}/"):
            yield name


def _joined_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines, those that backslashes join as one, with the number of the line that each begins in."""
    begun, parts = 0, []
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            continue
        begun = begun or number
        if line.rstrip().endswith("\\"):
            parts.append(line.rstrip()[:-1])
            continue
        yield begun, " ".join((*parts, line))
        begun, parts = 0, []


def _within(folder: Path, name: str) -> Iterator[Path]:
    """Yield the folders below `folder` that `name`, a path in an image, may be: `backend` of `/app/backend`."""
    parts = [part for part in name.strip("\"'/").split("/") if part not in ("", ".", "..")]
    for start in range(len(parts)):
        place = folder.joinpath(*parts[start:])
        if reading.is_dir(place):
            yield place


def _words(command: object) -> list[str] | None:
    """Return the words of a command in its exec form, or None for one that a shell reads."""
    if not isinstance(command, list):
        try:
            command = json.loads(str(command))
        except (ValueError, RecursionError):
            return None
    # What nests may multiply, by the aliases of YAML.
    return [str(word) for word in command if isinstance(word, _PLAIN)] if isinstance(command, list) else None


def _command(words: list[str] | None, text: str, variables: Mapping[str, str]) -> Named | None:
    named = command_lines.of_words(words, variables) if words is not None else command_lines.first(text, variables)
    variable = next((variables[name] for name in VARIABLES if name in variables), None)
    return named or (Named(variable) if variable and re.search(r"\b(flask|quart|litestar)\b", text) else None)


def _script(
    words: list[str], bases: tuple[Path, ...], copies: Mapping[str, str], note: Note
) -> tuple[Path, str] | None:
    """Return the project's shell script that a command runs, and its text."""
    for word in words:
        name = word.rpartition("/")[2]
        if name.endswith((".sh", "entrypoint", "start", "run")):
            copied = copies.get(posixpath.normpath(word)) or copies.get(f"/{name}") or name
            meant = (word.strip("./"), name, copied.strip("./"))
            for file in (base / end for base in bases for end in meant):
                if reading.is_file(file) and (text := _text(file, note)):
                    return file, text
    return None


def _of_script(
    file: Path, text: str, folder: Path, bases: tuple[Path, ...], variables: Mapping[str, str]
) -> Claim | None:
    known = dict(variables)
    for name, value in re.findall(r"(?m)^\s*(?:export\s+)?([A-Za-z_]\w*)=(\S*)", text):
        known.setdefault(name, command_lines.filled(value.strip("\"'"), known))
    named = command_lines.first(text.replace("\\\n", " "), known)
    if named is None or not file.is_relative_to(folder):
        return None
    return Claim(named, _place(file, folder, _line_of(text, named.app)), bases)


def _compose(folder: Path, note: Note) -> Iterator[list[Claim]]:
    for name in COMPOSE:
        if text := _text(folder / name, note):
            if find_spec("yaml") is None:
                note(f"`{name}` is not read without pyyaml: {environment.adding('standard')}")
                return
            services = _services(text)
            yield [claim for service in services for claim in _of_service(service, folder / name, text, note)]
            return


def _services(text: str) -> list[dict[str, Any]]:
    import yaml

    depth = accumulate({"[": 1, "{": 1, "]": -1, "}": -1}.get(sign, 0) for sign in text)
    if max(depth, default=0) > _DEPTH:  # PyYAML takes minutes for such
        return []
    try:
        data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  # both are safe
    except (yaml.YAMLError, RecursionError, ValueError):
        return []
    services = data.get("services") if isinstance(data, dict) else None
    return [it for it in services.values() if isinstance(it, dict)] if isinstance(services, dict) else []


def _of_service(service: dict[str, Any], file: Path, text: str, note: Note) -> Iterator[Claim]:
    folder = file.parent
    build = service.get("build")
    where = build.get("context") if isinstance(build, dict) else build
    context = folder / (_path(where) or ".")
    if not context.resolve().is_relative_to(folder.resolve()):
        return
    variables = _environment(service.get("environment"))
    bases = (context, *_within(folder, _path(service.get("working_dir"))), folder)
    command, entry = service.get("command"), service.get("entrypoint")
    both = [*entry, *command] if isinstance(entry, list) and isinstance(command, list) else None
    for given in (both, command, entry):
        if isinstance(given, list | str):
            words = _words(given)
            named = _command(words, given if isinstance(given, str) else " ".join(words or ()), variables)
            if named:
                yield Claim(named, _place(file, folder, _line_of(text, named.app)), tuple(dict.fromkeys(bases)))
                return
    name = build.get("dockerfile") if isinstance(build, dict) else None
    if build and (context != folder or name):
        inner = context / (_path(name) or "Dockerfile")
        if inner.resolve().is_relative_to(folder.resolve()) and (content := _text(inner, note)):
            yield from _of_dockerfile(inner, content, context, folder, note)


def _environment(value: object) -> dict[str, str]:
    if isinstance(value, dict):
        return {str(name): str(item) for name, item in value.items() if isinstance(item, _PLAIN)}
    pairs = [item.partition("=") for item in value if isinstance(item, str)] if isinstance(value, list) else []
    return {name: item for name, _, item in pairs}


def _path(value: object) -> str:
    """Return a path in a compose file; nothing for what is not one."""
    return value if isinstance(value, str) and "\0" not in value else ""


def _scripts(around: pyproject.PyProject) -> Iterator[list[Claim]]:
    """Yield what the scripts of `pyproject.toml` start: commands, and functions that start a server."""
    try:
        text = reading.content(around.file).decode(errors="replace")
        commanded = [
            named
            for tool in _TASKS
            for line in _strings(around.table("tool", tool))
            for named in command_lines.read(line)
        ]
        entries = [*around.table("project", "scripts").values(), *around.table("tool", "poetry", "scripts").values()]
    except (OSError, AsgictlError, RecursionError):
        return
    commanded = list(dict.fromkeys(commanded))[:_SCRIPTS]
    yield [Claim(it, _place(around.file, around.root, _line_of(text, it.app)), (around.root,)) for it in commanded]
    yield [
        Claim(Named(it, script=True), _place(around.file, around.root, _line_of(text, it)), (around.root,))
        for it in entries[:_SCRIPTS]
        if isinstance(it, str)
    ]


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        yield " ".join(map(shlex.quote, value))
        yield from value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _makefile(folder: Path, note: Note) -> Iterator[list[Claim]]:
    for name in MAKEFILES:
        if text := _text(folder / name, note):
            variables = dict(re.findall(r"(?m)^(?:export\s+)?(\w+)\s*[:?]?=\s*(\S+)\s*$", text))
            filled = command_lines.filled(re.sub(r"\$\((\w+)\)", r"${\1}", text), variables)
            yield [
                Claim(named, _place(folder / name, folder, number), (folder,))
                for number, line in _joined_lines(filled)
                if line[:1].isspace() or ":" in line.partition(";")[0]
                for named in command_lines.read(
                    (line if line[:1].isspace() else line.partition(";")[2]).strip().lstrip("@-+"), variables
                )
            ]
            return
