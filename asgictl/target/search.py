"""Look around for the app: what lies in a folder, which of it is the one, and what to say where none is."""

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from asgictl import frameworks, project, reading
from asgictl.errors import AppLoadError, ConfigError, StartError
from asgictl.project import shown
from asgictl.target import modules
from asgictl.target.offers import OBJECT_NAMES, Candidate, Reader, Sighting
from asgictl.target.ref import AppRef
from asgictl.target.source import Start

Tell = Callable[[str], None]

FILES = ("main", "app", "api", "asgi", "server", "application", "wsgi", "run")

# Files whose object is meant for servers, and by which names.
_FOR_SERVERS = {"asgi": OBJECT_NAMES, "wsgi": OBJECT_NAMES, "run": OBJECT_NAMES[:2]}

# What holds apps that are not the project's own, and what is never looked into.
_ASIDE = frozenset(
    (
        *(
            "test",
            "tests",
            "testing",
            "example",
            "examples",
            "sample",
            "samples",
            "doc",
            "docs",
            "docs_src",
            "tutorial",
        ),
        *("tutorials", "bench", "benchmark", "benchmarks", "fixtures", "migrations", "alembic", "versions", "scripts"),
        *("tools", "vendor", "third_party", "notebooks", "cookbook"),
    )
)
_ASIDE_WORDS = frozenset(("test", "tests", "example", "examples", "benchmarks"))

# Folders of several projects, each of which is one for itself.
_SHELVES = frozenset(("services", "apps", "packages", "projects", "microservices", "src"))
_NEVER = frozenset(("node_modules", "site-packages", "__pycache__", "build", "dist", "venv", "env", "virtualenv"))

MANIFESTS = (
    "pyproject.toml",
    "setup.cfg",
    "Pipfile",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "manage.py",
    "environment.yml",
)

# How much is looked at: entries of folders, modules, bytes, seconds; and modules of tests and examples, and those in
# the folder itself that import no framework.
_ENTRIES, _READ, _BYTES, _SECONDS, _ASIDE_READ, _HERE_READ = 40_000, 8_000, 64_000_000, 2.0, 12, 50


def _telling() -> dict[bytes, tuple[bytes, ...]]:
    """Return, by the package that a module imports, the words of which one has to be in it for a closer look."""
    found: dict[str, set[str]] = {name.partition(".")[0]: {""} for name in frameworks.SCRIPTS}
    for framework in frameworks.FRAMEWORKS:
        found.setdefault(framework.module.partition(".")[0], set()).update(framework.makers)
    for package, name in frameworks.FOREIGN:
        found.setdefault(package, set()).add(name)
    return {name.encode(): tuple(word.encode() for word in words) for name, words in found.items()}


_TELLING = _telling()
_IMPORT = b"import "
_SIGNATURES = (b"receive, send", b"start_response")

_SHOWN = 4
_GUARD = 'put it below `if __name__ == "__main__":`'


class Place(NamedTuple):
    """A folder of modules: the lower `rank`, the better."""

    folder: Path
    rank: int


class Match(NamedTuple):
    """A candidate and its file; `order` sorts those that rank alike, where that is known, `group` is its top folder."""

    file: Path
    entry: Candidate
    rank: tuple[int, ...]
    order: tuple[int, ...]
    group: str


# This folder, `app/`, `src/`, the project's package; other packages; files of any name here, and folders that are no
# packages; what is deeper, and called by no usual name.
_HERE, _APP, _SRC, _OWN, _OTHER, _STRAY, _FAR = range(7)


