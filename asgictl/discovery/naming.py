"""An app by its name: `module:attribute`, a module, a file, a folder, a call of a factory."""

import ast
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from asgictl import reading
from asgictl.discovery import pick
from asgictl.discovery.ref import AppRef
from asgictl.discovery.source import modules
from asgictl.discovery.source.offers import OBJECT_NAMES, Reader
from asgictl.errors import AppLoadError, ConfigError, StartError
from asgictl.reading import shown

_FORMS = "write it as `module:attribute` or `path/to/file.py:attribute`"


class NoSuchAppError(StartError):
    """A name leads to nothing."""


class Name(NamedTuple):
    """A name, split: the module or the path, the attribute, and what it is called with where it is called."""

    location: str
    attribute: str | None
    arguments: str | None

    @property
    def is_path(self) -> bool:
        """Whether the location is a file or a folder, and not a module."""
        location = self.location
        return location.endswith(".py") or "/" in location or os.sep in location or location in (".", "..")


def split(app: str) -> Name:
    """Return the parts of `app`; raise `ConfigError` where it names no object."""
    drive = 2 if app[1:3] in (":\\", ":/") else 0  # C:\\app.py
    before, colon, attribute = app[drive:].partition(":")
    location = app[:drive] + before
    if not colon:
        return Name(location, None, None)
    if _is_dotted(attribute):
        return Name(location, attribute, None)
    if call := _call(attribute):
        return Name(location, *call)
    hint = _FORMS
    if "(" in attribute:
        hint = "the arguments of a factory have to be literals, like `'dev'` or `debug=True`"
    elif (close := attribute.partition("[")[0]) in OBJECT_NAMES:
        hint = f"did you mean `{location}:{close}`?"
    elif not attribute:
        hint = f"did you mean `{location}`?"
    what = f"`{attribute}` in `{app}` is not the name of an object" if attribute else f"`{app}` names no object"
    raise ConfigError(what, hint=hint)


