"""An app by its name: `module:attribute`, a module, a file, a folder, a call of a factory."""

import ast
import os
import re
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from asgictl.errors import AppLoadError, ConfigError, StartError
from asgictl.project import shown
from asgictl.target import modules, search
from asgictl.target.offers import OBJECT_NAMES, Candidate, Reader
from asgictl.target.ref import AppRef

Tell = Callable[[str], None]

_FORMS = "write it as `module:attribute` or `path/to/file.py:attribute`"
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


class Name(NamedTuple):
    """A name, split: the module or the path, the attribute, and what it is called with where it is called."""

    location: str
    attribute: str | None
    arguments: str | None


def split(app: str) -> Name:
    """Return the parts of `app`; raise `ConfigError` where it names no object."""
    drive = 2 if app[1:3] in (":\\", ":/") else 0  # C:\\app.py
    before, colon, attribute = app[drive:].partition(":")
    location = app[:drive] + before
    if not colon:
        return Name(location, None, None)
    if _DOTTED.fullmatch(attribute):
        return Name(location, attribute, None)
    called, arguments = _call(attribute)
    if called is None:
        problem = f"`{attribute}` in `{app}` is not the name of an object"
        close = re.match(_DOTTED, attribute)
        usual = f"did you mean `{location}:{close[0]}`?" if close and "(" not in attribute else _FORMS
        raise ConfigError(problem, hint=usual)
    return Name(location, called, arguments)