class Survey:
    """What a look around has found."""

    def __init__(self, folder: Path, around: project.Project | None, tell: Tell, reader: Reader) -> None:
        self.folder = folder
        self.around = around
        self.tell = tell
        self.reader = reader
        self.matches: dict[Path, list[Match]] = {}
        self.seen: list[Sighting] = []
        self.empty: list[Path] = []
        self.looked: list[str] = []
        self.python = False
        self.cut: str | None = None
        self.read = 0

    def best(self) -> AppRef | None:
        """Return the app, or None where there is none; raise `ConfigError` where several are as good."""
        places = list(_places(self.folder, self.around))
        for place in places:
            self._usual(place)
        if not self._settled():
            self._everything({place.folder: place for place in reversed(places)})
        if not any(self.matches.values()):
            return None
        return self._chosen()

    def _settled(self) -> bool:
        """Tell whether nothing that may be found elsewhere can be better than what the usual files hold."""
        found = [match for matches in self.matches.values() for match in matches]
        return any(match.entry.certain and not match.entry.factory and match.rank[-1] <= _OWN for match in found)

    def _usual(self, place: Place) -> None:
        self.looked.append(self._label(place.folder))
        names = FILES if place.folder == self.folder else (*FILES, "__init__")
        if place.folder.name.isidentifier():
            names = (*names, place.folder.name)
        for index, name in enumerate(names):
            file = modules.in_folder(name, place.folder) if name != "__init__" else place.folder / "__init__.py"
            if file is not None and file.is_file() and file not in self.matches:
                self._look(file, place, index)

    def _label(self, folder: Path) -> str:
        return "this folder" if folder == self.folder else f"{folder.relative_to(self.folder).as_posix()}/"

    def _look(self, file: Path, place: Place, index: int) -> None:
        label = file.relative_to(self.folder).as_posix()
        self.python = True
        self.matches[file] = []
        try:
            offer = self.reader.offer(file)
            best_in(file, self.folder, self.reader)
        except AppLoadError as error:
            if not any(self.matches.values()) and index < len(FILES) and place.rank <= _OWN:
                raise
            self.tell(f"`{label}` is passed over: {error}")
            return
        except ConfigError:
            if not any(self.matches.values()):
                raise
            self.tell(f"`{label}` holds several apps that rank alike")
            return
        self.seen += [it for it in offer.seen if it not in self.seen]
        if offer.candidates and (start := _unguarded(file, self.reader)) is not None:
            self._starts_itself(file, start)
            return
        if not offer.candidates:
            self.empty.append(file)
            self.tell(f"`{label}` holds no app" + "".join(f": {it.text}" for it in offer.seen[:1]))
            return
        self.matches[file] = [self._match(file, entry, place, index) for entry in offer.candidates[:1]]
        best = offer.candidates[0]
        what = f" ({best.framework})" if best.framework else ""
        self.tell(f"`{label}` holds `{best.name}`{what} in line {best.line}")

    def _starts_itself(self, file: Path, start: Start) -> None:
        text = f"`{shown(file)}` starts a server of its own when it is imported: `{start.text}`, line {start.line}"
        self.seen.append(Sighting(file, start.line, text, _GUARD))
        self.tell(text)

    def _match(self, file: Path, entry: Candidate, place: Place, index: int) -> Match:
        stem = file.parent.name if file.name == "__init__.py" else file.stem
        relative = file.relative_to(self.folder)
        for_servers = entry.name in _FOR_SERVERS.get(stem, ()) and place.rank <= _OWN
        role = 0 if for_servers else 1 if entry.certain else 2
        if entry.factory:
            role = 3 if entry.certain else 4
        if entry.guess:
            role = 5
        if entry.imported and not for_servers:
            role += 2
        group = "/".join(relative.parts[: 1 + (relative.parts[0] in _SHELVES)]) if place.rank >= _OTHER else ""
        far = int(place.rank == _FAR)
        return Match(file, entry, (far, role, place.rank), (index, entry.rank, len(relative.parts)), group)

    def _everything(self, known: dict[Path, Place]) -> None:
        """Read every module that may hold an app, as many as can be looked at."""
        factories = {match.entry.name for matches in self.matches.values() for match in matches if match.entry.factory}
        telling = (*_SIGNATURES, *(f"{name}(".encode() for name in factories))
        aside: list[Path] = []
        read = size = 0
        end = time.monotonic() + _SECONDS
        for file in self._modules():
            self.python = True
            if file in self.matches:
                continue
            if read == _READ or size > _BYTES or time.monotonic() > end:
                self.cut = f"only {read} modules were looked at"
                self.tell(self.cut)
                return
            try:
                content = reading.content(file)
            except OSError as error:
                self.tell(f"`{file.relative_to(self.folder)}` is passed over: {error.strerror}")
                continue
            read, size = read + 1, size + len(content)
            self.read = read
            here = file.parent == self.folder and read <= _HERE_READ
            if not (here or _is_telling(content) or any(word in content for word in telling)):
                continue
            if _is_aside(file, self.folder):
                aside.append(file)
            else:
                self._stray(file, known)
        if not any(self.matches.values()):
            for file in aside[:_ASIDE_READ]:
                self._from_aside(file)

    def _from_aside(self, file: Path) -> None:
        """Note an app among tests, examples, documentation or migrations, which is never taken without a name."""
        label = file.relative_to(self.folder).as_posix()
        try:
            candidates = self.reader.offer(file).candidates
        except AppLoadError:
            return
        found = next((entry for entry in candidates if entry.certain and not entry.guess), None)
        if found is not None:
            text = (
                f"`{label}` holds `{found.name}` ({found.framework or found.interface or 'an app'}), line {found.line}"
            )
            self.seen.append(Sighting(file, found.line, text, f"serve it: `asgictl serve {label}`"))
            self.tell(f"{text}: it is not taken from there")

    def _stray(self, file: Path, known: dict[Path, Place]) -> None:
        label = file.relative_to(self.folder).as_posix()
        self.matches[file] = []
        try:
            offer = self.reader.offer(file)
        except AppLoadError as error:
            self.tell(f"`{label}` is passed over: {error}")
            return
        self.seen += [it for it in offer.seen if it not in self.seen]
        place = self._place(file, known)
        candidates = [it for it in offer.candidates if it.certain and not it.imported]
        candidates = [it for it in candidates if not it.guess or place.rank == _STRAY]
        if not candidates:
            return
        if (start := _unguarded(file, self.reader)) is not None:
            self._starts_itself(file, start)
            return
        best = [entry for entry in candidates if entry.rank == candidates[0].rank]
        if (why := self._cannot_be_imported(file)) is not None:
            text = f"`{label}` holds `{best[0].name}`, but {why}"
            self.seen.append(
                Sighting(file, best[0].line, text, "rename one of them" if "package" in why else "rename it")
            )
            self.tell(text)
            return
        self.matches[file] = [self._match(file, entry, place, len(FILES) + 2) for entry in best]
        self.tell(", ".join(f"`{label}` holds `{entry.name}` in line {entry.line}" for entry in best))

    def _cannot_be_imported(self, file: Path) -> str | None:
        if (taken := modules.shadow(file)) is not None:
            return f"the package `{shown(taken)}` takes its name"
        name = modules.of_file(file, self.folder).name
        return None if all(part.isidentifier() for part in name.split(".")) else f"`{name}` is not a module's name"

    def _place(self, file: Path, known: dict[Path, Place]) -> Place:
        """Return the place that a module lies in that is in none of the usual ones by its name."""
        if file.parent == self.folder:
            return Place(file.parent, _STRAY)
        near = known.get(file.parent)
        if near is not None and near.rank != _HERE:
            return near
        stem = file.parent.name if file.name == "__init__.py" else file.stem
        usual = stem in FILES or stem == file.parent.name
        if usual:
            return Place(file.parent, _OTHER if (file.parent / "__init__.py").is_file() else _STRAY)
        return Place(file.parent, _FAR)

    def _modules(self) -> Iterator[Path]:
        """Yield the modules of the project, those nearer to its folder first."""
        entries = 0
        level = [self.folder]
        while level:
            below: list[Path] = []
            for folder in level:
                try:
                    found = sorted(os.scandir(folder), key=lambda entry: entry.name)
                except OSError as error:
                    self.tell(f"`{folder}` is passed over: {error.strerror}")
                    continue
                entries += len(found)
                if entries > _ENTRIES:
                    self.cut = f"only {entries - len(found)} files were looked at"
                    self.tell(self.cut)
                    return
                for entry in found:
                    if entry.name.startswith(".") or entry.is_symlink():
                        continue
                    if entry.is_dir():
                        if (
                            entry.name not in _NEVER
                            and "{" not in entry.name
                            and not os.path.exists(f"{entry.path}/pyvenv.cfg")
                        ):  # noqa: PTH110  # 5,000 times
                            below.append(Path(entry.path))
                    elif entry.name.endswith(".py"):
                        yield Path(entry.path)
                    elif entry.name.endswith(".ipynb"):
                        self.python = True
                        self.empty.append(Path(entry.path))
            level = below

    def _chosen(self) -> AppRef:
        matches = self._without_doubles()
        best = min(match.rank for match in matches)
        leading = [match for match in matches if match.rank == best]
        groups = {match.group for match in leading}
        leading.sort(key=lambda match: match.order)
        alike = [match for match in leading if match.order[:2] == leading[0].order[:2]]
        if len(groups) > 1:
            alike = [next(match for match in leading if match.group == group) for group in sorted(groups)]
        if len(alike) > 1:
            raise _several(alike, self.folder)
        first = leading[0]
        others = sorted((match for match in matches if match is not first), key=lambda match: (match.rank, match.order))
        others = [
            match for match in others if match.rank[0] == first.rank[0] and match.rank[1] <= max(2, first.rank[1])
        ]
        for match in others:
            self.tell(f"`{_string(match, self.folder)}` loses to `{_string(first, self.folder)}`: {_why(first, match)}")
        label = first.file.relative_to(self.folder).as_posix()
        ref = ref_of(
            modules.of_file(first.file, self.folder),
            first.entry,
            f"found in {label}, line {first.entry.line}",
            self.reader,
        )
        also = tuple(
            f"{_string(match, self.folder)} in {match.file.relative_to(self.folder).as_posix()}" for match in others
        )
        return ref._replace(also=also[:_SHOWN])

    def _without_doubles(self) -> list[Match]:
        """Return the matches, of those that are the same object the best one."""
        found = sorted(
            (match for matches in self.matches.values() for match in matches), key=lambda it: (it.rank, it.order)
        )
        homes: dict[object, Match] = {}
        for match in found:
            homes.setdefault(match.entry.home or (match.file, match.entry.name), match)
        return list(homes.values())

    def nothing(self) -> StartError:
        """Return the error that says what is there instead of an app."""
        aside = [it for it in self.seen if _is_aside(it.file, self.folder)]
        own = [it for it in self.seen if it not in aside]
        own.sort(key=lambda it: (not it.advice, it.file.parent != self.folder))
        texts = [it.text for it in (*own, *aside)]
        if not (texts or self.empty) and self.read:
            texts = [f"none in the {self.read} modules" if self.read > 1 else "none in the only module"]
        texts = texts or [f"`{file.relative_to(self.folder).as_posix()}` holds no app" for file in self.empty]
        more = f", and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
        if self.cut:
            more += f" ({self.cut})"
        advice = next((it.advice for it in (*own, *aside) if it.advice), None)
        listed = f": {'; '.join(texts[:_SHOWN])}{more}" if texts else more
        hint = advice or "name yours as `module:attribute`; `asgictl serve demo` shows the bundled app"
        return StartError(f"no app was found in `{self.folder}`{listed}", hint=hint)

    def is_empty(self) -> bool:
        """Tell whether the folder holds no Python project at all."""
        requirements = any(self.folder.glob("requirements*.txt"))
        return not (self.python or self.cut or requirements or any((self.folder / name).exists() for name in MANIFESTS))