def _call(text: str) -> tuple[str, str] | None:
    """Return what `text`, a call, calls, and with which literals, as text; None for anything else."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if not isinstance(node, ast.Call) or not _is_dotted(called := ast.unparse(node.func)):
            return None
        if any(word.arg is None for word in node.keywords):  # **words
            return None
        for value in (*node.args, *(word.value for word in node.keywords)):
            if ast.literal_eval(value) is ...:
                return None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return called, ", ".join(map(ast.unparse, (*node.args, *node.keywords)))


class Namer:
    """Finds the apps that are named in a folder; `tell` receives every step as a sentence."""

    def __init__(self, folder: Path, tell: Callable[[str], None], reader: Reader) -> None:
        self._folder = folder
        self._tell = tell
        self._reader = reader

    def app(self, app: str, found: str) -> AppRef:
        """Return the app called `app`, which was `found` so.

        Raises `NoSuchAppError` when it is not there, `StartError` when it cannot be served, and `ConfigError` when it
        is no name.
        """
        ref = self._named(app, found)
        if ref.file is not None and ref.file.is_relative_to(self._folder):
            try:
                why = pick.starts_itself(ref.file, self._reader)
            except AppLoadError:
                return ref  # the import says it better
            if why is not None:
                raise StartError(why, hint=pick.GUARD)
        return ref

    def _named(self, app: str, found: str) -> AppRef:
        name = split(app)
        path = self._folder / name.location
        if reading.exists(path) and not reading.is_dir(path) and not reading.is_file(path):
            raise StartError(f"`{shown(path)}` is not a regular file", hint="name a file, a folder or a module")
        if path.suffix == ".ipynb":
            raise StartError(f"`{app}` is a notebook, which cannot be served", hint="copy its app into a `.py` file")
        if name.is_path:
            return self._at_path(app, path, name, found)
        if not _is_dotted(name.location) and reading.is_dir(path):
            return self._at_path(app, path, name, found)
        if not _is_dotted(name.location):
            raise ConfigError(
                f"`{app}` is neither a module nor a file", hint=_path_hint(app, self._folder, name) or _FORMS
            )
        module = modules.of_name(name.location, self._folder)
        elsewhere = module is None or module.file is None or not module.file.is_relative_to(self._folder)
        if reading.is_dir(path) and elsewhere and (module is None or name.attribute is None):
            return self._at_path(app, path, name, found)  # a plain folder, whoever else has its name
        if module is None:
            problem = f"there is no module `{name.location}` in `{self._folder}`"
            raise NoSuchAppError(problem, hint=self._module_hint(app, name))
        if not name.attribute:
            return self._of_module(module, name, found)
        return self._checked(_ref(module, name, found), name)

    def _at_path(self, app: str, path: Path, name: Name, found: str) -> AppRef:
        path = path.resolve()
        if reading.is_file(path):
            return self._in_file(path, name, found)
        if reading.is_dir(path) and reading.is_file(path / "__init__.py"):
            package = path / "__init__.py"
            if name.attribute:
                return self._in_file(package, name, found)
            return pick.of_package(package, self._folder, found, self._reader, app)
        if reading.is_dir(path) and name.attribute is None:
            from asgictl.discovery.find import of_folder

            self._tell(f"looking for an app in `{path}`")
            return of_folder(path, self._tell, app)
        hint = _path_hint(app, self._folder, name) or _file_hint(path, name.location)
        what = "folder" if name.location.endswith(("/", os.sep)) else "file"
        raise NoSuchAppError(f"there is no {what} `{shown(path)}`", hint=hint)

    def _in_file(self, file: Path, name: Name, found: str) -> AppRef:
        if file.name == "manage.py" and not name.attribute:
            from asgictl.discovery.declared import django_project

            if ref := django_project.find(file.parent, {}, self._tell):
                return ref._replace(found=found)
        if taken := modules.shadow(file):
            problem = f"`{shown(file)}` cannot be imported: the package `{shown(taken)}` takes its name"
            raise StartError(problem, hint="rename one of them, or name the app that the package holds")
        module = modules.of_file(file, self._folder)
        if not all(part.isidentifier() for part in module.name.split(".")):
            problem = f"`{shown(file)}` cannot be imported: `{module.name}` is not a valid module name"
            raise StartError(problem, hint=f"rename it, for example to `{pick.module_name(file)}.py`")
        if (hides := pick.hides(file, self._folder, self._reader)) is not None:
            raise StartError(hides, hint="rename it")
        if name.attribute:
            return self._checked(_ref(module, name, found), name)
        return self._of_module(module, name, found)

    def _of_module(self, module: modules.Module, name: Name, found: str) -> AppRef:
        """Return the app of a module that is named without one."""
        if module.file is None:
            return _ref(module, name._replace(attribute=OBJECT_NAMES[0]), found)
        offer = self._reader.offer(module.file)
        if offer.candidates:
            best = pick.best_in(module.file, self._folder, self._reader)
            self._tell(f"`{best.name}` in line {best.line} of `{module.file}` is the app")
            return pick.ref_of(module, best, found)
        if module.file.name == "__init__.py":
            return pick.of_package(module.file, self._folder, found, self._reader, name.location)
        hint = f"name it: `asgictl serve {module.name}:NAME`"
        if module.file.stem == "settings" or ".settings." in f"{module.name}.":
            hint = "for Django, name the folder of its `manage.py`, or no app there"
        if offer.seen:
            raise StartError(f"no app was found: {offer.seen[0].text}", hint=offer.seen[0].advice or hint)
        raise StartError(f"`{shown(module.file)}` holds no app that can be recognised", hint=hint)

    def _checked(self, ref: AppRef, name: Name) -> AppRef:
        """Return `ref`; raise `StartError` or `ConfigError` where its source says that it cannot be served."""
        if ref.file is None or not ref.file.is_relative_to(self._folder):
            return ref
        try:
            offer = self._reader.offer(ref.file)
        except AppLoadError:
            return ref  # the import says it better
        entry = next((it for it in offer.candidates if it.name == ref.attribute), None)
        if name.arguments is not None and entry is not None and entry.certain and not entry.factory:
            problem = f"`{ref.attribute}` in `{shown(ref.file)}` is an object: it cannot be called like a factory"
            raise ConfigError(problem, hint=f"did you mean `{name.location}:{ref.attribute}`?")
        if name.arguments is None and entry is None:
            for seen in offer.seen:
                if seen.name == ref.attribute and seen.advice:
                    raise StartError(f"`{ref}` cannot be served: {seen.text}", hint=seen.advice)
        return ref

    def _module_hint(self, app: str, name: Name) -> str:
        """Return what a name that leads to no module may have meant; never the name itself."""
        tail = app[len(name.location) :]
        for guess in self._guesses(name.location, tail):
            if guess != app:
                return f"did you mean `{guess}`?"
        return "run it in the project's folder, or without a name to look for the app"

    def _guesses(self, location: str, tail: str) -> Iterator[str]:
        parts = location.split(".")
        for end in range(len(parts) - 1, 0, -1):  # a dot where a colon belongs: `main.app`, `main.py.app`
            module, attribute = ".".join(parts[:end]), ".".join(part for part in parts[end:] if part != "py")
            file = next((it for root in modules.roots(self._folder) if (it := modules.in_folder(module, root))), None)
            if file is not None and not attribute:
                yield f"{module}{tail}"
            elif file is not None and not tail and self._reader.sources.binds(file, attribute.partition(".")[0]):
                yield f"{module}:{attribute}"
        if (similar := modules.similar(location, self._folder)) is not None:
            yield f"{similar}{tail}"
        for inner in sorted(self._folder.glob("*/")):  # it is meant from a folder below
            file = modules.in_folder(location, inner) if not inner.name.startswith(".") else None
            if file is not None:
                yield f"{file.relative_to(self._folder).as_posix()}{tail}"


def _is_dotted(text: str) -> bool:
    """Tell whether `text` is the name of a module or of an object."""
    return all(part.isidentifier() for part in text.split("."))


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


def _path_hint(app: str, folder: Path, name: Name) -> str | None:
    """Return which file a path means that lacks its ending, or has something else for the colon or the slash."""
    tail = f":{name.attribute}" if name.attribute else ""
    before, _, attribute = name.location.rpartition(".")
    module, _, word = app.partition(" ")
    slashed = name.location.replace("\\", "/")
    guesses = {
        f"{name.location}.py": f"{name.location}.py{tail}",
        before: f"{before}:{attribute}",
        f"{before}.py": f"{before}.py:{attribute}",
        slashed: f"{slashed}{tail}",
    }
    if word:
        guesses[f"{module}.py"] = f"{module}:{word}"
    for file, meant in guesses.items():
        is_app = meant != app and _is_dotted(meant.partition(":")[2] or "py")
        if is_app and file.endswith(".py") and reading.is_file(folder / file):
            return f"did you mean `{meant}`?"
    return None


def _file_hint(path: Path, location: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(path.name, [file.name for file in path.parent.glob("*.py")], n=1)
    if close:
        return f"did you mean `{shown(path.with_name(close[0]))}`?"
    return "see that it is there" if Path(location).is_absolute() else "the path is relative to the current folder"