def _call(text: str) -> tuple[str | None, str | None]:
    """Return what `text`, a call, calls, and with which literals, as text; None twice for anything else."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if isinstance(node, ast.Call) and _DOTTED.fullmatch(name := ast.unparse(node.func)):
            for value in (*node.args, *(word.value for word in node.keywords)):
                ast.literal_eval(value)
            words = [f"{word.arg}={ast.unparse(word.value)}" for word in node.keywords if word.arg]
            if len(words) == len(node.keywords):
                return name, ", ".join((*map(ast.unparse, node.args), *words))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    return None, None


def named(app: str, folder: Path, found: str, tell: Tell, reader: Reader) -> AppRef:
    """Return the app called `app` in `folder`; raise `StartError` when it is not there, `ConfigError` when it is no name."""
    name = split(app)
    path = folder / name.location
    if _is_path(name.location):
        return _at_path(app, path, name, folder, found, tell, reader)
    if not _DOTTED.fullmatch(name.location):
        raise ConfigError(f"`{app}` is neither a module nor a file", hint=_path_hint(app, path, name) or _FORMS)
    module = modules.of_name(name.location, folder)
    if path.is_dir() and module is not None and (module.file is None or not module.file.is_relative_to(folder)):
        # A plain folder with the name of an installed package.
        if name.attribute is None:
            return _at_path(app, path, name, folder, found, tell, reader)
    if module is None:
        if path.is_dir():
            return _at_path(app, path, name, folder, found, tell, reader)
        raise StartError(
            f"there is no module `{name.location}` in `{folder}`", hint=_module_hint(app, name, folder, reader)
        )
    if module.file is None or not name.attribute:
        return _of_module(module, name, folder, found, tell, reader)
    return _checked(_ref(module, name, found), name, reader, folder)


def _is_path(location: str) -> bool:
    return location.endswith(".py") or "/" in location or os.sep in location or location in (".", "..")


def _at_path(  # noqa: PLR0913, PLR0917  # what `named` knows
    app: str, path: Path, name: Name, folder: Path, found: str, tell: Tell, reader: Reader
) -> AppRef:
    path = path.resolve()
    if path.is_file():
        return _in_file(path, name, folder, found, tell, reader)
    if path.is_dir() and (path / "__init__.py").is_file():
        package = path / "__init__.py"
        if name.attribute:
            return _in_file(package, name, folder, found, tell, reader)
        return search.package(package, folder, found, tell, reader, app)
    if path.is_dir() and name.attribute is None:
        from asgictl.target.find import around

        tell(f"looking for an app in `{path}`")
        return around(path, {}, tell, named=app)
    raise StartError(f"there is no file `{shown(path)}`", hint=_path_hint(app, path, name) or _file_hint(path))


def _in_file(file: Path, name: Name, folder: Path, found: str, tell: Tell, reader: Reader) -> AppRef:  # noqa: PLR0913, PLR0917  # the same
    if taken := modules.shadow(file):
        problem = f"`{shown(file)}` cannot be imported: the package `{shown(taken)}` takes its name"
        raise StartError(problem, hint="rename one of them, or name the app that the package holds")
    module = modules.of_file(file, folder)
    if not all(part.isidentifier() for part in module.name.split(".")):
        problem = f"`{shown(file)}` cannot be imported: `{module.name}` is not a name for a module"
        usual = re.sub(r"\W", "_", file.stem)
        raise StartError(problem, hint=f"rename it, like `{usual}.py`")
    if name.attribute:
        return _checked(_ref(module, name, found), name, reader, folder)
    return _of_module(module, name, folder, found, tell, reader)


def _of_module(module: modules.Module, name: Name, folder: Path, found: str, tell: Tell, reader: Reader) -> AppRef:  # noqa: PLR0913, PLR0917  # the same
    """Return the app of a module that is named without one."""
    if module.file is None:
        return _ref(module, name._replace(attribute=OBJECT_NAMES[0]), found)
    offer = reader.offer(module.file)
    if not offer.candidates:
        if module.file.name == "__init__.py":
            return search.package(module.file, folder, found, tell, reader, name.location)
        if offer.seen:
            raise StartError(f"no app was found: {offer.seen[0].text}", hint=offer.seen[0].advice or _name_it(module))
        raise StartError(f"`{shown(module.file)}` holds no app that can be recognised", hint=_name_it(module))
    best = search.best_in(module.file, folder, reader)
    tell(f"`{best.name}` in line {best.line} of `{module.file}` is the app")
    return search.ref_of(module, best, found, reader)


def _name_it(module: modules.Module) -> str:
    return f"name it: `asgictl serve {module.name}:NAME`"


def _ref(module: modules.Module, name: Name, found: str) -> AppRef:
    return AppRef(
        module=module.name,
        attribute=str(name.attribute),
        found=found,
        path=module.path,
        factory=True if name.arguments is not None else None,
        file=module.file,
        arguments=name.arguments or "",
    )


def _checked(ref: AppRef, name: Name, reader: Reader, folder: Path) -> AppRef:
    """Return `ref`, unless its source says that it cannot be served; raise `StartError` or `ConfigError` then."""
    if ref.file is None or not ref.file.is_relative_to(folder):
        return ref
    try:
        offer = reader.offer(ref.file)
    except AppLoadError:
        return ref  # the import says it better
    entry = next((it for it in offer.candidates if it.name == ref.attribute), None)
    if name.arguments is not None and entry is not None and entry.certain and not entry.factory:
        problem = f"`{ref.attribute}` in `{shown(ref.file)}` is an object: it cannot be called like a factory"
        raise ConfigError(problem, hint=f"did you mean `{name.location}:{ref.attribute}`?")
    if name.arguments is None and entry is None and "." not in ref.attribute:
        for seen in offer.seen:
            if f"`{ref.attribute}` (" in seen.text and seen.advice and not seen.advice.startswith("give them"):
                raise StartError(f"`{ref}` cannot be served: {seen.text}", hint=seen.advice)
    search.refuse_unguarded(ref.file, reader)
    return ref


def _module_hint(app: str, name: Name, folder: Path, reader: Reader) -> str:
    """Return what a name that leads to no module may have meant; never the name itself."""
    tail = app[len(name.location) :]
    for guess in _guesses(name, tail, folder, reader):
        if guess != app:
            return f"did you mean `{guess}`?"
    return "run it in the project's folder, or without a name to look for the app"


def _guesses(name: Name, tail: str, folder: Path, reader: Reader) -> "list[str]":
    found: list[str] = []
    parts = name.location.split(".")
    for split_at in range(len(parts) - 1, 0, -1):  # a dot where a colon belongs: `main.app`, `main.py.app`
        module, attribute = ".".join(parts[:split_at]), ".".join(part for part in parts[split_at:] if part != "py")
        file = next((it for root in modules.roots(folder) if (it := modules.in_folder(module, root))), None)
        if file is not None and not attribute:
            found.append(f"{module}{tail}")
        elif file is not None and not tail and reader.binds(file, attribute.partition(".")[0]):
            found.append(f"{module}:{attribute}")
    if (similar := modules.similar(name.location, folder)) is not None:
        found.append(f"{similar}{tail}")
    for inner in sorted(folder.glob("*/")):  # it is meant from a folder below
        if inner.is_dir() and not inner.name.startswith(".") and (file := modules.in_folder(name.location, inner)):
            found.append(f"{file.relative_to(folder).as_posix()}{tail}")
    return found


def _path_hint(app: str, path: Path, name: Name) -> str | None:
    """Return the file that a path without its ending, or with something else for a colon, means."""
    tail = f":{name.attribute}" if name.attribute else ""
    if path.with_name(f"{path.name}.py").is_file() and not tail:
        return f"did you mean `{name.location}.py`?"
    if path.with_name(f"{path.name}.py").is_file():
        return f"did you mean `{name.location}.py{tail}`?"
    before, dot, attribute = name.location.rpartition(".")
    if dot and not tail and _DOTTED.fullmatch(attribute) and attribute != "py":
        file = path.with_name(Path(before).name)
        if file.is_file() and file.suffix == ".py":
            return f"did you mean `{before}:{attribute}`?"
        if file.with_name(f"{file.name}.py").is_file():
            return f"did you mean `{before}.py:{attribute}`?"
    slashed = name.location.replace("\\", "/")
    if slashed != name.location and (path.parent / slashed).is_file():
        return f"did you mean `{slashed}{tail}`?"
    if " " in app and (words := app.split()) and len(words) == 2:
        return (
            f"did you mean `{words[0]}:{words[1]}`?"
            if _DOTTED.fullmatch(words[1]) and (path.parent / f"{words[0]}.py").is_file()
            else None
        )
    return None


def _file_hint(path: Path) -> str:
    close = get_close_matches(path.name, [file.name for file in path.parent.glob("*.py")], n=1)
    return (
        f"did you mean `{shown(path.with_name(close[0]))}`?"
        if close and close[0] != path.name
        else "the path is relative to the current folder"
    )


def entry_of(ref: AppRef, folder: Path) -> Candidate | None:
    """Return what the source of `ref` says of it, or None."""
    if ref.file is None:
        return None
    try:
        found = Reader(modules.follow(folder)).offer(ref.file)
    except AppLoadError:
        return None
    return next((entry for entry in found.candidates if entry.name == ref.attribute), None)