def _why(first: Match, other: Match) -> str:
    if first.rank[1] != other.rank[1]:
        return "an object for servers comes first, then objects, then factories"
    return "its place comes first" if first.rank != other.rank else "its name comes first"


def _string(match: Match, folder: Path) -> str:
    return f"{modules.of_file(match.file, folder).name}:{match.entry.name}"


def _several(alike: Sequence[Match], folder: Path) -> ConfigError:
    listed = [
        f"`{_string(match, folder)}`{f' ({match.entry.framework})' if match.entry.framework else ''} in "
        f"`{match.file.relative_to(folder).as_posix()}`, line {match.entry.line}"
        for match in alike
    ]
    more = f", and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    problem = f"`{folder}` holds {len(alike)} apps that rank alike: {'; '.join(listed[:_SHOWN])}{more}"
    first = alike[0]
    name = (
        f"{first.file.relative_to(folder).as_posix()}:{first.entry.name}"
        if first.file.parent != folder
        else _string(first, folder)
    )
    return ConfigError(problem, hint=f"name one: `asgictl serve {name}`")


def _is_telling(content: bytes) -> bool:
    """Tell whether a module imports a framework, and names what makes its apps."""
    packages = _TELLING.keys() & set(_imported(content))
    return any(word in content for package in packages for word in _TELLING[package])


