"""Look around for the app: what lies in a folder, which of it is the one, and what to say where none is."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from asgictl import pyproject, reading
from asgictl.discovery import pick, places
from asgictl.discovery.places import FILES, Folder
from asgictl.discovery.ref import AppRef
from asgictl.discovery.scan import Scan
from asgictl.discovery.source import modules
from asgictl.discovery.source.offers import OBJECT_NAMES, Candidate, Offer, Reader, Sighting
from asgictl.errors import AppLoadError, ConfigError, StartError
from asgictl.reading import shown

Tell = Callable[[str], None]

# Files whose object is meant for servers, and by which names.
_FOR_SERVERS = {"asgi": OBJECT_NAMES, "wsgi": OBJECT_NAMES, "run": OBJECT_NAMES[:2]}

# What an app is, the best first.
_SERVERS, _OBJECT, _LIKELY_OBJECT, _FACTORY, _LIKELY_FACTORY, _GUESS = range(6)

# So many tests and examples are read, and so many apps named.
_ASIDE_READ = 12
_SHOWN = 4


class Match(NamedTuple):
    """A candidate and its file; `order` sorts those that rank alike, where that is known, `group` is its top folder."""

    file: Path
    entry: Candidate
    rank: tuple[int, ...]
    order: tuple[int, ...]
    group: str


class Survey:
    """What a look around has found."""

    def __init__(self, folder: Path, around: pyproject.PyProject | None, tell: Tell, reader: Reader) -> None:
        self.folder = folder
        self.around = around
        self.tell = tell
        self.reader = reader
        self.looked: list[str] = []
        self._matches: dict[Path, list[Match]] = {}
        self._seen: list[Sighting] = []
        self._without: list[Path] = []
        self._calls: set[str] = set()  # of what makes apps
        self._scan = Scan(folder, tell)

    def best(self) -> AppRef | None:
        """Return the app, or None where there is none; raise `ConfigError` where several are as good."""
        known = list(places.places(self.folder, self.around))
        for place in known:
            self._look_at_usual_files(place)
        if not self._is_settled():
            self._look_everywhere({place.folder: place for place in reversed(known)})
        return self._chosen() if self._found() else None

    def nothing(self, problem: str) -> StartError:
        """Return the error that says `problem`, and what is there instead of an app."""
        aside = [it for it in self._seen if places.is_aside(it.file, self.folder)]
        own = [it for it in self._seen if it not in aside]
        own.sort(key=lambda it: (not it.advice, it.file.parent != self.folder))
        texts = [*self._scan.unread, *(it.text for it in (*own, *aside))]
        texts = texts or [f"`{self._label(file)}` holds no app" for file in (*self._without, *self._scan.notebooks)]
        if not texts and self._scan.read:
            texts = [
                f"none of its {self._scan.read} modules holds one" if self._scan.read > 1 else "its module holds none"
            ]
        more = f", and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
        more += f" ({self._scan.cut})" if self._scan.cut else ""
        listed = f": {'; '.join(texts[:_SHOWN])}{more}" if texts else more
        advice = next((it.advice for it in (*own, *aside) if it.advice), None)
        if self._scan.notebooks and not self._scan.read:
            advice = "a notebook cannot be served: copy its app into a `.py` file"
        hint = advice or "name yours as `module:attribute`; `asgictl serve demo` shows the bundled app"
        return StartError(f"{problem}{listed}", hint=hint)

    def is_empty(self) -> bool:
        """Tell whether the folder holds no Python project at all."""
        python = self._matches or self._scan.read or self._scan.unread or self._scan.notebooks or self._scan.cut
        return not (python or places.has_manifest(self.folder))

    def _found(self) -> list[Match]:
        return [match for matches in self._matches.values() for match in matches]

    def _label(self, file: Path) -> str:
        return file.relative_to(self.folder).as_posix()

    def _is_settled(self) -> bool:
        """Tell whether nothing that may be found elsewhere can be better than what the usual files hold."""
        return any(it.entry.certain and not it.entry.factory and it.rank[-1] <= places.OWN for it in self._found())

    def _look_at_usual_files(self, place: Folder) -> None:
        here = place.folder == self.folder
        self.looked.append("this folder" if here else f"{self._label(place.folder)}/")
        names = FILES if here else (*FILES, "__init__")
        if place.folder.name.isidentifier():
            names = (*names, place.folder.name)
        for index, name in enumerate(names):
            file = place.folder / "__init__.py" if name == "__init__" else modules.in_folder(name, place.folder)
            if file is not None and reading.is_file(file) and file not in self._matches:
                self._look_at(file, place, index)

    def _look_at(self, file: Path, place: Folder, index: int) -> None:
        label = self._label(file)
        first = not self._found()
        offer = self._offer(file, must=first and index < len(FILES) and place.rank <= places.OWN)
        if offer is None:
            return
        if not offer.candidates:
            self._without.append(file)
            self.tell(f"`{label}` holds no app" + "".join(f": {it.text}" for it in offer.seen[:1]))
            return
        try:
            best = pick.best_in(file, self.folder, self.reader)
        except ConfigError:
            if first:
                raise
            self.tell(f"`{label}` holds several apps that rank alike")
            return
        self._take(file, [best], place, index)

    def _look_everywhere(self, known: dict[Path, Folder]) -> None:
        """Look at every module that may hold an app: that imports a framework, or calls what makes an app."""
        aside: list[Path] = []
        for file in self._scan.modules(tuple(self._matches), self._calls):
            self._look_deeper(file, known, aside)
        told = 0
        while len(self._calls) > told:
            told = len(self._calls)
            for file in self._scan.again(self._calls):
                self._look_deeper(file, known, aside)
        if not self._found():
            for file in aside[:_ASIDE_READ]:
                self._note_aside(file)

    def _look_deeper(self, file: Path, known: dict[Path, Folder], aside: list[Path]) -> None:
        if places.is_aside(file, self.folder):
            aside.append(file)
        elif (offer := self._offer(file)) is not None:
            place = places.place_of(file, self.folder, known)
            entries = [it for it in offer.candidates if it.certain and not it.imported]
            entries = [it for it in entries if not it.guess or place.rank == places.STRAY]
            self._take(file, [it for it in entries if it.rank == entries[0].rank], place, len(FILES) + 2)

    def _offer(self, file: Path, *, must: bool = False) -> Offer | None:
        """Return what `file` holds; for one that cannot be read None, or raise `AppLoadError` if it `must` be."""
        self._matches[file] = []
        try:
            offer = self.reader.offer(file)
        except AppLoadError as error:
            if must:
                raise
            self.tell(f"`{self._label(file)}` is passed over: {error}")
            return None
        self._seen += [it for it in offer.seen if it not in self._seen]
        self._calls.update(f"{name}(" for name in offer.makers)
        return offer

    def _take(self, file: Path, entries: Sequence[Candidate], place: Folder, index: int) -> None:
        """Count `entries` as matches, unless their file cannot be imported as a module."""
        if not entries:
            return
        label, first = self._label(file), entries[0]
        if (text := pick.starts_itself(file, self.reader)) is not None:
            self._see(Sighting(file, first.line, text, pick.GUARD))
        elif (text := pick.hides(file, self.folder, self.reader)) is not None:
            self._see(Sighting(file, first.line, text, "rename it"))
        elif (taken := modules.shadow(file)) is not None:
            text = f"`{label}` holds `{first.name}`, but the package `{shown(taken)}` takes its name"
            self._see(Sighting(file, first.line, text, "rename one of them"))
        elif not _is_module_name(name := modules.of_file(file, self.folder).name):
            text = f"`{label}` holds `{first.name}`, but `{name}` is not a module's name"
            self._see(Sighting(file, first.line, text, f"rename it, for example to `{pick.module_name(file)}.py`"))
        else:
            self._matches[file] = [self._match(file, entry, place, index) for entry in entries]
            for entry in entries:
                what = f" ({entry.framework})" if entry.framework else ""
                self.tell(f"`{label}` holds `{entry.name}`{what} in line {entry.line}")

    def _see(self, sighting: Sighting) -> None:
        self._seen.append(sighting)
        self.tell(sighting.text)

    def _note_aside(self, file: Path) -> None:
        """Note an app among tests, examples, documentation or migrations, which is never taken without a name."""
        try:
            candidates = self.reader.offer(file).candidates
        except AppLoadError:
            return
        for entry in (it for it in candidates[:1] if it.certain and not it.guess):
            label = self._label(file)
            text = f"`{label}` holds `{entry.name}` ({entry.framework or entry.interface}), line {entry.line}"
            self._see(Sighting(file, entry.line, text, f"serve it: `asgictl serve {label}`"))

    def _match(self, file: Path, entry: Candidate, place: Folder, index: int) -> Match:
        stem = file.parent.name if file.name == "__init__.py" else file.stem
        for_servers = entry.name in _FOR_SERVERS.get(stem, ()) and place.rank <= places.OWN
        if entry.guess:
            role = _GUESS
        elif entry.factory:
            role = _FACTORY if entry.certain else _LIKELY_FACTORY
        else:
            role = _SERVERS if for_servers else _OBJECT if entry.certain else _LIKELY_OBJECT
        if entry.imported and not for_servers:
            role += 2
        parts = file.relative_to(self.folder).parts
        group = "/".join(parts[: 1 + (parts[0] in places.SHELVES)]) if place.rank >= places.OTHER else ""
        far = int(place.rank == places.FAR)
        return Match(file, entry, (far, role, place.rank), (index, entry.rank, len(parts)), group)

    def _chosen(self) -> AppRef:
        first, *others = self._ranked()
        leading = [match for match in (first, *others) if match.rank == first.rank]
        alike = [match for match in leading if match.order[:2] == first.order[:2]]
        if len(groups := {match.group for match in leading}) > 1:
            alike = [next(match for match in leading if match.group == group) for group in sorted(groups)]
        if len(alike) == 1 and (factory := self._passed_over(first, others)) is not None:
            alike = [first, factory]
        if len(alike) > 1:
            raise self._several(alike)
        for match in others:
            loser = f"{self._label(match.file)}:{match.entry.name}"
            self.tell(f"`{loser}` loses to `{self._string(first)}`: {_why(first, match)}")
        module = modules.of_file(first.file, self.folder)
        ref = pick.ref_of(module, first.entry, f"found in {self._label(first.file)}, line {first.entry.line}")
        also = [it for it in others if it.rank[0] == first.rank[0] and it.rank[1] <= max(_LIKELY_OBJECT, first.rank[1])]
        notes = (self._scan.cut,) if self._scan.cut else ()
        listed = tuple(f"{self._string(match)} in {self._label(match.file)}" for match in also[:_SHOWN])
        return ref._replace(also=listed, notes=notes)

    def _passed_over(self, first: Match, others: Sequence[Match]) -> Match | None:
        """Return the factory of a better place that a stray object has nothing to do with."""
        if first.rank[-1] < places.STRAY or first.entry.factory:
            return None
        text = reading.content(first.file)
        better = (it for it in others if it.entry.factory and it.entry.certain and it.rank[-1] < first.rank[-1])
        return next((it for it in better if f"{it.entry.name}(".encode() not in text), None)

    def _ranked(self) -> Iterator[Match]:
        """Yield the matches, the best first; of those that are the same object only the best."""
        homes = set()
        for match in sorted(self._found(), key=lambda it: (it.rank, it.order)):
            home = match.entry.home or (match.file, match.entry.name)
            if home not in homes:
                homes.add(home)
                yield match

    def _string(self, match: Match) -> str:
        return f"{modules.of_file(match.file, self.folder).name}:{match.entry.name}"

    def _several(self, alike: Sequence[Match]) -> ConfigError:
        listed = [
            f"`{self._string(it)}`{f' ({it.entry.framework})' if it.entry.framework else ''} in "
            f"`{self._label(it.file)}`, line {it.entry.line}"
            for it in alike[:_SHOWN]
        ]
        more = f", and {len(alike) - _SHOWN} more" if len(alike) > _SHOWN else ""
        problem = f"`{self.folder}` holds {len(alike)} apps that rank alike: {'; '.join(listed)}{more}"
        first = alike[0]
        by_path = f"{self._label(first.file)}:{first.entry.name}"
        name = by_path if first.file.parent != self.folder else self._string(first)
        return ConfigError(problem, hint=f"name one: `asgictl serve {name}`")


def _is_module_name(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _why(first: Match, other: Match) -> str:
    if first.rank[1] != other.rank[1]:
        return "an object for servers comes first, then objects, then factories"
    return "its place comes first" if first.rank != other.rank else "its name comes first"