def _imported(content: bytes) -> Iterator[bytes]:
    """Yield the packages that the lines of a module import, and what else stands there; regular expressions take longer."""
    at = content.find(_IMPORT)
    while at >= 0:
        before = content[content.rfind(b"\n", 0, at) + 1 : at].split(None, 2)
        if not before:
            yield content[at + len(_IMPORT) : at + 40].partition(b".")[0].partition(b"\n")[0].strip(b" \r,;")
        elif before[0] == b"from" and len(before) > 1:
            yield before[1].split(b".", 1)[0]
        at = content.find(_IMPORT, at + 1)


def _is_aside(file: Path, folder: Path) -> bool:
    """Tell whether a file is one of tests, examples, documentation or migrations."""
    name = file.name
    if (
        name in {"conftest.py", "setup.py", "noxfile.py", "fabfile.py"}
        or name.startswith("test_")
        or name.endswith("_test.py")
    ):
        return True
    return any(map(_is_aside_name, file.relative_to(folder).parts[:-1]))


def _is_aside_name(name: str) -> bool:
    """Tell whether a folder is called like one of tests, examples, documentation or migrations: `e2e-tests`, too."""
    return name.lower() in _ASIDE or not _ASIDE_WORDS.isdisjoint(re.split(r"[-_]", name.lower()))


def _places(folder: Path, around: project.Project | None) -> Iterator[Place]:
    """Yield the folders to look into, the best first."""
    src = folder / "src"
    names = [folder.name]
    if around and around.root == folder and around.package:
        names.insert(0, around.package)
    own = [base / name for name in dict.fromkeys(names) for base in (src, folder)]
    others = [*_packages(src), *_packages(folder)]
    ranked = [(folder, _HERE), (folder / "app", _APP), (src, _SRC), *((place, _OWN) for place in own)]
    alone = len(_packages(src)) == 1
    for place in others:
        if (place / "__init__.py").exists():
            ranked.append((place, _OWN if alone and place.parent == src else _OTHER))
        else:
            ranked += [
                (inner, _OWN if alone and place.parent == src else _STRAY) for inner in (place, *_packages(place))
            ]
    done: set[Path] = set()
    for place, rank in ranked:
        if place not in done and place.is_dir():
            done.add(place)
            yield Place(place, rank)


def _packages(folder: Path) -> list[Path]:
    """Return the folders in `folder` that may be packages, or projects of their own."""
    try:
        entries = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError:
        return []
    return [
        entry
        for entry in entries[:_READ]
        if entry.is_dir()
        and not entry.name.startswith(".")
        and entry.name not in _NEVER
        and not _is_aside_name(entry.name)
        and "{" not in entry.name  # a template of a project
        and not (entry / "pyvenv.cfg").exists()
    ]


def best_in(file: Path, folder: Path, reader: Reader) -> Candidate:
    """Return the best candidate in `file`, which has one; raise `ConfigError` when two rank alike."""
    entries = reader.offer(file).candidates
    best = [entry for entry in entries if entry.rank == entries[0].rank]
    if len(best) > 1:
        listed = ", ".join(f"`{entry.name}` in line {entry.line}" for entry in best)
        module = modules.of_file(file, folder).name
        problem = f"`{shown(file)}` holds {len(best)} apps: {listed}"
        raise ConfigError(problem, hint=f"name one: `asgictl serve {module}:{best[0].name}`")
    return best[0] if best else Candidate("", 0, 0)


def package(init: Path, folder: Path, found: str, tell: Tell, reader: Reader, app: str) -> AppRef:  # noqa: PLR0913, PLR0917  # what `named` knows
    """Return the app of the package whose `__init__.py` is `init`; raise `StartError` where it holds none."""
    files = (init, *(init.with_name(f"{name}.py") for name in (*FILES, init.parent.name)))
    for file in filter(Path.is_file, files):
        try:
            if not reader.offer(file).candidates:
                continue
        except AppLoadError:
            continue
        best = best_in(file, folder, reader)
        tell(f"`{best.name}` in line {best.line} of `{file}` is the app")
        return ref_of(modules.of_file(file, folder), best, found, reader)
    name = modules.of_file(init, folder).name
    raise StartError(f"the package `{app}` holds no app", hint=f"name it: `{name}.module:attribute`")


def ref_of(module: modules.Module, entry: Candidate, found: str, reader: Reader) -> AppRef:
    """Return the reference to a candidate."""
    return AppRef(
        module=module.name,
        attribute=entry.name,
        found=found,
        path=module.path,
        factory=entry.factory or None,
        file=module.file,
    )


def _unguarded(file: Path, reader: Reader) -> Start | None:
    """Return the call by which the module in `file` starts a server itself as soon as it is imported."""
    return next((start for start in reader.source(file).starts if start.at_import), None)


def refuse_unguarded(file: Path, reader: Reader) -> None:
    """Raise `StartError` where the module in `file` starts a server itself as soon as it is imported."""
    if (start := _unguarded(file, reader)) is not None:
        problem = f"`{shown(file)}` starts a server of its own when it is imported: `{start.text}`, line {start.line}"
        raise StartError(problem, hint=_GUARD)
